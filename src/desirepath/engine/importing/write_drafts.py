"""Write executions and interactions by recording them like any others."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from desirepath.domain.ids import IdGenerator
from desirepath.engine.importing.batches import Batch, ReadExecution
from desirepath.engine.importing.changes import Changes, is_same, is_same_search
from desirepath.engine.importing.erased import Erased
from desirepath.engine.importing.retrievers import RetrieverBook
from desirepath.engine.recording import (
    Learning,
    Outcome,
    RecordingRules,
    SentExecution,
    SentInteraction,
    Submission,
    record,
)
from desirepath.errors import DesirepathError, EventConflict
from desirepath.storage.base import Session

__all__ = ["DraftWriter"]


class DraftWriter:
    """Stores drafts, and looks twice at executions that seem to be there already.

    Parameters
    ----------
    namespace
        Whose rows.
    rules
        How to record.
    make_id
        Makes the ids.
    book
        Finds or makes retrievers.
    learning
        What learns from what is written.
    """

    def __init__(
        self,
        namespace: int,
        rules: RecordingRules,
        make_id: IdGenerator,
        book: RetrieverBook,
        learning: Learning,
    ) -> None:
        self._namespace = namespace
        self._rules = rules
        self._make_id = make_id
        self._book = book
        self._learning = learning

    def write(
        self, session: Session, batch: Batch, erased: Erased, changes: Changes
    ) -> list[ReadExecution]:
        """Record a batch's drafts.

        Returns
        -------
        list of ReadExecution
            Executions whose id another one has, to be written under their other id, in another
            transaction.
        """
        executions = [read for read in batch.executions if not erased.forget(read.draft)]
        interactions = [
            read
            for read in batch.interactions
            if not erased.has(read.draft.user_id, read.draft.execution_id)
        ]
        changes.suppressed += len(batch.executions) - len(executions)
        changes.suppressed += len(batch.interactions) - len(interactions)
        executions = [e for e in executions if not self._is_known(session, e, changes)]
        submission = Submission(
            namespace=self._namespace,
            executions=[
                SentExecution(read.draft, self._book.resolve(session, read.retriever))
                for read in executions
            ],
            interactions=[SentInteraction(read.draft) for read in interactions],
            suppress=True,
        )
        outcomes = self._submit(session, submission)
        again = []
        of_executions = zip(
            executions, submission.executions, outcomes[: len(executions)], strict=True
        )
        for read, sent, outcome in of_executions:
            settled = outcome
            if isinstance(outcome.error, EventConflict):
                settled = self._compare(session, sent, outcome)
                if settled.error is not None and read.other_id is not None:
                    again.append(_under_other_id(read))
                    continue
            changes.add_execution(read, settled)
        for interaction, outcome in zip(interactions, outcomes[len(executions) :], strict=True):
            changes.add_interaction(interaction, outcome)
        return again

    def _submit(self, session: Session, submission: Submission) -> Sequence[Outcome]:
        (answer,) = record(
            session,
            [submission],
            self._rules,
            self._make_id,
            lambda _, id_or_name: self._book.find(session, id_or_name),
            self._learning,
        )
        if isinstance(answer, DesirepathError):
            raise answer
        assert isinstance(answer, list)  # without an Idempotency-Key there is no replay
        return answer

    def _is_known(self, session: Session, read: ReadExecution, changes: Changes) -> bool:
        """Whether an execution is stored with a list that is as long.

        Lists that are gathered from impressions grow with them: a shorter one makes room.
        """
        if not read.is_list_derived:
            return False
        stored = session.executions.get(self._namespace, read.draft.execution_id or "")
        if stored is None or not is_same_search(stored, read.draft):
            return False
        if len(read.draft.documents) > len(stored.documents):
            session.executions.delete(self._namespace, [stored.id])
            changes.replaced.add(stored.execution_id)
            return False
        changes.repeated_executions += 1
        return True

    def _compare(self, session: Session, sent: SentExecution, conflict: Outcome) -> Outcome:
        """Look twice at an execution whose id is taken: often by itself, written otherwise."""
        draft = sent.draft
        assert draft is not None
        stored = session.executions.get(self._namespace, draft.execution_id or "")
        if stored is not None and is_same(stored, draft, sent.retriever_id):
            return Outcome(execution=stored, repeated=True)
        return conflict


def _under_other_id(read: ReadExecution) -> ReadExecution:
    return replace(read, draft=replace(read.draft, execution_id=read.other_id), other_id=None)
