"""Write batches: each in one transaction, everything in it new, repeated or refused."""

from __future__ import annotations

from desirepath.domain.ids import IdGenerator
from desirepath.engine.importing.batches import Batch, decode_prepared
from desirepath.engine.importing.changes import Changes
from desirepath.engine.importing.erased import Erased
from desirepath.engine.importing.options import ImportResult
from desirepath.engine.importing.rejected import RejectedFiles
from desirepath.engine.importing.retrievers import RetrieverBook
from desirepath.engine.importing.write_drafts import DraftWriter
from desirepath.engine.importing.write_prepared import PreparedWriter
from desirepath.engine.recording import Learning, RecordingRules
from desirepath.storage.base import Storage

__all__ = ["Writer"]


class Writer:
    """Stores what readers found.

    Parameters
    ----------
    storage
        Where to.
    namespace
        Whose rows.
    rules
        How to record.
    make_id
        Makes the ids.
    book
        Finds or makes retrievers.
    rejected
        Takes the rows that are refused.
    result
        Counts.
    learning
        What learns from what is written.
    """

    def __init__(
        self,
        storage: Storage,
        namespace: int,
        rules: RecordingRules,
        make_id: IdGenerator,
        book: RetrieverBook,
        rejected: RejectedFiles,
        result: ImportResult,
        learning: Learning,
    ) -> None:
        self._storage = storage
        self._namespace = namespace
        self._book = book
        self._rejected = rejected
        self._result = result
        self._erased = Erased(namespace)
        self._drafts = DraftWriter(namespace, rules, make_id, book, learning)
        self._prepared = PreparedWriter(namespace, rules, make_id, learning)

    def write(self, batch: Batch) -> None:
        """Store a batch.

        Raises
        ------
        StorageError
            Nothing of it was stored; what came before it was.
        """
        for refused in batch.rejected:
            self._rejected.add(refused.file, refused.line, refused.reason, refused.row)
        if not (batch.size or batch.retrievers):
            return
        prepared = [row for piece in batch.prepared for row in decode_prepared(piece)]
        changes = Changes()
        again = []
        with self._storage.write() as session:
            self._erased.digests = session.receipts.suppressed_users(self._namespace)
            for retriever in batch.retrievers:
                self._book.describe(session, retriever)
            if batch.executions or batch.interactions:
                again = self._drafts.write(session, batch, self._erased, changes)
            if prepared:
                self._prepared.write(session, batch.file, prepared, self._erased, changes)
        changes.count(self._result)
        for file, line, reason, row in changes.refused:
            self._rejected.add(file, line, reason, row)
        if again:
            self.write(Batch(executions=again))
