"""Time that moves when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from desirepath.domain.clock import MICROSECONDS, Clock
from desirepath.storage.artifacts import Artifacts
from desirepath.storage.assessments import Assessments
from desirepath.storage.base import (
    Catalog,
    DocumentIndex,
    ExecutionLog,
    Figures,
    Health,
    InteractionLog,
    Receipts,
    Rejections,
    Session,
    Storage,
    Summaries,
)
from desirepath.storage.evaluations import Evaluations
from desirepath.storage.experiments import Experiments
from desirepath.storage.extracts import Extracts
from desirepath.storage.jobs import Jobs
from desirepath.storage.learned import Learned

__all__ = ["START", "ClockedStorage", "TestingClock"]

START = 1_767_225_600 * MICROSECONDS
"""2026-01-01T00:00:00Z, where testing clocks start."""


class TestingClock:
    """A clock that stands still until it is moved.

    Examples
    --------
    >>> clock = TestingClock(start=0)
    >>> clock.advance(seconds=1.5)
    >>> clock.now()
    1500000
    """

    __test__ = False  # pytest: no class of tests

    def __init__(self, start: int = START) -> None:
        self._now = start

    def now(self) -> int:
        return self._now

    def advance(self, *, seconds: float = 0.0, microseconds: int = 0) -> None:
        """Move on, or back with negative values."""
        self._now += round(seconds * MICROSECONDS) + microseconds


class ClockedStorage:
    """A storage whose sessions take the time from a clock of the test's, not the database's.

    Parameters
    ----------
    storage
        The database; everything but the time is its own.
    clock
        What every session's ``now()`` answers.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self.cheap_reads = storage.cheap_reads

    @contextmanager
    def read(self, seconds: float | None = None) -> Iterator[Session]:
        with self._storage.read(seconds) as session:
            yield _ClockedSession(session, self._clock)

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self._storage.write() as session:
            yield _ClockedSession(session, self._clock)

    def health(self) -> Health:
        return self._storage.health()

    def figures(self) -> Figures:
        return self._storage.figures()

    def tidy(self, now: int) -> None:
        self._storage.tidy(now)

    def drop_before(self, bound: bytes) -> None:
        self._storage.drop_before(bound)

    def scrub(self, trace: str = "") -> None:
        self._storage.scrub(trace)

    def backup(self, target: Path, progress: Callable[[int, int], None]) -> None:
        self._storage.backup(target, progress)

    def close(self) -> None:
        self._storage.close()


class _ClockedSession:
    """A session with another clock."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    @property
    def interactions(self) -> InteractionLog:
        return self._session.interactions

    @property
    def executions(self) -> ExecutionLog:
        return self._session.executions

    @property
    def receipts(self) -> Receipts:
        return self._session.receipts

    @property
    def catalog(self) -> Catalog:
        return self._session.catalog

    @property
    def documents(self) -> DocumentIndex:
        return self._session.documents

    @property
    def rejections(self) -> Rejections:
        return self._session.rejections

    @property
    def summaries(self) -> Summaries:
        return self._session.summaries

    @property
    def learned(self) -> Learned:
        return self._session.learned

    @property
    def extracts(self) -> Extracts:
        return self._session.extracts

    @property
    def evaluations(self) -> Evaluations:
        return self._session.evaluations

    @property
    def artifacts(self) -> Artifacts:
        return self._session.artifacts

    @property
    def assessments(self) -> Assessments:
        return self._session.assessments

    @property
    def experiments(self) -> Experiments:
        return self._session.experiments

    @property
    def jobs(self) -> Jobs:
        return self._session.jobs

    def now(self) -> int:
        return self._clock.now()
