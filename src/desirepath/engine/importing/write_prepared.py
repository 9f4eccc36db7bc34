"""Write interactions that are prepared: claim their ids, append, and no more."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import force_setattr

from desirepath.domain.ids import IdGenerator
from desirepath.engine.importing.batches import PreparedInteraction
from desirepath.engine.importing.changes import Changes, is_same_event
from desirepath.engine.importing.erased import Erased
from desirepath.engine.recording import Learning, RecordingRules
from desirepath.storage.base import Event, Session

__all__ = ["PreparedWriter"]

_EXECUTION_REQUIRED = "execution_id is required with retriever_id."
_CONFLICT = "This event_id was used before with other content; nothing was stored."


class PreparedWriter:
    """Stores prepared interactions, each once.

    Parameters
    ----------
    namespace
        Whose rows.
    rules
        How to record.
    make_id
        Makes the ids.
    learning
        What learns from what is written.
    """

    def __init__(
        self, namespace: int, rules: RecordingRules, make_id: IdGenerator, learning: Learning
    ) -> None:
        self._namespace = namespace
        self._rules = rules
        self._make_id = make_id
        self._learning = learning

    def write(
        self,
        session: Session,
        file: int,
        prepared: Sequence[PreparedInteraction],
        erased: Erased,
        changes: Changes,
    ) -> None:
        """Append those that are new."""
        fresh = self._fresh(session, file, prepared, erased, changes)
        awaited = {
            (self._namespace, row.execution_id)
            for row in fresh.values()
            if row.is_unlinked and row.execution_id is not None
        }
        if awaited:
            session.executions.meet(set(), awaited)
        taken = session.receipts.claim_events(
            [(row.namespace, event_id, row.digest, row.id) for event_id, row in fresh.items()]
        )
        if taken:
            self._leave_out(session, file, fresh, taken, changes)
        new = list(fresh.values())
        session.interactions.append(new)
        arrived = self._link(session, awaited) if awaited else set()
        if session.learned.has_features(self._namespace):
            acted_on = {
                (self._namespace, row.execution_id) for row in new if row.execution_id is not None
            }
            self._learning.learn(session, acted_on, session.now())
            self._learning.learn_lone(session, _lone(new, awaited - arrived), session.now())
        changes.types.update(type for row in new for type in row.types)
        changes.interactions += len(new)

    def _fresh(
        self,
        session: Session,
        file: int,
        prepared: Sequence[PreparedInteraction],
        erased: Erased,
        changes: Changes,
    ) -> dict[str, PreparedInteraction]:
        """What may be new, by event_id, with the ids it would have."""
        now = session.now()
        next_id = self._make_id.next
        first_lives = self._first_lives(session, prepared)
        must_have_execution = self._rules.require_execution_id
        fresh: dict[str, PreparedInteraction] = {}
        for row in prepared:
            event_id = row.event_id or ""
            if erased and erased.has(row.user_id, row.execution_id):
                changes.suppressed += 1
            elif row.stored_as is not None and row.stored_as in first_lives:
                changes.repeated += 1
            elif must_have_execution and row.retriever_id and row.execution_id is None:
                changes.refuse(file, row, _EXECUTION_REQUIRED)
            elif event_id not in fresh:
                force_setattr(row, "id", next_id(now))
                fresh[event_id] = row
            elif fresh[event_id].digest == row.digest:
                changes.repeated += 1
            else:
                changes.refuse(file, row, _CONFLICT)
        return fresh

    def _first_lives(self, session: Session, rows: Sequence[PreparedInteraction]) -> set[bytes]:
        """Which of the interactions that rows may be exports of are in this database."""
        keys = [(self._namespace, row.stored_as) for row in rows if row.stored_as is not None]
        return {id for _, id in session.interactions.get(keys)} if keys else set()

    def _leave_out(
        self,
        session: Session,
        file: int,
        fresh: dict[str, PreparedInteraction],
        taken: dict[tuple[int, str], Event],
        changes: Changes,
    ) -> None:
        """Those whose event_id was used before: repeats, if perhaps written otherwise."""
        differing = [
            (namespace, event.id)
            for (namespace, event_id), event in taken.items()
            if event.digest != fresh[event_id].digest
        ]
        stored = session.interactions.get(differing) if differing else {}
        for (namespace, event_id), event in taken.items():
            row = fresh.pop(event_id)
            before = stored.get((namespace, event.id))
            if event.digest == row.digest or (before is not None and is_same_event(before, row)):
                changes.repeated += 1
            else:
                changes.refuse(file, row, _CONFLICT)

    def _link(self, session: Session, awaited: set[tuple[int, str]]) -> set[tuple[int, str]]:
        """Join interactions to executions that came between reading and writing; which did."""
        found = session.executions.shown_lists(awaited)
        for (namespace, id), shown in found.items():
            session.interactions.link_execution(
                namespace, id, shown.retriever_id, shown.inputs_json
            )
        return set(found)


def _lone(
    rows: Sequence[PreparedInteraction], unknown: set[tuple[int, str]]
) -> list[PreparedInteraction]:
    """Those that name a feature and no execution that is known."""
    return [
        row
        for row in rows
        if row.feature_uri is not None
        and row.retriever_id is not None
        and (row.execution_id is None or (row.namespace, row.execution_id) in unknown)
    ]
