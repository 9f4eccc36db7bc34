"""Everything a use case needs, in one value."""

from __future__ import annotations

from collections.abc import Sequence

from desirepath.domain.clock import Clock
from desirepath.domain.ids import IdGenerator
from desirepath.domain.interaction import Interaction
from desirepath.engine.directory import Directory
from desirepath.engine.group_commit import GroupCommit
from desirepath.engine.recording import Outcome, RecordingRules, Replay, Submission, record
from desirepath.errors import DesirepathError
from desirepath.storage.base import Rejection, Storage

__all__ = ["Engine"]

_Answer = list[Outcome] | Replay | DesirepathError
_Refused = tuple[int, Sequence[Rejection]]


class Engine:
    """A database with the rules to use it by.

    Parameters
    ----------
    storage
        The open database; closed with the engine.
    clock
        What time it is, where the database has no clock of its own.
    rules
        How to record.
    """

    def __init__(self, storage: Storage, clock: Clock, rules: RecordingRules) -> None:
        self.storage = storage
        self.clock = clock
        self.rules = rules
        self.make_id = IdGenerator()
        self.directory = Directory(storage)
        self._recorder: GroupCommit[Submission, _Answer] = GroupCommit(self._record, "recorder")
        self._keeper: GroupCommit[_Refused, None] = GroupCommit(self._keep, "keeper")
        self._reader: GroupCommit[tuple[int, bytes], Interaction | None] | None = None
        if not storage.cheap_reads:
            self._reader = GroupCommit(self._fetch, "reader")

    def submit(self, submission: Submission) -> list[Outcome] | Replay:
        """Record one submission, durably, from any thread.

        Raises
        ------
        IdempotencyConflict
            Its Idempotency-Key was used with another request.
        StorageError
            Nothing was stored.
        """
        return _unless_error(self._recorder.call(submission))

    async def asubmit(self, submission: Submission) -> list[Outcome] | Replay:
        """:meth:`submit` for a task."""
        return _unless_error(await self._recorder.acall(submission))

    async def akeep(self, namespace: int, rejections: Sequence[Rejection]) -> None:
        """Keep rejections; one thread does, so that those who wait for it hold up nobody else.

        Raises
        ------
        StorageError
            Nothing was stored.
        """
        await self._keeper.acall((namespace, rejections))

    def get_interaction(self, namespace: int, id: bytes) -> Interaction | None:
        """One interaction, from any thread."""
        with self.storage.read() as session:
            return session.interactions.get([(namespace, id)]).get((namespace, id))

    async def aget_interaction(self, namespace: int, id: bytes) -> Interaction | None:
        """:meth:`get_interaction` for a task; grouped where a read is a round trip."""
        if self._reader is None:
            return self.get_interaction(namespace, id)
        return await self._reader.acall((namespace, id))

    def close(self) -> None:
        """Finish what was submitted and close the database."""
        self._recorder.close()
        self._keeper.close()
        if self._reader is not None:
            self._reader.close()
        self.storage.close()

    def _record(self, submissions: Sequence[Submission]) -> list[_Answer]:
        with self.storage.write() as session:
            return record(
                session, submissions, self.rules, self.make_id, self.directory.retriever_id
            )

    def _keep(self, groups: Sequence[_Refused]) -> list[None]:
        with self.storage.write() as session:
            for namespace, rejections in groups:
                session.rejections.keep(namespace, rejections)
        return [None] * len(groups)

    def _fetch(self, keys: Sequence[tuple[int, bytes]]) -> list[Interaction | None]:
        with self.storage.read() as session:
            found = session.interactions.get(list(set(keys)))
        return [found.get(key) for key in keys]


def _unless_error(answer: _Answer) -> list[Outcome] | Replay:
    if isinstance(answer, DesirepathError):
        raise answer
    return answer
