"""Reading a filter: JSON in, a frozen tree out, or a refusal that says where and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from desirepath.domain import clock
from desirepath.domain.filters.text import compile_pattern, split_words
from desirepath.domain.filters.tree import (
    GEO_OPERATORS,
    NULL_OPERATORS,
    OPERATORS,
    ORDER_OPERATORS,
    SET_OPERATORS,
    TEXT_OPERATORS,
    And,
    Condition,
    FieldKind,
    Filter,
    Not,
    Or,
)
from desirepath.domain.plain_json import MAX_DEPTH, check_plain
from desirepath.errors import InvalidFilter, MalformedJSON

__all__ = ["MAX_LISTED_VALUES", "MAX_NODES", "parse_filter"]

MAX_NODES = 1_000
MAX_LISTED_VALUES = 10_000

Location = tuple[str | int, ...]

_GROUPS: dict[str, type[And | Or | Not]] = {"AND": And, "OR": Or, "NOT": Not}
_CONDITION_KEYS = frozenset({"field", "operator", "value", "case_sensitive"})
_KNOWN_OPERATORS = frozenset(OPERATORS + GEO_OPERATORS)
_NO_ALIASES: Mapping[str, str] = MappingProxyType({})


def parse_filter(
    raw: object,
    fields: Mapping[str, FieldKind],
    aliases: Mapping[str, str] = _NO_ALIASES,
    *,
    inside: str | None = None,
    max_depth: int = 10,
) -> Filter:
    """Read a filter; the package's docstring is its grammar.

    Parameters
    ----------
    raw
        Decoded JSON.
    fields
        The fields that can be filtered on, by name.
    aliases
        Other names of fields, to their own: ``{"created_at": "timestamp"}``.
    inside
        The ``OBJECT`` field that every other name lies in; without it other names are refused.
    max_depth
        How many ``AND``, ``OR`` and ``NOT`` may lie inside one another.

    Raises
    ------
    InvalidFilter
        With the location of what is wrong. Neither the message nor the location holds anything
        that was sent except names known here: a location stops short of an unknown key.

    Examples
    --------
    >>> fields = {"position": FieldKind.INTEGER}
    >>> parse_filter({"position": {"lt": 5}}, fields)  # doctest: +NORMALIZE_WHITESPACE
    Condition(path=('position',), kind=<FieldKind.INTEGER: 'integer'>, operator='lt', value=5,
              case_sensitive=False)
    >>> parse_filter({"AND": [{"color": "red"}]}, fields)
    Traceback (most recent call last):
    desirepath.errors.InvalidFilter: Unknown field; the fields are position.
    """
    reader = _Reader(fields, aliases, inside, max_depth)
    return reader.node(raw, (), case_sensitive=False, depth=0)


class _Reader:
    """Reads one filter and counts what it reads."""

    def __init__(
        self,
        fields: Mapping[str, FieldKind],
        aliases: Mapping[str, str],
        inside: str | None,
        max_depth: int,
    ) -> None:
        self._fields = fields
        self._aliases = aliases
        self._inside = inside
        self._max_depth = max_depth
        self._nodes = 0

    def node(self, raw: object, at: Location, *, case_sensitive: bool, depth: int) -> Filter:
        if not isinstance(raw, dict):
            raise InvalidFilter("A filter is an object: a condition, or a group of them.", at)
        case_sensitive = _flag(raw.get("case_sensitive"), case_sensitive, at)
        if "field" in raw and ("value" in raw or "operator" in raw):
            return self._explicit(raw, at, case_sensitive)
        self._count(at)
        children: list[Filter] = []
        for key, value in raw.items():
            if key in _GROUPS:
                if value is not None:
                    children.append(self._group(key, value, (*at, key), case_sensitive, depth + 1))
            elif key != "case_sensitive":
                children.extend(self._shorthand(key, value, at, case_sensitive))
        return children[0] if len(children) == 1 else And(tuple(children))

    def _group(
        self, name: str, raw: object, at: Location, case_sensitive: bool, depth: int
    ) -> Filter:
        if depth > self._max_depth:
            raise InvalidFilter(f"AND, OR and NOT nest at most {self._max_depth} deep.", at)
        if name == "NOT" and isinstance(raw, dict):
            return Not((self.node(raw, at, case_sensitive=case_sensitive, depth=depth),))
        if not isinstance(raw, list):
            raise InvalidFilter(f"{name} takes an array of filters.", at)
        return _GROUPS[name](
            tuple(
                self.node(child, (*at, index), case_sensitive=case_sensitive, depth=depth)
                for index, child in enumerate(raw)
            )
        )

    def _explicit(self, raw: dict[str, object], at: Location, case_sensitive: bool) -> Condition:
        if "value" not in raw:
            raise InvalidFilter("A condition needs a value.", at)
        if any(key not in _CONDITION_KEYS and raw[key] is not None for key in raw):
            raise InvalidFilter(
                "A condition takes field, operator, value and case_sensitive only.", at
            )
        path, kind = self._path(raw["field"], (*at, "field"))
        operator = "eq" if raw.get("operator") is None else _operator_of(raw["operator"])
        if operator is None:
            raise InvalidFilter(
                f"Unknown operator; the operators are {', '.join(OPERATORS)}.", (*at, "operator")
            )
        return self._condition(path, kind, operator, raw["value"], case_sensitive, (*at, "value"))

    def _shorthand(
        self, key: object, value: object, at: Location, case_sensitive: bool
    ) -> Iterator[Condition]:
        path, kind = self._path(key, at)
        head = str(key).split(".", 1)[0]
        if head in self._fields or head in self._aliases:
            at = (*at, head)
        if isinstance(value, dict):
            operators = {name: operator for name in value if (operator := _operator_of(name))}
            if value and len(operators) == len(value):
                for name, operator in operators.items():
                    yield self._condition(
                        path, kind, operator, value[name], case_sensitive, (*at, name)
                    )
                return
            if kind not in (None, FieldKind.OBJECT) and not _is_dynamic(value):
                raise InvalidFilter(
                    f"Takes a value or an object of operators: {', '.join(OPERATORS)}.", at
                )
        yield self._condition(
            path, kind, "in" if isinstance(value, list) else "eq", value, case_sensitive, at
        )

    def _condition(
        self,
        path: tuple[str, ...],
        kind: FieldKind | None,
        operator: str,
        value: object,
        case_sensitive: bool,
        at: Location,
    ) -> Condition:
        self._count(at)
        if operator in GEO_OPERATORS:
            raise InvalidFilter("No field holds a place, so no geo operator can be used.", at)
        return Condition(
            path, kind, operator, _value(operator, kind, value, case_sensitive, at), case_sensitive
        )

    def _path(self, raw: object, at: Location) -> tuple[tuple[str, ...], FieldKind | None]:
        head, *rest = raw.split(".") if isinstance(raw, str) else [""]
        field = self._aliases.get(head, head)
        kind = self._fields.get(field)
        if kind is None and self._inside is not None and isinstance(raw, str):
            field, rest = self._inside, [head, *rest]
            kind = self._fields[field]
        if kind is None:
            names = ", ".join(sorted({*self._fields, *self._aliases}))
            raise InvalidFilter(f"Unknown field; the fields are {names}.", at)
        if not rest:
            return (field,), kind
        if kind is not FieldKind.OBJECT:
            raise InvalidFilter(f"{field} is no object: nothing lies below it.", at)
        if "" in rest or len(rest) > MAX_DEPTH:
            raise InvalidFilter(
                f"A path has 1 to {MAX_DEPTH} parts below {field}, none of them empty.", at
            )
        _check_plain(raw, at)
        return (field, *rest), None

    def _count(self, at: Location) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise InvalidFilter(f"A filter has at most {MAX_NODES:,} conditions and groups.", at)


def _operator_of(name: object) -> str | None:
    """Name the operator called so, with or without Mongo's ``$``."""
    operator = name.removeprefix("$") if isinstance(name, str) else ""
    return operator if operator in _KNOWN_OPERATORS else None


