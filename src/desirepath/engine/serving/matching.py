"""Documents for which a filter holds, where nothing else says which to look at."""

from __future__ import annotations

from desirepath.domain.document import Document, document_record
from desirepath.domain.filters import Filter, compile_filter
from desirepath.engine.serving.hits import Hit
from desirepath.storage.base import DocumentIndex

__all__ = ["first_matching"]

_CHUNK = 1_000


def first_matching(
    documents: DocumentIndex, namespace: int, filter: Filter | None, most: int
) -> list[Hit]:
    """The first ``most`` documents by id for which the filter holds, or of all without one."""
    matches = (lambda _: True) if filter is None else compile_filter(filter)
    hits: list[Hit] = []
    after = None
    while len(hits) < most:
        chunk = documents.find(namespace, filter=filter, after=after, limit=_CHUNK)
        hits += [_hit(document) for document in chunk if matches(document_record(document))]
        if len(chunk) < _CHUNK:
            break
        after = chunk[-1].document_id
    return hits[:most]


def _hit(document: Document) -> Hit:
    return Hit(
        document_id=document.document_id,
        score=0.0,
        payload=document.payload,
        metadata=document.metadata,
    )
