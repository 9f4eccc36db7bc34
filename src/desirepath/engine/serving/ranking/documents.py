"""What rankers look at in documents, kept for a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from math import nan

from msgspec import Struct

from desirepath.domain.document import Document
from desirepath.engine.serving.ranking.hashes import hash_document
from desirepath.storage.base import Session

__all__ = ["FRESH_SECONDS", "MOST_DOCUMENTS", "DocumentFields", "KnownDocument"]

FRESH_SECONDS = 60.0
MOST_DOCUMENTS = 100_000
"""That are kept for a model: some 300 bytes each, and what its values take."""


class KnownDocument(Struct, frozen=True, eq=False):
    """A document as a ranker sees it.

    Parameters
    ----------
    hash
        Of its id.
    numbers
        Field by field; NaN where there is none.
    values
        Field by field, the texts that stand there.
    """

    hash: bytes
    numbers: tuple[float, ...]
    values: tuple[tuple[str, ...], ...]


class DocumentFields:
    """Some fields of the documents of a namespace, as they were at most a minute ago.

    Parameters
    ----------
    number_of
        How a number is read of a document, field by field.
    values_of
        How texts are, likewise.
    clock
        Seconds that pass.
    """

    def __init__(
        self,
        namespace: int,
        number_of: Sequence[Callable[[Document], float]],
        values_of: Sequence[Callable[[Document], tuple[str, ...]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._namespace = namespace
        self._number_of, self._values_of, self._clock = number_of, values_of, clock
        self._entries: dict[str, tuple[float, KnownDocument]] = {}  # the oldest first
        self._changing = threading.Lock()

    def of(self, session: Session, document_ids: Sequence[str]) -> list[KnownDocument]:
        """Documents by their ids, in order; one that is not there has no numbers and no values."""
        now = self._clock()
        entries = [self._entries.get(id) for id in document_ids]
        stale = {
            id
            for id, entry in zip(document_ids, entries, strict=True)
            if entry is None or entry[0] < now
        }
        loaded = self._load(session, sorted(stale), now + FRESH_SECONDS) if stale else {}
        return [
            entry[1] if entry is not None and id not in stale else loaded[id]
            for id, entry in zip(document_ids, entries, strict=True)
        ]

    def _load(
        self, session: Session, document_ids: Sequence[str], until: float
    ) -> Mapping[str, KnownDocument]:
        reads_any = self._number_of or self._values_of
        found = session.documents.get(self._namespace, document_ids) if reads_any else {}
        known = {id: self._known(id, found.get(id)) for id in document_ids}
        with self._changing:
            for id, document in known.items():
                self._entries.pop(id, None)
                self._entries[id] = (until, document)
            for id in list(islice(self._entries, max(0, len(self._entries) - MOST_DOCUMENTS))):
                del self._entries[id]
        return known

    def _known(self, document_id: str, document: Document | None) -> KnownDocument:
        hash = hash_document(document_id)
        if document is None:
            return KnownDocument(hash, (nan,) * len(self._number_of), ((),) * len(self._values_of))
        return KnownDocument(
            hash,
            tuple(read(document) for read in self._number_of),
            tuple(read(document) for read in self._values_of),
        )