def _flag(raw: object, inherited: bool, at: Location) -> bool:
    if raw is None:
        return inherited
    if not isinstance(raw, bool):
        raise InvalidFilter("case_sensitive is true or false.", (*at, "case_sensitive"))
    return raw


def _is_dynamic(value: object) -> bool:
    """Whether it is the SDK's DynamicValue, which stands for an input of a search."""
    return isinstance(value, dict) and value.get("type") == "dynamic" and "field" in value


def _check_plain(value: object, at: Location) -> None:
    try:
        check_plain(value)
    except MalformedJSON as error:
        raise InvalidFilter(error.message, at) from None


def _value(
    operator: str, kind: FieldKind | None, raw: object, case_sensitive: bool, at: Location
) -> object:
    _check_plain(raw, at)
    if any(map(_is_dynamic, raw if isinstance(raw, list) else [raw])):
        raise InvalidFilter("A list has no inputs that a dynamic value could be taken from.", at)
    if operator in NULL_OPERATORS:
        if not isinstance(raw, bool):
            raise InvalidFilter(f"{operator} takes true or false.", at)
        return raw
    if operator in TEXT_OPERATORS:
        return _text(operator, kind, raw, case_sensitive, at)
    if operator in SET_OPERATORS:
        if not isinstance(raw, list) or len(raw) > MAX_LISTED_VALUES:
            raise InvalidFilter(
                f"{operator} takes an array of at most {MAX_LISTED_VALUES:,} values.", at
            )
        return tuple(_operand(kind, item, (*at, index)) for index, item in enumerate(raw))
    if operator in ORDER_OPERATORS and isinstance(raw, list | dict):
        raise InvalidFilter(f"{operator} takes one text, number or time.", at)
    return _operand(kind, raw, at)


def _text(
    operator: str, kind: FieldKind | None, raw: object, case_sensitive: bool, at: Location
) -> str:
    if kind is FieldKind.TIME:
        raise InvalidFilter(
            f"{operator} looks at text, and this field is a time: use gt, gte, lt, lte.", at
        )
    if not isinstance(raw, str):
        raise InvalidFilter(f"{operator} takes text; eq finds other values, in arrays too.", at)
    if operator == "regex":
        try:
            compile_pattern(raw, case_sensitive)
        except ValueError as error:
            raise InvalidFilter(str(error), at) from None
    elif operator in ("phrase", "words") and not split_words(raw):
        raise InvalidFilter(f"{operator} takes text with at least one word.", at)
    return raw


def _operand(kind: FieldKind | None, raw: object, at: Location) -> object:
    if kind is not FieldKind.TIME or raw is None:
        return _frozen(raw)
    try:
        if isinstance(raw, str):
            return _time(raw)
    except (ValueError, OverflowError):
        pass
    raise InvalidFilter("Takes an ISO 8601 time such as 2026-01-31T12:00:00Z.", at) from None


def _time(text: str) -> datetime:
    return clock.to_datetime(clock.parse_time(text))


def _frozen(value: object) -> object:
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return value
