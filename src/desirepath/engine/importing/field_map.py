"""From a source's columns to our fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desirepath.domain.execution import ExecutionDraft
from desirepath.domain.interaction import INTERACTION_TYPES, InteractionDraft
from desirepath.errors import InvalidSetting

__all__ = ["FieldMap", "check_field_map", "value_at"]

RECORD_ONLY = ("kind", "interaction_id", "deduplicated", "timestamp", "warning", "live", "reward")
"""What we write about an interaction or execution and make anew when it is read."""
_RETRIEVER_FIELDS = ("retriever_id", "retriever_name")
_TABLE_FIELDS = ("query", "clicked", "score", "scores", "features", "document_id")
_NESTED = ("metadata", "inputs", "query_snapshot", "scores", "features")
FIELDS = frozenset(
    (
        *InteractionDraft.__struct_fields__,
        *ExecutionDraft.__struct_fields__,
        *RECORD_ONLY,
        *_RETRIEVER_FIELDS,
        *_TABLE_FIELDS,
    )
)
_TYPES = frozenset(INTERACTION_TYPES)
_ALIASES = {
    "document": "document_id",
    "execution": "execution_id",
    "session": "session_id",
    "time": "occurred_at",
    "type": "interaction_type",
    "user": "user_id",
}
"""Column names that are understood without a map, where our own name is not there."""


def check_field_map(field_map: Mapping[str, str]) -> None:
    """Refuse fields that do not exist.

    Raises
    ------
    InvalidSetting
        Naming the fields there are.
    """
    for field, column in field_map.items():
        head, dot, tail = field.partition(".")
        known = (head in _NESTED and tail) if dot else (field in FIELDS or _is_flag(field))
        if not known or not column:
            raise InvalidSetting(
                "--map takes FIELD=COLUMN, and FIELD is one of "
                f"{', '.join(sorted(FIELDS.difference(RECORD_ONLY)))}, "
                f"an interaction type (its column says whether it happened), or "
                f"{', '.join(f'{name}.NAME' for name in _NESTED)}.",
                ("map",),
            )


def _is_flag(field: str) -> bool:
    """Whether a column of this name says if something happened to a document that was shown."""
    return field in _TYPES


class FieldMap:
    """Renames and gathers the columns of a row.

    Parameters
    ----------
    field_map
        Our field to the source's column or dot path. Columns that bear a name of ours are taken
        without being listed.

    Examples
    --------
    >>> FieldMap({"position": "at.ordinal", "metadata.shop": "store"}).apply(
    ...     {"document": "d", "at": {"ordinal": 2}, "store": "x", "colour": "red"}
    ... )
    ({'document_id': 'd', 'position': 2, 'metadata': {'shop': 'x'}}, ['colour'])
    """

    def __init__(self, field_map: Mapping[str, str]) -> None:
        self._renamed = list(field_map.items())
        self._columns = frozenset(field_map.values()) | {
            column.partition(".")[0] for column in field_map.values()
        }

    def apply(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Our fields of a row, and the names of the columns that mean nothing here."""
        values: dict[str, Any] = {}
        ignored = []
        for name, value in row.items():
            if name in FIELDS or _is_flag(name):
                values[name] = value
            elif name in self._columns:
                continue
            elif name in _ALIASES:
                if _ALIASES[name] not in row:
                    values[_ALIASES[name]] = value
            else:
                ignored.append(name)
        for field, column in self._renamed:
            value = value_at(row, column)
            head, dot, tail = field.partition(".")
            if not dot:
                values[field] = value
            elif value is not None:
                inner = values.get(head)
                values[head] = {**inner, tail: value} if isinstance(inner, dict) else {tail: value}
        return values, ignored

    def missing(self, columns: list[str]) -> list[str]:
        """Mapped columns that a table with these columns does not have."""
        heads = {name.partition(".")[0] for name in columns} | set(columns)
        return [
            column
            for _, column in self._renamed
            if column not in heads and column.partition(".")[0] not in heads
        ]


def value_at(row: Any, path: str) -> Any:
    """The value at a dot path: a column of that very name, or a walk through objects and lists."""
    if isinstance(row, Mapping) and path in row:
        return row[path]
    value = row
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
