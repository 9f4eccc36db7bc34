"""The tree that a filter is parsed into."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "GEO_OPERATORS",
    "NULL_OPERATORS",
    "OPERATORS",
    "ORDER_OPERATORS",
    "SET_OPERATORS",
    "TEXT_OPERATORS",
    "And",
    "Condition",
    "FieldKind",
    "Filter",
    "Not",
    "Or",
]

EQUALITY_OPERATORS = ("eq", "ne")
ORDER_OPERATORS = ("gt", "lt", "gte", "lte")
SET_OPERATORS = ("in", "nin")
NULL_OPERATORS = ("exists", "is_null")
TEXT_OPERATORS = ("contains", "starts_with", "ends_with", "regex", "text", "phrase", "words")
GEO_OPERATORS = ("geo_radius", "geo_bounding_box", "geo_polygon")
OPERATORS = EQUALITY_OPERATORS + ORDER_OPERATORS + SET_OPERATORS + TEXT_OPERATORS + NULL_OPERATORS
"""Operators that can be used; the geographic ones are known but have no field to work on."""


class FieldKind(enum.Enum):
    """What a field of a record holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TIME = "time"
    """An aware datetime."""
    TEXT_ARRAY = "text_array"
    OBJECT = "object"
    """A JSON object, or null, whose insides are reached by dot paths."""
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    Parameters
    ----------
    path
        Field, by its own name and not an alias, then the steps inside it.
    kind
        What the field holds; None for a path inside an ``OBJECT``, where anything may be.
    operator
        One of :data:`OPERATORS`.
    value
        JSON with arrays as tuples and objects as read-only mappings; aware UTC datetimes for a
        ``TIME`` field; always a tuple for ``in`` and ``nin``.
    case_sensitive
        Looked at by ``contains``, ``starts_with``, ``ends_with``, ``phrase`` and ``regex`` only.
    """

    path: tuple[str, ...]
    kind: FieldKind | None
    operator: str
    value: object
    case_sensitive: bool


@dataclass(frozen=True, slots=True)
class And:
    """Every child holds; without children always."""

    children: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one child holds; without children never."""

    children: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """No child holds; without children always."""

    children: tuple[Filter, ...]


Filter: TypeAlias = Condition | And | Or | Not
