"""List retrievers: there are few, so all are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from desirepath.domain.clock import to_datetime
from desirepath.domain.filters import FieldKind, compile_filter, parse_filter
from desirepath.domain.order import sorted_by
from desirepath.domain.retriever import Retriever
from desirepath.errors import InvalidFilter

__all__ = ["RETRIEVER_FIELDS", "RetrieverQuery", "select_retrievers"]

RETRIEVER_FIELDS: Mapping[str, FieldKind] = {
    "retriever_id": FieldKind.TEXT,
    "retriever_name": FieldKind.TEXT,
    "description": FieldKind.TEXT,
    "stages": FieldKind.OBJECT,
    "collection_ids": FieldKind.TEXT_ARRAY,
    "collection_identifiers": FieldKind.TEXT_ARRAY,
    "input_schema": FieldKind.OBJECT,
    "budget_limits": FieldKind.OBJECT,
    "tags": FieldKind.TEXT_ARRAY,
    "metadata": FieldKind.OBJECT,
    "display_config": FieldKind.OBJECT,
    "fusion": FieldKind.TEXT,
    "version": FieldKind.INTEGER,
    "created_at": FieldKind.TIME,
    "updated_at": FieldKind.TIME,
}
"""What retrievers can be filtered and sorted by."""


class RetrieverQuery(Struct, frozen=True, kw_only=True):
    """Which retrievers, in which order; ``sorts`` are (field, descending), the first counts most.

    ``search`` is looked for in id, name, description and tags; ``*`` in it stands for anything.
    """

    search: str | None = None
    filters: Mapping[str, Any] | None = None
    sorts: Sequence[tuple[str, bool]] = ()
    case_sensitive: bool = False


def select_retrievers(retrievers: Iterable[Retriever], query: RetrieverQuery) -> list[Retriever]:
    """Those that match, in order; equal ones stay as they came.

    Raises
    ------
    InvalidFilter
        The filter cannot be understood, or a field to sort by is unknown.
    """
    records = [(_as_record(retriever), retriever) for retriever in retrievers]
    for matches in _tests(query):
        records = [pair for pair in records if matches(pair[0])]
    for field, descending in reversed(query.sorts):
        present, missing = sorted_by(records, _value_at(field), descending=descending)
        records = present + missing
    return [retriever for _, retriever in records]


def _value_at(path: str) -> Callable[[tuple[object, Retriever]], object]:
    steps = path.split(".")
    if steps[0] not in RETRIEVER_FIELDS:
        raise InvalidFilter(f"Sort by one of {', '.join(RETRIEVER_FIELDS)}.", ("sort", "field"))

    def value_of(pair: tuple[object, Retriever]) -> object:
        value = pair[0]
        for step in steps:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value

    return value_of


def _tests(query: RetrieverQuery) -> Iterable[Callable[[Mapping[str, Any]], bool]]:
    if query.filters:
        raw = {"case_sensitive": query.case_sensitive, **query.filters}
        yield compile_filter(parse_filter(raw, RETRIEVER_FIELDS))
    if query.search is not None:
        yield _searched(query.search, query.case_sensitive)


def _searched(search: str, case_sensitive: bool) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a name, text or tag has the parts between the asterisks, one after another."""
    seen = str if case_sensitive else str.lower
    parts = seen(search).split("*")

    def matches(record: Mapping[str, Any]) -> bool:
        texts = (record["retriever_id"], record["retriever_name"], record["description"] or "")
        return any(_in_turn(parts, seen(text)) for text in (*texts, *record["tags"]))

    return matches


def _in_turn(parts: Iterable[str], text: str) -> bool:
    for part in parts:
        _, found, text = text.partition(part) if part else ("", "-", text)
        if not found:
            return False
    return True


def _as_record(retriever: Retriever) -> dict[str, Any]:
    draft = retriever.draft
    return {
        "retriever_id": retriever.retriever_id,
        "retriever_name": draft.retriever_name,
        "description": draft.description,
        "stages": draft.stages,
        "collection_ids": draft.collection_identifiers,
        "collection_identifiers": draft.collection_identifiers,
        "input_schema": draft.input_schema,
        "budget_limits": draft.budget_limits,
        "tags": draft.tags,
        "metadata": draft.metadata,
        "display_config": draft.display_config,
        "fusion": retriever.fusion,
        "version": retriever.version,
        "created_at": to_datetime(retriever.created_at),
        "updated_at": to_datetime(retriever.updated_at),
    }
