"""From a filter to SQL that passes at least what the filter passes.

The one evaluator in ``domain/filters`` decides on every row that SQL lets through, so a condition
that SQL cannot express alike on both databases may be dropped here, or widened. ``exact`` says that
nothing was; only what is exact may be negated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, and_, false, func, not_, or_, true

from desirepath.domain.clock import from_datetime
from desirepath.domain.filters import And, Condition, FieldKind, Filter, Not, Or
from desirepath.domain.ids import first_id_at, parse_id
from desirepath.domain.plain_json import encode_json
from desirepath.storage.relational import tables

__all__ = ["Narrowed", "narrow"]

_I = tables.interactions
_EXACT_IN_FLOAT = 2**53

_COMPARE: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "gt": lambda column, value: column > value,
    "lt": lambda column, value: column < value,
    "gte": lambda column, value: column >= value,
    "lte": lambda column, value: column <= value,
}
_SUBSTRING = frozenset({"contains", "starts_with", "ends_with", "text"})


class Narrowed(Struct, frozen=True):
    """A condition (None: everything passes) and whether it is the filter itself."""

    condition: ColumnElement[bool] | None
    exact: bool = False


_UNKNOWN = Narrowed(None)


def narrow(filter: Filter) -> Narrowed:
    """The SQL that a filter on interactions implies."""
    if isinstance(filter, And):
        parts = [narrow(child) for child in filter.children]
        conditions = [part.condition for part in parts if part.condition is not None]
        exact = all(part.exact for part in parts)
        return Narrowed(and_(true(), *conditions), exact) if conditions or exact else _UNKNOWN
    if isinstance(filter, Or):
        parts = [narrow(child) for child in filter.children]
        conditions = [part.condition for part in parts if part.condition is not None]
        if len(conditions) < len(parts):
            return _UNKNOWN
        return Narrowed(or_(false(), *conditions), all(part.exact for part in parts))
    if isinstance(filter, Not):
        inner = narrow(Or(filter.children))
        if inner.condition is None or not inner.exact:
            return _UNKNOWN
        return Narrowed(not_(inner.condition), exact=True)
    return _condition(filter)


def _condition(condition: Condition) -> Narrowed:
    head = condition.path[0]
    if condition.path == ("metadata", "reward_value"):
        return _number(_I.c.reward, condition)
    if len(condition.path) > 1:
        return _inside_object(_I.c[head], condition)
    if head == "interaction_id":
        return _interaction_id(condition)
    if head == "timestamp":
        return _timestamp(condition)
    if head == "interaction_type":
        return _types(condition)
    column = _I.c.get(head)
    if column is None:
        return _UNKNOWN
    if condition.operator in ("exists", "is_null"):
        return _null(column, is_null=(condition.operator == "is_null") == condition.value)
    if condition.value is None and condition.operator in ("eq", "ne"):
        return _null(column, is_null=condition.operator == "eq")
    if condition.kind is FieldKind.TEXT:
        return _text(column, condition)
    if condition.kind is FieldKind.TIME:
        return _time(column, condition)
    if condition.kind in (FieldKind.INTEGER, FieldKind.NUMBER):
        return _number(column, condition)
    return _UNKNOWN


def _null(column: Column[Any], is_null: bool) -> Narrowed:
    return Narrowed(column.is_(None) if is_null else column.is_not(None), exact=True)


def _equality(
    column: Column[Any], operator: str, values: Sequence[Any], *, with_null: bool = False
) -> Narrowed:
    """eq, ne, in, nin over values of the column's own type; NULL is a value like any other."""
    equal: ColumnElement[bool] = func.coalesce(column.in_(values), false())
    if with_null:
        equal = or_(equal, column.is_(None))
    return Narrowed(equal if operator in ("eq", "in") else not_(equal), exact=True)


def _listed(condition: Condition) -> list[Any]:
    value = condition.value
    return list(value) if condition.operator in ("in", "nin") else [value]  # type: ignore[call-overload]


