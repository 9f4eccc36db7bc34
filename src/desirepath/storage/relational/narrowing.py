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
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Double,
    and_,
    bindparam,
    false,
    func,
    literal,
    not_,
    or_,
)

from desirepath.domain.clock import from_datetime
from desirepath.domain.filters import And, Condition, FieldKind, Filter, Not, Or
from desirepath.domain.ids import first_id_at, parse_id
from desirepath.domain.plain_json import encode_json
from desirepath.storage.relational import tables

__all__ = ["Narrowed", "narrow", "narrow_documents", "narrow_executions"]

_I = tables.interactions
_D = tables.documents
_E = tables.executions
_EXACT_IN_FLOAT = 2**53
_MOST_TERMS = 400  # SQLite parses 1,000 deep, and a chain of ORs is as deep as it is long
_MOST_VALUES = 20_000  # SQLite binds 32,766 values in a statement, PostgreSQL 65,535
_MOST_TYPE_CHARACTERS = 64
_MOST_LIKE_CHARACTERS = 10_000  # SQLite refuses patterns of more than 50,000 bytes

_COMPARE: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "gt": lambda column, value: column > value,
    "lt": lambda column, value: column < value,
    "gte": lambda column, value: column >= value,
    "lte": lambda column, value: column <= value,
}
_SUBSTRING = frozenset({"contains", "starts_with", "ends_with", "text"})


class Narrowed(Struct, frozen=True):
    """A condition (None: everything passes) and whether it is the filter itself.

    Where a column is NULL the condition may be NULL instead of false, which is the same in WHERE.
    """

    condition: ColumnElement[bool] | None
    exact: bool = False


_UNKNOWN = Narrowed(None)


def narrow(filter: Filter) -> Narrowed:
    """The SQL that a filter on interactions implies."""
    return _Narrower(_condition).narrow(filter)


def narrow_executions(filter: Filter) -> Narrowed:
    """The SQL that a filter on executions implies."""
    return _Narrower(_execution_condition).narrow(filter)


def narrow_documents(filter: Filter) -> Narrowed:
    """The SQL that a filter on documents implies."""
    return _Narrower(_document_condition).narrow(filter)


class _Narrower:
    """Narrows one filter, as far as a statement has room."""

    def __init__(self, narrow_condition: Callable[[Condition], Narrowed]) -> None:
        self._narrow_condition = narrow_condition
        self._terms = _MOST_TERMS
        self._values = _MOST_VALUES

    def narrow(self, filter: Filter) -> Narrowed:
        if isinstance(filter, Condition):
            return self._narrow_condition(filter) if self._has_room(filter) else _UNKNOWN
        if isinstance(filter, Not):
            return self._not(filter)
        parts = [self.narrow(child) for child in filter.children]
        conditions = [part.condition for part in parts if part.condition is not None]
        exact = all(part.exact for part in parts)
        if isinstance(filter, And):
            return Narrowed(and_(*conditions) if conditions else None, exact)
        if len(conditions) < len(parts):
            return _UNKNOWN
        return Narrowed(or_(false(), *conditions), exact)

    def _not(self, filter: Not) -> Narrowed:
        if not filter.children:
            return Narrowed(None, exact=True)
        inner = self.narrow(Or(filter.children))
        if inner.condition is None or not inner.exact:
            return _UNKNOWN
        return Narrowed(not_(func.coalesce(inner.condition, false())), exact=True)

    def _has_room(self, condition: Condition) -> bool:
        n_values = len(condition.value) if isinstance(condition.value, tuple) else 1
        chained = len(condition.path) > 1 or condition.path == ("interaction_type",)
        n_terms = n_values if chained else 1
        if n_values > self._values or n_terms > self._terms:
            return False
        self._values -= n_values
        self._terms -= n_terms
        return True


def _condition(condition: Condition) -> Narrowed:
    head = condition.path[0]
    if condition.path == ("metadata", "reward_value"):
        return _number(_I.c.reward, condition)
    if len(condition.path) > 1:
        return _inside_object(_I.c[head], condition)
    if head == "metadata":
        return _UNKNOWN  # NULL in the table, but no record lacks it: reward_value is in it
    if head == "interaction_id":
        return _interaction_id(condition)
    if head == "timestamp":
        return _timestamp(_I.c.id, condition)
    if head == "interaction_type":
        return _types(condition)
    column = _I.c.get(head)
    return _UNKNOWN if column is None else _of_column(column, condition)


