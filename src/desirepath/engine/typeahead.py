"""Suggest how a search that is being typed may go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from desirepath.domain.document import Document, document_record, read_document_filter
from desirepath.domain.filters import compile_filter
from desirepath.storage.base import Session

__all__ = ["MAX_FIELDS", "Suggestions", "ValueCount", "suggest"]

MAX_FIELDS = 5
_DOCUMENTS = 1_000
_SEARCHES = 2_000
_LEAST_PEOPLE = 3
"""A query is suggested when as many people searched for it: one person's may be private."""


class ValueCount(Struct, frozen=True, kw_only=True):
    """A value of a field, and in how many documents it was seen."""

    field: str
    value: str
    count: int


class Suggestions(Struct, frozen=True, kw_only=True):
    """What begins like the text, by where it comes from."""

    values: list[ValueCount]
    collections: list[str]
    recent_searches: list[str]
    warnings: list[str]

    @property
    def texts(self) -> list[str]:
        """All of them once, whatever their case: searches, values, collections."""
        texts = [*self.recent_searches, *(v.value for v in self.values), *self.collections]
        return list({text.casefold(): text for text in reversed(texts)}.values())[::-1]


def suggest(
    session: Session, namespace: int, text: str, fields: Sequence[str], limit: int
) -> Suggestions:
    """What begins with a text, at most ``limit`` of each kind.

    Parameters
    ----------
    fields
        Paths in documents whose values may be suggested.

    Raises
    ------
    InvalidFilter
        A path cannot be one.
    """
    warnings: list[str] = []
    values = [
        value for field in fields for value in _values(session, namespace, text, field, warnings)
    ]
    values.sort(key=lambda value: (-value.count, value.value))
    return Suggestions(
        values=values[:limit],
        collections=_collections(session, namespace, text)[:limit],
        recent_searches=_recent(session, namespace, text)[:limit],
        warnings=warnings,
    )


def _values(
    session: Session, namespace: int, text: str, field: str, warnings: list[str]
) -> Iterator[ValueCount]:
    filter = read_document_filter({"field": field, "operator": "starts_with", "value": text})
    documents = session.documents.find(namespace, filter=filter, limit=_DOCUMENTS)
    if len(documents) == _DOCUMENTS:
        warnings.append(f"Values were looked for in {_DOCUMENTS:,} documents only.")
    if filter is None:
        return
    matches = compile_filter(filter)
    counts: Counter[str] = Counter()
    for document in documents:
        if matches(document_record(document)):
            counts.update({v for v in _texts_at(document, field) if _begins(v, text)})
    for value, count in counts.items():
        yield ValueCount(field=field, value=value, count=count)


def _texts_at(document: Document, path: str) -> Iterator[str]:
    record: Mapping[str, Any] = document_record(document)
    head, *steps = path.split(".")
    value: Any = record.get(head, document.payload.get(head))
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item


def _collections(session: Session, namespace: int, text: str) -> list[str]:
    names = {
        name
        for retriever in session.catalog.retrievers(namespace)
        for name in retriever.draft.collection_identifiers
    }
    return sorted(name for name in names if _begins(name, text))


def _recent(session: Session, namespace: int, text: str) -> list[str]:
    query_to_people: dict[str, set[str]] = {}
    for query, identity in session.summaries.recent_searches(namespace, _SEARCHES):
        if _begins(query, text) and not query.startswith("{"):
            query_to_people.setdefault(query, set()).add(identity)
    return [query for query, people in query_to_people.items() if len(people) >= _LEAST_PEOPLE]


def _begins(text: str, with_: str) -> bool:
    return text.casefold().startswith(with_.casefold())
