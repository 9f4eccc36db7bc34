"""Which of the documents that fit may be recommended: those that are stored and pass a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from desirepath.domain.document import Document, document_record, read_document_filter
from desirepath.domain.filters import compile_filter
from desirepath.engine.recommending.answers import Choice
from desirepath.storage.base import Session

__all__ = ["MOST_LOOKED_AT", "choose"]

MOST_LOOKED_AT = 5_000
"""Candidates that are looked up, the best ones: a filter that passes none of them ends there."""
_CHUNK = 500


def choose(
    session: Session, namespace: int, candidates: Sequence[str], choice: Choice
) -> tuple[list[str], Mapping[str, Document], list[str]]:
    """The first candidates that may be recommended, the stored ones among them, and notes.

    A document that is not stored may be recommended where the namespace stores none: its documents
    are elsewhere. In others it was deleted.

    Parameters
    ----------
    candidates
        Best first.

    Raises
    ------
    InvalidFilter
        The filter cannot be understood.
    """
    filter = read_document_filter(choice.filters, case_sensitive=choice.case_sensitive)
    holds = None if filter is None else compile_filter(filter)
    index = session.documents
    if not index.find(namespace, filter=None, after=None, limit=1):
        if holds is None:
            return list(candidates[: choice.limit]), {}, []
        return [], {}, ["No documents are stored here, so that no filter can pass any."]
    chosen: dict[str, Document] = {}
    looked_at = 0
    while len(chosen) < choice.limit and looked_at < min(len(candidates), MOST_LOOKED_AT):
        part = candidates[looked_at : looked_at + (_CHUNK if holds else 2 * choice.limit)]
        looked_at += len(part)
        found = index.get(namespace, list(part))
        passing = (found[id] for id in part if id in found)
        for document in passing:
            if holds is None or holds(document_record(document)):
                chosen[document.document_id] = document
    ids = list(chosen)[: choice.limit]
    notes = []
    if len(ids) < choice.limit and looked_at < len(candidates):
        notes.append(f"Only the {looked_at:,} documents that fit best were looked at.")
    return ids, chosen, notes
