"""Replay sessions through retrievers, side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from msgspec import Struct

from desirepath.domain.benchmark_outcome import DEPTH, PRIMARY_CUTOFF
from desirepath.domain.execution import Execution
from desirepath.domain.retriever import Retriever
from desirepath.engine.benchmarking.building import ReplayedSessions
from desirepath.engine.benchmarking.requests import CannotReplay, request_again
from desirepath.engine.engine import Engine
from desirepath.engine.executing import Served
from desirepath.engine.trying import try_out
from desirepath.errors import DesirepathError, StorageError
from desirepath.methods.levels import IntArray
from desirepath.methods.replay.reactions import BoolArray

__all__ = ["Replay", "replay_sessions"]

Step = Callable[[int, int], object]
"""Told how many sessions are replayed, of how many."""


class Replay(Struct, frozen=True, kw_only=True, eq=False):
    """What became of the sessions with one retriever. R documents, V sessions.

    Parameters
    ----------
    ranks : shape (R,)
        Where it has each document, from 1; one below :data:`DEPTH` where it does not.
    succeeded : shape (V,)
        Whether no search of the session failed.
    error_to_sessions
        How many sessions failed of what.
    milliseconds
        Of each search of the sessions that succeeded.
    stage_to_milliseconds
        The same by stage.
    n_top, n_top_seen, mean_move
        See :class:`~desirepath.domain.benchmark_outcome.Reach`.
    """

    retriever: Retriever
    ranks: IntArray
    succeeded: BoolArray
    error_to_sessions: dict[str, int]
    milliseconds: list[float]
    stage_to_milliseconds: dict[str, list[float]]
    n_top: int
    n_top_seen: int
    mean_move: float


def replay_sessions(
    engine: Engine,
    sessions: ReplayedSessions,
    retrievers: Sequence[Retriever],
    step: Step = lambda done, total: None,
) -> list[Replay]:
    """Ask each retriever every search of the sessions again, in the order they were made.

    They take turns in being first, so that none always finds what another one has warmed up.
    Nothing is written down.

    Raises
    ------
    StorageError
        The database failed; of anything else the session fails alone.
    """
    namespace = retrievers[0].namespace
    replays = [_Replaying(engine, sessions, one) for one in retrievers]
    searches, documents = _by_session(sessions), _by_search(sessions)
    for number, of_session in enumerate(searches):
        asked = [
            (_logged(engine, namespace, sessions.search_ids[search]), documents[search])
            for search in of_session
        ]
        first = number % len(replays)
        for one in (*replays[first:], *replays[:first]):
            one.replay(number, asked)
        step(number + 1, len(searches))
    return [one.done() for one in replays]


class _Replaying:
    """One retriever on its way through the sessions."""

    def __init__(self, engine: Engine, sessions: ReplayedSessions, retriever: Retriever) -> None:
        self._engine, self._sessions, self._retriever = engine, sessions, retriever
        self._ranks = np.full(len(sessions.document_ids), DEPTH + 1)
        self._succeeded = np.zeros(sessions.reactions.n_sessions, np.bool_)
        self._errors: Counter[str] = Counter()
        self._milliseconds: list[float] = []
        self._stages: defaultdict[str, list[float]] = defaultdict(list)
        self._n_top = self._n_top_seen = 0
        self._moves: list[int] = []

    def replay(self, number: int, asked: Sequence[tuple[Execution | None, range]]) -> None:
        """Replay one session; of one that fails nothing is kept but why."""
        searched = []
        try:
            for execution, documents in asked:
                searched.append(self._search(execution, documents))
        except CannotReplay as obstacle:
            self._errors[obstacle.reason] += 1
        except StorageError:
            raise
        except DesirepathError as error:
            self._errors[type(error).__name__] += 1
        else:
            self._succeeded[number] = True
            for served, seen, moves in searched:
                self._note(served, seen)
                self._moves += moves

    def done(self) -> Replay:
        return Replay(
            retriever=self._retriever,
            ranks=self._ranks,
            succeeded=self._succeeded,
            error_to_sessions=dict(self._errors),
            milliseconds=self._milliseconds,
            stage_to_milliseconds=dict(self._stages),
            n_top=self._n_top,
            n_top_seen=self._n_top_seen,
            mean_move=float(np.mean(self._moves)) if self._moves else 0.0,
        )

    def _search(
        self, execution: Execution | None, documents: range
    ) -> tuple[Served, set[str], list[int]]:
        """What it answers, what was seen, and by how much what was shown first is moved."""
        if execution is None:  # erased since the sessions were read
            raise CannotReplay("NotInLog")
        request = request_again(execution, self._retriever, DEPTH)
        served = try_out(self._engine, self._retriever, request)
        rank_of = {hit.document_id: rank for rank, hit in enumerate(served.hits, start=1)}
        ids = self._sessions.document_ids[documents.start : documents.stop]
        self._ranks[documents] = [rank_of.get(id, DEPTH + 1) for id in ids]
        shown = [one.document_id for one in execution.documents]
        places = enumerate(shown[:PRIMARY_CUTOFF], start=execution.offset + 1)
        moves = [abs(rank_of.get(id, DEPTH + 1) - place) for place, id in places]
        return served, {*shown, *ids}, moves

    def _note(self, served: Served, seen: set[str]) -> None:
        self._milliseconds.append(served.profile.milliseconds)
        for run in served.profile.stages:
            self._stages[run.name].append(run.milliseconds)
        top = served.hits[:PRIMARY_CUTOFF]
        self._n_top += len(top)
        self._n_top_seen += sum(hit.document_id in seen for hit in top)


def _logged(engine: Engine, namespace: int, execution_id: str) -> Execution | None:
    with engine.storage.read() as session:
        return session.executions.get(namespace, execution_id)


def _by_session(sessions: ReplayedSessions) -> list[range]:
    """The searches of each session."""
    return list(_runs(sessions.reactions.sessions))


def _by_search(sessions: ReplayedSessions) -> list[range]:
    """The documents of each search."""
    return list(_runs(sessions.reactions.searches))


def _runs(codes: IntArray) -> Iterator[range]:
    """Where each code is; they rise from 0."""
    ends = np.cumsum(np.bincount(codes))
    yield from map(range, [0, *ends[:-1].tolist()], ends.tolist())