def _text(column: Column[Any], condition: Condition) -> Narrowed:
    value, operator = condition.value, condition.operator
    if operator in ("eq", "ne", "in", "nin"):
        values = _listed(condition)
        texts = [item for item in values if isinstance(item, str)]
        return _equality(column, operator, texts, with_null=None in values)
    if not isinstance(value, str):
        return _UNKNOWN
    if operator in _COMPARE:
        return Narrowed(func.coalesce(_COMPARE[operator](column, value), false()), exact=True)
    if operator in _SUBSTRING:
        return Narrowed(func.lower(column).contains(_fold(value), autoescape=True))
    return _UNKNOWN


def _number(column: Column[Any], condition: Condition) -> Narrowed:
    operator = condition.operator
    values = _listed(condition)
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if any(abs(number) >= _EXACT_IN_FLOAT for number in numbers):
        return _UNKNOWN
    if operator in ("eq", "ne", "in", "nin"):
        return _equality(column, operator, numbers, with_null=None in values)
    if operator in _COMPARE and numbers:
        return Narrowed(func.coalesce(_COMPARE[operator](column, numbers[0]), false()), exact=True)
    return _UNKNOWN


def _time(column: Column[Any], condition: Condition) -> Narrowed:
    operator = condition.operator
    values = _listed(condition)
    moments = [from_datetime(value) for value in values if isinstance(value, datetime)]
    if operator in ("eq", "ne", "in", "nin"):
        return _equality(column, operator, moments, with_null=None in values)
    if operator in _COMPARE and moments:
        return Narrowed(_COMPARE[operator](column, moments[0]), exact=True)
    return _UNKNOWN


def _timestamp(condition: Condition) -> Narrowed:
    if condition.operator not in _COMPARE or not isinstance(condition.value, datetime):
        return _UNKNOWN
    moment = from_datetime(condition.value)
    first, next = first_id_at(moment), first_id_at(moment + 1)
    column = _I.c.id
    condition_of = {
        "gte": column >= first,
        "gt": column >= next,
        "lt": column < first,
        "lte": column < next,
    }
    return Narrowed(condition_of[condition.operator], exact=True)


def _interaction_id(condition: Condition) -> Narrowed:
    if condition.operator not in ("eq", "ne", "in", "nin"):
        return _UNKNOWN
    texts = [value for value in _listed(condition) if isinstance(value, str)]
    ids = [id for id in (parse_id("int", text) for text in texts) if id is not None]
    return _equality(_I.c.id, condition.operator, ids)


def _types(condition: Condition) -> Narrowed:
    values = _listed(condition)
    if condition.operator not in ("eq", "ne", "in", "nin") or not all(
        isinstance(value, str) for value in values
    ):
        return _UNKNOWN
    any_of = or_(
        false(),
        *(("," + _I.c.types + ",").contains(f",{value},", autoescape=True) for value in values),
    )
    # LIKE ignores case on SQLite, and a value may hold a comma: a superset, so no negation.
    return Narrowed(any_of) if condition.operator in ("eq", "in") else _UNKNOWN


def _inside_object(column: Column[Any], condition: Condition) -> Narrowed:
    """What must be in the JSON text if the condition holds somewhere inside it."""
    operator, value = condition.operator, condition.value
    if operator == "in" and isinstance(value, list | tuple):
        texts = [_json_text(item) for item in value]
        if all(isinstance(item, str) for item in value):
            return Narrowed(
                or_(false(), *(func.lower(column).contains(t, autoescape=True) for t in texts))
            )
        return _UNKNOWN
    if not isinstance(value, str) or operator not in ("eq", *_SUBSTRING):
        return _UNKNOWN
    needle = _json_text(value)
    if operator != "eq":
        needle = needle[1:-1]
    return Narrowed(func.lower(column).contains(needle, autoescape=True))


def _json_text(value: object) -> str:
    return _fold(encode_json(value).decode())


def _fold(text: str) -> str:
    """Lower case as both databases do it here: ASCII only."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
