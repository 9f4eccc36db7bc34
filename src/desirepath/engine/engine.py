"""Everything a use case needs, in one value."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence, Set
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from desirepath.domain.clock import Clock
from desirepath.domain.execution import Execution
from desirepath.domain.ids import IdGenerator
from desirepath.domain.interaction import Interaction
from desirepath.domain.ranking import Ranking, day_of
from desirepath.domain.reward import Reward, default_reward
from desirepath.engine.analysis_rules import AnalysisRules
from desirepath.engine.directory import Directory
from desirepath.engine.embedding.base import Embedder, NoEmbedder
from desirepath.engine.group_commit import GroupCommit
from desirepath.engine.learning.folding import fold, forget
from desirepath.engine.learning.lone import learn_lone, unlearn_lone, unlearn_lone_of
from desirepath.engine.recommending.loading import Recommenders
from desirepath.engine.recording import (
    Learning,
    Outcome,
    RecordingRules,
    Replay,
    Submission,
    record,
)
from desirepath.engine.serving.adapting import Adapters
from desirepath.engine.serving.foreign import lone_of, rank_foreign
from desirepath.engine.serving.fusing import Fuser, FusionPlan
from desirepath.engine.serving.plans import plan_of
from desirepath.engine.serving.popularity import Popularity
from desirepath.engine.serving.ranking.rankers import Rankers
from desirepath.errors import DesirepathError
from desirepath.storage.base import Rejection, Session, Storage
from desirepath.storage.learned import SHARDS

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
    embedder
        Makes vectors of texts.
    analysis
        Where and how to analyse the log.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        rules: RecordingRules,
        embedder: Embedder | None = None,
        analysis: AnalysisRules | None = None,
    ) -> None:
        self.storage = storage
        self.clock = clock
        self.rules = rules
        self.embedder: Embedder = NoEmbedder() if embedder is None else embedder
        self.analysis = AnalysisRules() if analysis is None else analysis
        self.make_id = IdGenerator()
        self.directory = Directory(storage)
        self.fuser = Fuser(rules.session_window)
        self.popularity = Popularity()
        self.rankers = Rankers(storage, self.directory)
        self.recommenders = Recommenders(storage, self.directory)
        self.adapters = Adapters(storage, self.directory)
        self.shard = 0 if storage.cheap_reads else os.getpid() % SHARDS
        self.on_commit: Callable[[float, int], None] = _nobody_watches
        """Told of each commit: how many seconds it took, and how many requests shared it."""
        self.call_housekeeper: Callable[[], None] = _nobody_keeps_house
        """Lets whoever keeps house begin at once, where somebody does."""
        self._temporary: TemporaryDirectory[str] | None = None
        self._numbers = itertools.count()
        self._began: dict[int, float] = {}  # of what waits to be recorded, the oldest first
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
        number = self._join_queue()
        try:
            return _unless_error(self._recorder.call(submission))
        finally:
            del self._began[number]

    async def asubmit(self, submission: Submission) -> list[Outcome] | Replay:
        """:meth:`submit` for a task."""
        number = self._join_queue()
        try:
            return _unless_error(await self._recorder.acall(submission))
        finally:
            del self._began[number]

    def _join_queue(self) -> int:
        number = next(self._numbers)
        self._began[number] = time.monotonic()
        return number

    def queue(self) -> tuple[int, float]:
        """How many requests wait to be recorded, and for how many seconds the oldest has."""
        began = list(self._began.values())
        return len(began), time.monotonic() - began[0] if began else 0.0

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

    @cached_property
    def analysis_folder(self) -> Path:
        """Where copies of the log are kept for analysis."""
        if self.analysis.folder is not None:
            return self.analysis.folder
        self._temporary = TemporaryDirectory(prefix="desirepath-analysis-")
        return Path(self._temporary.name)

    def close(self) -> None:
        """Finish what was submitted and close the database."""
        if self._temporary is not None:
            self._temporary.cleanup()
        self.rankers.close()
        self._recorder.close()
        self._keeper.close()
        if self._reader is not None:
            self._reader.close()
        self.storage.close()

    def _record(self, submissions: Sequence[Submission]) -> list[_Answer]:
        with self.storage.write() as session:
            answers = record(
                session,
                submissions,
                self.rules,
                self.make_id,
                self.directory.retriever_id,
                self.learning,
            )
            began = time.perf_counter()
        self.on_commit(time.perf_counter() - began, len(submissions))
        return answers

    @property
    def learning(self) -> Learning:
        """What learns from what is recorded."""
        return Learning(
            learn=self.learn,
            rank=self.rank,
            reward=self.reward,
            learn_lone=self.learn_lone,
            unlearn_lone=self.unlearn_lone_of,
        )

    def learn(self, session: Session, keys: Set[tuple[int, str]], now: int) -> None:
        """Learn from executions whose interactions changed, in the session that changed them."""
        fold(session, keys, self.shard, now)

    def forget(self, session: Session, keys: Set[tuple[int, str]], now: int) -> None:
        """Take away what executions taught that are about to be deleted."""
        forget(session, keys, self.shard, now)

    def learn_lone(self, session: Session, interactions: Sequence[Interaction], now: int) -> None:
        """Learn from interactions that name a feature and whose execution is not known."""
        learn_lone(session, lone_of(session, self, interactions), self.shard, day_of(now))

    def unlearn_lone(
        self, session: Session, namespace: int, ids: Sequence[bytes], now: int
    ) -> None:
        """Take away what interactions taught by themselves that are deleted."""
        unlearn_lone(session, namespace, ids, self.shard, day_of(now))

    def unlearn_lone_of(self, session: Session, keys: Set[tuple[int, str]], now: int) -> None:
        """Take away what interactions taught by themselves, whose executions arrived."""
        unlearn_lone_of(session, keys, self.shard, day_of(now))

    def plan(self, namespace: int, retriever_id: str) -> FusionPlan | None:
        """The fusion plan of a retriever's feature_search; None when it has none."""
        retriever = self.directory.retriever(namespace, retriever_id)
        if retriever is None:
            return None
        return plan_of(retriever, self.directory.controls(namespace, retriever.retriever_id))

    def reward(self, namespace: int, retriever_id: str) -> Reward:
        """What interactions of a retriever are worth, by its learning_config."""
        retriever = self.directory.retriever(namespace, retriever_id)
        return default_reward if retriever is None else retriever.reward

    def rank(self, session: Session, execution: Execution) -> Ranking | None:
        """How an execution of another engine was ranked, where its retriever learns from scores."""
        return rank_foreign(session, self, execution)

    def _keep(self, groups: Sequence[_Refused]) -> list[None]:
        with self.storage.write() as session:
            for namespace, rejections in groups:
                session.rejections.keep(namespace, rejections)
        return [None] * len(groups)

    def _fetch(self, keys: Sequence[tuple[int, bytes]]) -> list[Interaction | None]:
        with self.storage.read() as session:
            found = session.interactions.get(list(set(keys)))
        return [found.get(key) for key in keys]


def _nobody_watches(seconds: float, n_requests: int) -> None:
    del seconds, n_requests


def _nobody_keeps_house() -> None:
    pass


def _unless_error(answer: _Answer) -> list[Outcome] | Replay:
    if isinstance(answer, DesirepathError):
        raise answer
    return answer
