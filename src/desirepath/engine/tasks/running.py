"""Start tasks, take them up, and see them to their one end."""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from desirepath.domain.ids import format_id
from desirepath.domain.job import LEASE_SECONDS, Job, JobStatus
from desirepath.engine.engine import Engine
from desirepath.engine.holding import hold_namespace
from desirepath.engine.tasks.kinds import handler_of
from desirepath.engine.tasks.task import Task, TaskLostError
from desirepath.errors import Conflict, DesirepathError, NotFound, StorageError
from desirepath.storage.base import Namespace, Storage

__all__ = ["Hands", "cancel_task", "find_task", "has_work", "run_task", "start_task", "work"]

_SECOND = 1_000_000
_TELLS = 30  # in the time of a lease, where there is something to tell
_RENEWALS = 4  # where there is not
_LEASE_BYTES = 16
_log = logging.getLogger("desirepath")


def start_task(engine: Engine, namespace: Namespace, kind: str, inputs: dict[str, Any]) -> Job:
    """Leave a task to the workers.

    Raises
    ------
    InvalidModel
        There is no such kind.
    MissingDependency
        It needs a package that is not installed here.
    NotFound
        The namespace was deleted meanwhile.
    """
    handler_of(kind)
    with engine.storage.write() as session:
        hold_namespace(session, namespace)
        now = session.now()
        id = engine.make_id.next(now)
        job = Job(
            namespace=namespace.number,
            id=id,
            task_id=format_id("task", id),
            kind=kind,
            inputs=inputs,
            created_at=now,
        )
        session.jobs.add(job)
    return job


def find_task(engine: Engine, namespace: int, task_id: str) -> Job:
    """A task.

    Raises
    ------
    NotFound
        The namespace has none of this id.
    """
    with engine.storage.read() as session:
        found = session.jobs.find(namespace, task_id)
    if found is None:
        raise NotFound("task", task_id)
    return found


def cancel_task(engine: Engine, namespace: int, task_id: str) -> Job:
    """End a task without an effect. Its worker finds out within a quarter of a lease.

    Raises
    ------
    NotFound
        The namespace has none of this id.
    Conflict
        It has ended already.
    """
    job = find_task(engine, namespace, task_id)
    with engine.storage.write() as session:
        if not session.jobs.cancel(namespace, job.id, session.now()):
            raise Conflict("This task has ended already.")
    return find_task(engine, namespace, task_id)


class Hands:
    """What a worker has in hand, so that another of its threads can put it down."""

    def __init__(self) -> None:
        self.task: Task | None = None

    def put_down(self, engine: Engine) -> None:
        """Let another worker begin the task anew: this one has to end, and not for a fault of it.

        What the worker still does with the task has no effect.
        """
        task = self.task
        if task is not None:
            with engine.storage.write() as session:
                session.jobs.put_down(task.job, session.now())


def run_task(engine: Engine, hands: Hands | None = None) -> bool:
    """Do one task, if there is one; whether there was."""
    lease = os.urandom(_LEASE_BYTES)
    with engine.storage.write() as session:
        now = session.now()
        job = session.jobs.claim(lease, now, now + LEASE_SECONDS * _SECOND)
    if job is None:
        return False
    task = Task(engine, job)
    if hands is not None:
        hands.task = task
    try:
        with _renewed(task):
            outputs = handler_of(job.kind)(engine, task)
        if not task.is_completed:
            with engine.storage.write() as session:
                task.complete(session, outputs)
    except TaskLostError:
        _log.warning("%s was canceled, or taken over by another worker", job.task_id)
    except StorageError as error:
        _give_back(engine, task, error.message)
    except DesirepathError as error:  # it would be the same the next time
        _fail(engine, task, error.message)
    except Exception as error:
        _log.exception("%s failed", job.task_id)
        _give_back(engine, task, f"A fault of ours: {type(error).__name__}; the log has the rest.")
    return True


def _give_back(engine: Engine, task: Task, words: str) -> None:
    with engine.storage.write() as session:
        session.jobs.give_back(task.job, words, session.now())


def _fail(engine: Engine, task: Task, words: str) -> None:
    with engine.storage.write() as session:
        session.jobs.end(task.job, JobStatus.FAILED, session.now(), error=words)


@contextmanager
def _renewed(task: Task) -> Iterator[None]:
    """Hold a task while it is worked on; a worker that stands still falls silent."""
    ended = threading.Event()

    def renew() -> None:
        turns = itertools.count(1)
        while not ended.wait(LEASE_SECONDS / _TELLS) and not task.is_lost:
            if not task.has_news and next(turns) % (_TELLS // _RENEWALS):
                continue
            try:
                task.renew()
            except StorageError as error:
                _log.warning("%s could not be renewed: %s", task.job.task_id, error)

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def has_work(storage: Storage) -> bool:
    """Whether a worker would find a task."""
    with storage.read() as session:
        return session.jobs.waiting(session.now())


def work(
    engine: Engine,
    wait: Callable[[], bool],
    *,
    until_idle: bool = False,
    is_stopped: Callable[[], bool] = lambda: False,
    hands: Hands | None = None,
) -> None:
    """Do tasks, one after the other.

    Parameters
    ----------
    wait
        Waits for a while, when there is nothing to do; whether to go on.
    until_idle
        End when there is no more to do.
    is_stopped
        Asked between two tasks.
    hands
        Knows the task that is worked on, or was last.
    """
    while not is_stopped():
        try:
            if run_task(engine, hands):
                continue
        except StorageError as error:
            _log.warning("the worker waits: %s", error)
        if until_idle or not wait():
            return
