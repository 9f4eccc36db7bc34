"""Change, delete and count many documents, by their ids or by a filter."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from desirepath.domain.document import Document, document_record, read_document_filter
from desirepath.domain.filters import compile_filter
from desirepath.domain.plain_json import canonical_json, decode_json
from desirepath.engine.documents import change_documents
from desirepath.engine.engine import Engine
from desirepath.errors import InvalidDocument, InvalidFilter, QueryTooSlow
from desirepath.storage.base import Namespace, Session

__all__ = [
    "MOST_MATCHES",
    "Counted",
    "change_each",
    "change_matching",
    "delete_documents",
    "delete_matching",
    "distinct_values",
    "find_documents",
]

MOST_MATCHES = 10_000
"""Documents that one filter may change or delete."""
_CHUNK = 1_000
_IN_TRANSACTION = 500  # others wait for one such transaction at a time


class Counted(Struct, frozen=True, kw_only=True):
    """A value, and how many documents have it."""

    value: Any
    count: int


def find_documents(
    engine: Engine, namespace: int, document_ids: Sequence[str], *, with_vectors: bool = False
) -> dict[str, Document]:
    """Documents by id; unknown ones are left out."""
    with engine.storage.read() as session:
        return session.documents.get(namespace, document_ids, with_vectors=with_vectors)


def change_each(
    engine: Engine, namespace: Namespace, id_to_changes: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Change documents, each by itself; why the others stayed as they were, by id.

    Raises
    ------
    EmbedderError
        A vector of a text that changes could not be made; nothing was changed.
    """
    remaining = dict(id_to_changes)
    refused: dict[str, str] = {}
    while remaining:
        ids = list(remaining)
        try:
            changed = change_documents(engine, namespace, remaining)
        except InvalidDocument as error:
            if not error.location or not isinstance(error.location[0], int):
                raise
            id = ids[error.location[0]]
            refused[id] = error.message
            del remaining[id]
            continue
        return refused | {id: "No such document." for id in ids if id not in changed}
    return refused


def change_matching(
    engine: Engine,
    namespace: Namespace,
    filters: Mapping[str, Any] | None,
    changes: Mapping[str, Any],
    seconds: float = 5.0,
) -> int:
    """Make the same changes to every document that matches; how many there were.

    They are made in several transactions. A repetition changes the same again.

    Raises
    ------
    InvalidFilter
        The filter cannot be understood, or more than 10,000 documents match.
    InvalidDocument
        What one would become cannot be stored.
    QueryTooSlow
        They were not found in time.
    EmbedderError
        A vector of a text that changes could not be made.
    """
    ids = _matching(engine, namespace.number, filters, seconds)
    n_changed = 0
    try:
        for part in _parts(ids):
            n_changed += len(change_documents(engine, namespace, dict.fromkeys(part, changes)))
    except InvalidDocument as error:
        raise InvalidDocument(error.message, ("update_data", *error.location[1:])) from error
    return n_changed


def delete_documents(engine: Engine, namespace: int, document_ids: Iterable[str]) -> set[str]:
    """Delete documents; which of them were there."""
    ids = sorted(set(document_ids))
    with engine.storage.write() as session:
        found = set(session.documents.get(namespace, ids, hold=True))
        session.documents.delete(namespace, sorted(found))
    return found


def delete_matching(
    engine: Engine, namespace: int, filters: Mapping[str, Any], seconds: float = 5.0
) -> int:
    """Delete every document that matches, in several transactions; how many there were.

    Raises
    ------
    InvalidFilter
        The filter cannot be understood, or more than 10,000 documents match.
    QueryTooSlow
        They were not found in time.
    """
    ids = _matching(engine, namespace, filters, seconds)
    return sum(len(delete_documents(engine, namespace, part)) for part in _parts(ids))


def distinct_values(
    engine: Engine,
    namespace: int,
    path: str,
    filters: Mapping[str, Any] | None,
    seconds: float = 5.0,
) -> list[Counted]:
    """The values at a path of documents that match, the most frequent first.

    Each element of an array is a value; null is none.

    Raises
    ------
    InvalidFilter
        The filter cannot be understood.
    QueryTooSlow
        Not all documents were looked at in time.
    """
    counts: Counter[bytes] = Counter()
    with engine.storage.read(seconds) as session:
        for document in _documents(session, namespace, filters, seconds):
            counts.update(_values_at(document, path))
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Counted(value=decode_json(value), count=count) for value, count in ordered]


def _values_at(document: Document, path: str) -> set[bytes]:
    """The values of one document, written down; each once."""
    steps = path.split(".")
    record = document_record(document)
    value: object = record if steps[0] in record else document.payload
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    values = value if isinstance(value, list) else [value]
    return {canonical_json(one) for one in values if one is not None}


def _matching(
    engine: Engine, namespace: int, filters: Mapping[str, Any] | None, seconds: float
) -> list[str]:
    ids: list[str] = []
    with engine.storage.read(seconds) as session:
        for document in _documents(session, namespace, filters, seconds):
            ids.append(document.document_id)
            if len(ids) > MOST_MATCHES:
                raise InvalidFilter(
                    f"More than {MOST_MATCHES:,} documents match; narrow the filter.", ("filters",)
                )
    return ids


def _documents(
    session: Session, namespace: int, filters: Mapping[str, Any] | None, seconds: float
) -> Iterator[Document]:
    """All that match, by document_id."""
    filter = read_document_filter(filters)
    holds = None if filter is None else compile_filter(filter)
    deadline = time.monotonic() + seconds
    after: str | None = None
    while True:
        found = session.documents.find(namespace, filter=filter, after=after, limit=_CHUNK)
        for document in found:
            if holds is None or holds(document_record(document)):
                yield document
        if len(found) < _CHUNK:
            return
        if time.monotonic() > deadline:
            raise QueryTooSlow("document_id", seconds)
        after = found[-1].document_id


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IN_TRANSACTION):
        yield ids[start : start + _IN_TRANSACTION]