_EXECUTION_COLUMNS = {
    "execution_id": _E.c.execution_id,
    "user_id": _E.c.user_id,
    "session_id": _E.c.session_id,
    "configuration": _E.c.configuration,
    "parent_execution_id": _E.c.parent_id,
    "offset": _E.c.offset,
    "total": _E.c.total,
    "total_returned": _E.c.n_documents,
    "occurred_at": _E.c.occurred_at,
}
_EXECUTION_OBJECTS = {"inputs": _E.c.inputs, "metadata": _E.c.metadata}


def _execution_condition(condition: Condition) -> Narrowed:
    head = condition.path[0]
    if len(condition.path) > 1:
        return _inside_object(_EXECUTION_OBJECTS[head], condition)
    if head == "timestamp":
        return _timestamp(_E.c.id, condition)
    column = _EXECUTION_COLUMNS.get(head)
    return _UNKNOWN if column is None else _of_column(column, condition)


def _of_column(column: Column[Any], condition: Condition) -> Narrowed:
    """What holds of a column that is the field itself."""
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


def _document_condition(condition: Condition) -> Narrowed:
    head = condition.path[0]
    if len(condition.path) > 1:
        return _inside_object(_D.c[head], condition)
    return _text(_D.c.document_id, condition) if head == "document_id" else _UNKNOWN


def _null(column: Column[Any], is_null: bool) -> Narrowed:
    return Narrowed(column.is_(None) if is_null else column.is_not(None), exact=True)


def _equality(
    column: Column[Any],
    operator: str,
    values: Sequence[Any] | BindParameter[Any],
    *,
    with_null: bool = False,
) -> Narrowed:
    """eq, ne, in, nin over values of the column's own type; NULL is a value like any other."""
    equal: ColumnElement[bool] = column.in_(values)
    if with_null:
        equal = or_(equal, column.is_(None))
    if operator in ("ne", "nin"):
        equal = not_(func.coalesce(equal, false()))
    return Narrowed(equal, exact=True)


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
        return Narrowed(_COMPARE[operator](column, value), exact=True)
    if operator in _SUBSTRING:
        return Narrowed(_has_text(column, _fold(value)))
    return _UNKNOWN


def _number(column: Column[Any], condition: Condition) -> Narrowed:
    operator = condition.operator
    values = _listed(condition)
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if any(abs(number) >= _EXACT_IN_FLOAT for number in numbers):
        return _UNKNOWN
    # Bound as floats: SQLAlchemy would cast all of a list to the type of its first number.
    floats = list(map(float, numbers))
    if operator in ("eq", "ne", "in", "nin"):
        bound: BindParameter[Any] = bindparam(None, floats, Double(), expanding=True)
        return _equality(column, operator, bound, with_null=None in values)
    if operator in _COMPARE and floats:
        return Narrowed(_COMPARE[operator](column, literal(floats[0], Double())), exact=True)
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


def _timestamp(column: Column[Any], condition: Condition) -> Narrowed:
    if condition.operator not in _COMPARE or not isinstance(condition.value, datetime):
        return _UNKNOWN
    moment = from_datetime(condition.value)
    first, next = first_id_at(moment), first_id_at(moment + 1)
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
        *(
            ("," + _I.c.types + ",").contains(f",{value},", autoescape=True)
            for value in values
            if len(value)
            <= _MOST_TYPE_CHARACTERS  # no type is longer, and SQLite's LIKE is limited
        ),
    )
    # LIKE ignores case on SQLite, and a value may hold a comma: a superset, so no negation.
    return Narrowed(any_of) if condition.operator in ("eq", "in") else _UNKNOWN


def _inside_object(column: Column[Any], condition: Condition) -> Narrowed:
    """What must be in the JSON text if the condition holds somewhere inside it."""
    operator, value = condition.operator, condition.value
    if operator == "in":
        values = _listed(condition)
        if not all(isinstance(item, str) for item in values):
            return _UNKNOWN
        return Narrowed(or_(false(), *(_has_text(column, _json_text(item)) for item in values)))
    if not isinstance(value, str) or operator not in ("eq", *_SUBSTRING):
        return _UNKNOWN
    needle = _json_text(value)
    return Narrowed(_has_text(column, needle if operator == "eq" else needle[1:-1]))


def _has_text(column: Column[Any], folded: str) -> ColumnElement[bool]:
    """Whether a text contains another, or at least its beginning, whatever its ASCII case."""
    return func.lower(column).contains(folded[:_MOST_LIKE_CHARACTERS], autoescape=True)


def _json_text(value: object) -> str:
    return _fold(encode_json(value).decode())


def _fold(text: str) -> str:
    """Lower case as both databases do it here: ASCII only."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
