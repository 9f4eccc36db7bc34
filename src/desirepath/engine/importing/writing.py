"""Write batches: each in one transaction, everything in it new, repeated or refused."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import force_setattr, replace

from desirepath.domain.ids import IdGenerator
from desirepath.domain.plain_json import encode_json
from desirepath.engine.importing.batches import (
    Batch,
    PreparedInteraction,
    ReadExecution,
    decode_prepared,
)
from desirepath.engine.importing.changes import (
    Changes,
    is_same,
    is_same_event,
    is_same_search,
)
from desirepath.engine.importing.options import ImportResult
from desirepath.engine.importing.rejected import RejectedFiles
from desirepath.engine.importing.retrievers import RetrieverBook
from desirepath.engine.recording import (
    Outcome,
    RecordingRules,
    SentExecution,
    SentInteraction,
    Submission,
    record,
    user_digest,
)
from desirepath.errors import DesirepathError, EventConflict
from desirepath.storage.base import Session, Storage

__all__ = ["Writer"]

_EXECUTION_REQUIRED = "execution_id is required with retriever_id."


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
    ) -> None:
        self._storage = storage
        self._namespace = namespace
        self._rules = rules
        self._make_id = make_id
        self._book = book
        self._rejected = rejected
        self._result = result
        self._forgotten: set[str] = set()  # executions of erased users

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
        prepared = decode_prepared(batch.prepared) if batch.n_prepared else []
        changes = Changes()
        with self._storage.write() as session:
            suppressed = session.receipts.suppressed_users(self._namespace)
            for retriever in batch.retrievers:
                self._book.describe(session, retriever)
            if batch.executions or batch.interactions:
                self._record(session, batch, suppressed, changes)
            if prepared:
                self._append(session, batch.file, prepared, suppressed, changes)
        changes.count(self._result)
        for file, line, reason, row in changes.refused:
            self._rejected.add(file, line, reason, row)

    # Recorded like any other

    def _record(
        self, session: Session, batch: Batch, suppressed: frozenset[bytes], changes: Changes
    ) -> None:
        executions = [read for read in batch.executions if not self._forget(read, suppressed)]
        interactions = [
            read
            for read in batch.interactions
            if not self._is_suppressed(read.draft.user_id, read.draft.execution_id, suppressed)
        ]
        changes.suppressed += len(batch.executions) - len(executions)
        changes.suppressed += len(batch.interactions) - len(interactions)
        sent = [
            SentExecution(read.draft, self._book.resolve(session, read.retriever))
            for read in executions
        ]
        outcomes = self._submit(session, executions=sent)
        for read, execution, outcome in zip(executions, sent, outcomes, strict=True):
            is_taken = isinstance(outcome.error, EventConflict)
            settled = self._settle(session, read, execution, outcome) if is_taken else outcome
            changes.add_execution(read, settled)
        outcomes = self._submit(
            session, interactions=[SentInteraction(found.draft) for found in interactions]
        )
        for found, outcome in zip(interactions, outcomes, strict=True):
            changes.add_interaction(found, outcome)

    def _submit(
        self,
        session: Session,
        executions: Sequence[SentExecution] = (),
        interactions: Sequence[SentInteraction] = (),
    ) -> list[Outcome]:
        submission = Submission(
            namespace=self._namespace,
            executions=executions,
            interactions=interactions,
            suppress=True,
        )
        (answer,) = record(
            session,
            [submission],
            self._rules,
            self._make_id,
            lambda _, id_or_name: self._book.is_known(session, id_or_name),
        )
        if isinstance(answer, DesirepathError):
            raise answer
        assert isinstance(answer, list)  # without an Idempotency-Key there is no replay
        return answer

    def _settle(
        self, session: Session, read: ReadExecution, sent: SentExecution, conflict: Outcome
    ) -> Outcome:
        """Look twice at an execution whose id is taken: often by itself, written otherwise."""
        draft = read.draft
        stored = session.executions.get(self._namespace, draft.execution_id or "")
        if stored is None:
            return conflict
        if is_same(stored, draft, sent.retriever_id):
            return Outcome(execution=stored, repeated=True)
        if read.is_list_derived and is_same_search(stored, draft):
            if len(draft.documents) <= len(stored.documents):
                return Outcome(execution=stored, repeated=True)
            session.executions.delete(self._namespace, [stored.id])
            again = SentExecution(draft, stored.retriever_id)
            (outcome,) = self._submit(session, executions=[again])
            return Outcome(execution=outcome.execution or stored, repeated=True)
        if read.other_id is None:
            return conflict
        other = SentExecution(replace(draft, execution_id=read.other_id), sent.retriever_id)
        (outcome,) = self._submit(session, executions=[other])
        return outcome

    # Prepared by the reader

    def _append(
        self,
        session: Session,
        file: int,
        prepared: Sequence[PreparedInteraction],
        suppressed: frozenset[bytes],
        changes: Changes,
    ) -> None:
        now = session.now()
        next_id = self._make_id.next
        exported = self._exported(session, prepared)
        fresh: dict[str, PreparedInteraction] = {}
        must_have_execution = self._rules.require_execution_id
        for row in prepared:
            event_id = row.event_id or ""
            if (suppressed or self._forgotten) and self._is_suppressed(
                row.user_id, row.execution_id, suppressed
            ):
                changes.suppressed += 1
            elif row.stored_as is not None and row.stored_as in exported:
                changes.repeated += 1
            elif must_have_execution and row.retriever_id and row.execution_id is None:
                changes.refuse(file, row, _EXECUTION_REQUIRED)
            elif event_id in fresh:
                self._repeat(file, row, fresh[event_id].digest, changes)
            else:
                force_setattr(row, "id", next_id(now))
                fresh[event_id] = row
        taken = session.receipts.claim_events(
            [(row.namespace, event_id, row.digest, row.id) for event_id, row in fresh.items()]
        )
        differing = [
            (namespace, event.id)
            for (namespace, event_id), event in taken.items()
            if event.digest != fresh[event_id].digest
        ]
        stored = session.interactions.get(differing) if differing else {}
        for (namespace, event_id), event in taken.items():
            row = fresh.pop(event_id)
            before = stored.get((namespace, event.id))
            if before is not None and is_same_event(before, row):
                changes.repeated += 1
            else:
                self._repeat(file, row, event.digest, changes)
        new = list(fresh.values())
        session.interactions.append(new)
        self._link(session, new)
        changes.types.update(type for row in new for type in row.types)
        changes.interactions += len(new)

    def _exported(self, session: Session, rows: Sequence[PreparedInteraction]) -> set[bytes]:
        """Which of the interactions that rows may be exports of are in this database."""
        keys = [(self._namespace, row.stored_as) for row in rows if row.stored_as is not None]
        return {id for _, id in session.interactions.get(keys)} if keys else set()

    def _repeat(self, file: int, row: PreparedInteraction, digest: bytes, changes: Changes) -> None:
        if row.digest == digest:
            changes.repeated += 1
        else:
            changes.refuse(
                file, row, "This event_id was used before with other content; nothing was stored."
            )

    def _link(self, session: Session, rows: Sequence[PreparedInteraction]) -> None:
        """Join interactions to executions that came between reading and writing."""
        ids = {row.execution_id for row in rows if row.is_unlinked and row.execution_id}
        if not ids:
            return
        shown = session.executions.shown_lists([(self._namespace, id) for id in sorted(ids)])
        for (namespace, id), found in shown.items():
            query = None if found.inputs is None else encode_json(found.inputs).decode()
            session.interactions.link_execution(namespace, id, found.retriever_id, query)

    # Erased users

    def _forget(self, read: ReadExecution, suppressed: frozenset[bytes]) -> bool:
        if not self._is_suppressed(read.draft.user_id, None, suppressed):
            return False
        if read.draft.execution_id is not None:
            self._forgotten.add(read.draft.execution_id)
        return True

    def _is_suppressed(
        self, user_id: str | None, execution_id: str | None, suppressed: frozenset[bytes]
    ) -> bool:
        """Whether it is of an erased user, or of one's search."""
        return (
            user_id is not None
            and bool(suppressed)
            and user_digest(self._namespace, user_id) in suppressed
        ) or (execution_id is not None and execution_id in self._forgotten)
