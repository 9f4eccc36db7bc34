"""Workers that are killed, stopped, or lose the database: each task ends once in effect.

:func:`check_effects` is the common check: a task is completed and there is its one model, whole; or
it is not, and there is none.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from desirepath.domain.clock import SystemClock
from desirepath.domain.job import MOST_TRIES, Job, JobStatus
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.engine.tasks.running import find_task, start_task
from desirepath.errors import StorageUnavailable
from desirepath.storage.base import Namespace
from desirepath.storage.open import open_storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.clicked_lists import shop
from tests.torture.durable_postgres import DurablePostgres
from tests.torture.harness import (
    Client,
    Launch,
    Program,
    Server,
    assert_quiet,
    check_integrity,
    launch_process,
    query,
    sqlite_path,
)
from tests.torture.task_instants import (
    ALTERED,
    COPYING,
    IN_TRANSACTION,
    LEFT,
    POISON,
    TINY,
    Reached,
    read_instants,
)

N_LISTS = 80
PATIENCE_SECONDS = 180.0
RANKER = "train.ranker"
_SETTINGS = {"features": ["rank", "feature:worth", "ctr"], "trees": {"trees": 30, "threads": 1}}
_KIND_TO_INPUTS = {RANKER: {"settings": _SETTINGS}}
NUMBER = 1


class Worker(Program):
    """A running ``desirepath worker``."""

    def __init__(self, database: str, *flags: str, launch: Launch, **variables: str) -> None:
        super().__init__("worker", database, *flags, launch=launch, **variables)


class Workplace:
    """A database with tasks, and workers that write down where they are.

    Parameters
    ----------
    launch
        Starts :mod:`tests.torture.altered_worker`.
    file
        What the workers write to.
    lease_seconds
        So long a worker may be silent; Desirepath's own lease makes tests last a minute each.
    """

    def __init__(
        self, engine: Engine, database: str, launch: Launch, file: Path, lease_seconds: float
    ) -> None:
        self.engine = engine
        self.database = database
        self._launch = launch
        self._file = file
        self.lease_seconds = lease_seconds
        self._stack = ExitStack()
        self.jobs: list[Job] = []

    @property
    def namespace(self) -> Namespace:
        with self.engine.storage.read() as session:
            return session.catalog.namespaces()[0]

    @property
    def variables(self) -> dict[str, str]:
        return {
            "TORTURE_INSTANTS": str(self._file),
            "TORTURE_LEASE_SECONDS": str(self.lease_seconds),
        }

    def start(self, kind: str = TINY, **inputs: Any) -> Job:
        """Leave a task whose model has a name that no other has."""
        inputs = {"name": f"model-{len(self.jobs)}", **_KIND_TO_INPUTS.get(kind, {}), **inputs}
        self.jobs.append(start_task(self.engine, self.namespace, kind, inputs))
        return self.jobs[-1]

    def keep_busy(self, n_tasks: int, kind: str = TINY, **inputs: Any) -> None:
        """Leave tasks until so many are not over."""
        while sum(not self.is_over(job) for job in self.jobs) < n_tasks:
            self.start(kind, **inputs)

    def worker(self, *flags: str, **variables: str) -> Worker:
        """A worker, killed at the end if it still runs."""
        started = Worker(self.database, *flags, launch=self._launch, **(self.variables | variables))
        self._stack.callback(started.close)
        return started

    def server(self, *flags: str, launch: Launch | None = None) -> Server:
        """A server, killed at the end; its own worker needs a program of its own to be altered."""
        started = Server(self.database, *flags, launch=launch or self._launch, **self.variables)
        self._stack.callback(started.close)
        return started

    def instants(self) -> list[Reached]:
        return read_instants(self._file)

    def found(self, job: Job) -> Job:
        return find_task(self.engine, NUMBER, job.task_id)

    def is_over(self, *jobs: Job) -> bool:
        return all(self.found(job).ended_at is not None for job in jobs)

    def close(self) -> None:
        self._stack.close()


@contextmanager
def workplace(
    database: str, launch: Launch, folder: Path, *, lease_seconds: float, n_lists: int = 0
) -> Iterator[Workplace]:
    """A workplace with so many lists in its log."""
    file = folder / "instants"
    file.touch()
    clock = SystemClock()
    with closing(
        Engine(open_storage(database, clock, migrate=True), clock, RecordingRules())
    ) as engine:
        ensure_defaults(engine)
        if n_lists:
            then = TestingClock()
            with closing(
                Engine(ClockedStorage(open_storage(database, then), then), then, RecordingRules())
            ) as past:
                shop(past, then, n_lists)
        with closing(Workplace(engine, database, launch, file, lease_seconds)) as opened:
            yield opened


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.05)


def end(worker: Worker) -> None:
    """Ask a worker to end; it did what it had begun, in order."""
    assert worker.stop(PATIENCE_SECONDS) == 0
    assert_quiet(worker)


def check_effects(place: Workplace) -> Counter[JobStatus]:
    """Prove of all tasks that each ended once, or not at all.

    Returns
    -------
    Counter
        How they ended.
    """
    statuses = Counter[JobStatus]()
    with place.engine.storage.read() as session:
        artifacts = session.artifacts.artifacts(NUMBER, session.artifacts.count(NUMBER))
        for artifact in artifacts:
            for name in artifact.files:
                session.artifacts.file(NUMBER, artifact.id, name)  # raises where it is not whole
        assert not session.artifacts.serving(NUMBER)
    name_to_ids = defaultdict[str, list[str]](list)
    for artifact in artifacts:
        assert artifact.version == 1
        name_to_ids[artifact.name].append(artifact.artifact_id)
    for job in map(place.found, place.jobs):
        statuses[job.status] += 1
        ids = name_to_ids.pop(job.inputs["name"], [])
        assert job.lease is None
        if job.status is JobStatus.COMPLETED:
            assert job.outputs is not None
            assert ids == [job.outputs["model_id"]], job
        else:
            assert job.status in (JobStatus.FAILED, JobStatus.CANCELED), job
            assert (ids, job.outputs) == ([], None), job
    assert not name_to_ids
    halves = (
        "SELECT count(*) FROM artifact_pieces LEFT JOIN artifacts "
        "ON artifacts.id = artifact_pieces.artifact WHERE artifacts.id IS NULL"
    )
    assert query(place.database, halves) == [(0,)]
    check_integrity(place.database)
    return statuses


# Killed


def survive_kills(place: Workplace, rng: random.Random, *, n_kills: int, n_workers: int = 3) -> str:
    """``kill -9`` workers at random moments while they train; no task as often as it is tried.

    Returns
    -------
    str
        What happened, in one line.
    """
    workers = [place.worker() for _ in range(n_workers)]
    kills_of_task = Counter[str]()
    kills_at = Counter[str]()
    n_killed = 0
    while n_killed < n_kills:
        place.keep_busy(n_workers + 1, RANKER)
        time.sleep(rng.uniform(0.1, 1.5))
        number = rng.randrange(n_workers)
        where = _where(place.instants(), workers[number].pid)
        if where is None or kills_of_task[where.task_id] == MOST_TRIES - 2:
            continue
        workers[number].kill()
        where = _where(place.instants(), workers[number].pid) or where
        kills_at[where.instant] += 1
        kills_of_task[where.task_id] += 1
        assert_quiet(workers[number])
        workers[number].close()
        workers[number] = place.worker()
        n_killed += 1
    wait_for(lambda: place.is_over(*place.jobs))
    for worker in workers:
        end(worker)
    statuses = check_effects(place)
    assert set(statuses) == {JobStatus.COMPLETED}, statuses
    tries = Counter(place.found(job).tries for job in place.jobs)
    return (
        f"{n_killed} kills ({_listed(kills_at)}); {len(place.jobs)} trainings, each completed "
        f"once, by tries {_listed(tries)}"
    )


def _where(instants: Sequence[Reached], pid: int) -> Reached | None:
    """The last instant of a worker in its present task; a thread of its own renews that."""
    own = (one for one in reversed(instants) if one.pid == pid and one.instant != "renewing")
    last = next(own, None)
    return None if last is None or last.instant == LEFT else last


def _listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{key}: {count}" for key, count in sorted(counts.items()))


def die_at(place: Workplace, instant: str, kind: str = RANKER) -> None:
    """Let a worker kill itself at an instant of a task, and another one end it."""
    job = place.start(kind)
    first = place.worker(TORTURE_AT=instant)
    assert first.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    second = place.worker()
    wait_for(lambda: place.is_over(job))
    end(second)
    assert set(check_effects(place)) == {JobStatus.COMPLETED}
    assert (place.found(job).tries == 1) is (instant == "committed")


# Stopped


def stand_still_at(place: Workplace, instant: str, kind: str = RANKER) -> None:
    """Stop a worker at an instant for longer than its lease: what it does later has no effect.

    Meanwhile another one takes its task over and does the tasks after it; unless the first one has
    a lock of its machine, that of the copy of the log or that of SQLite's file: then nobody can go
    on there before it does. What it had completed there, and not committed, is then done.
    """
    job = place.start(kind)
    first = place.worker(TORTURE_AT=instant, TORTURE_SIGNAL="SIGSTOP")
    wait_for(lambda: psutil.Process(first.pid).status() == psutil.STATUS_STOPPED)
    is_one_file = sqlite_path(place.database) is not None
    has_a_lock = instant == COPYING or (is_one_file and instant in IN_TRANSACTION)
    if has_a_lock:
        time.sleep(place.lease_seconds)
        os.kill(first.pid, signal.SIGCONT)
    later = place.start()
    second = place.worker()
    wait_for(lambda: place.is_over(job, later))
    ended = place.found(job)
    if not has_a_lock:
        os.kill(first.pid, signal.SIGCONT)
    end(first)
    end(second)
    assert set(check_effects(place)) == {JobStatus.COMPLETED}
    assert place.found(job) == ended
    is_done = instant == "committed" or (instant == "completed" and has_a_lock)
    assert (ended.tries == 1) is is_done


# Raced for


def race(place: Workplace, *, n_workers: int, n_tasks: int) -> str:
    """Let workers race for tasks: every one is done by one worker, and once.

    Returns
    -------
    str
        What happened, in one line.
    """
    workers = [place.worker() for _ in range(n_workers)]
    for _ in range(n_tasks):
        place.start()
    wait_for(lambda: place.is_over(*place.jobs))
    for worker in workers:
        end(worker)
    assert check_effects(place) == {JobStatus.COMPLETED: n_tasks}
    assert {place.found(job).tries for job in place.jobs} == {1}
    instants = place.instants()
    begun = [one.task_id for one in instants if one.instant == "claimed"]
    assert sorted(begun) == sorted(job.task_id for job in place.jobs)
    done_by = Counter(one.pid for one in instants if one.instant == "claimed")
    assert len(done_by) == n_workers, "somebody got none: no race"
    return f"{n_tasks} tasks, each done once, by {n_workers} workers: {sorted(done_by.values())}"


def race_with_faults(place: Workplace, rng: random.Random, *, n_workers: int, n_faults: int) -> str:
    """The same while workers are killed, or stopped for about a lease.

    Returns
    -------
    str
        What happened, in one line.
    """
    workers = [place.worker() for _ in range(n_workers)]
    faults = Counter[str]()
    while sum(faults.values()) < n_faults:
        place.keep_busy(4 * n_workers, steps=rng.randrange(40))
        time.sleep(rng.uniform(0, 0.5))
        number = rng.randrange(n_workers)
        if rng.random() < 0.5:
            faults["killed"] += 1
            workers[number].kill()
            workers[number].close()
            workers[number] = place.worker()
        else:
            faults["stopped"] += 1
            with stopped(workers[number]):
                time.sleep(rng.uniform(0.5, 1.5) * place.lease_seconds)
    wait_for(lambda: place.is_over(*place.jobs))
    for worker in workers:
        end(worker)
    statuses = check_effects(place)
    tries = Counter(place.found(job).tries for job in place.jobs)
    assert set(statuses) == {JobStatus.COMPLETED}, statuses
    assert max(tries) > 1, "no fault hit a task"
    return (
        f"{_listed(faults)}; {len(place.jobs)} tasks, each completed once, by tries "
        f"{_listed(tries)}"
    )


@contextmanager
def stopped(worker: Worker) -> Iterator[None]:
    """A worker that stands still while the block runs."""
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)


# Canceled


async def cancel_while_they_end(place: Workplace, *, n_tasks: int) -> str:
    """Cancel tasks over HTTP about when they are completed: one of the two wins, and it is said.

    Each cancellation comes a little sooner than the last one if that was too late, else later.

    Returns
    -------
    str
        What happened, in one line.
    """
    server = await asyncio.to_thread(place.server, "--no-task-worker")
    worker = await asyncio.to_thread(place.worker)
    client = Client(server.port)
    answers = Counter[tuple[int, str]]()
    delay = 0.05
    for _ in range(n_tasks):
        job = place.start(steps=5)
        while place.found(job).status is JobStatus.PENDING:
            await asyncio.sleep(0.002)
        await asyncio.sleep(delay)
        reply = await client.request("DELETE", f"/v1/tasks/{job.task_id}")
        status = (await client.get(f"/v1/tasks/{job.task_id}")).json()["status"]
        answers[reply.status, status] += 1
        delay *= 0.8 if status == "COMPLETED" else 1.25
    await client.close()
    await asyncio.to_thread(end, worker)
    statuses = check_effects(place)
    assert set(answers) == {(200, "CANCELED"), (409, "COMPLETED")}, answers
    assert statuses == {
        JobStatus.CANCELED: answers[200, "CANCELED"],
        JobStatus.COMPLETED: answers[409, "COMPLETED"],
    }
    assert_quiet(server)
    return f"{n_tasks} tasks: {_listed(statuses)}, and each answer said which"


# Poison


def stop_poison(place: Workplace, *, n_others: int) -> str:
    """A task that kills the worker of a server, whoever it is: the others go on, and it ends.

    Returns
    -------
    str
        What happened, in one line.
    """
    poison = place.start(POISON)
    others = [place.start() for _ in range(n_others)]
    server = place.server()
    wait_for(lambda: place.is_over(*others))
    assert not place.is_over(poison), "the others waited for it"
    wait_for(lambda: place.is_over(poison))
    ended = place.found(poison)
    assert (ended.status, ended.tries) == (JobStatus.FAILED, MOST_TRIES)
    assert ended.error == "Its worker died or fell silent, five times."
    after = place.start()
    wait_for(lambda: place.is_over(after))
    assert check_effects(place) == {JobStatus.COMPLETED: n_others + 1, JobStatus.FAILED: 1}
    died = [one.pid for one in place.instants() if one.task_id == poison.task_id]
    assert len(set(died)) == len(died) == MOST_TRIES
    assert_quiet(server)
    return f"{MOST_TRIES} workers died of it, {n_others + 1} other tasks were completed"


# Watched


async def watch_progress(place: Workplace, *, n_steps: int) -> str:
    """Ask over HTTP how far a task is, while the worker of the server does it.

    Returns
    -------
    str
        What was seen, in one line.
    """
    server = await asyncio.to_thread(place.server)
    job = place.start(steps=n_steps)
    client = Client(server.port)
    seen: list[int] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := (await client.get(f"/v1/tasks/{job.task_id}")).json())["status"] in (
        "PENDING",
        "IN_PROGRESS",
    ):
        assert time.monotonic() < deadline
        progress = answer["additional_data"]["progress"]
        if progress["done"] not in seen[-1:]:
            assert answer["status"] == "PENDING" or progress["total"] in (0, n_steps)
            seen.append(progress["done"])
        await asyncio.sleep(0.1)
    await client.close()
    assert answer["status"] == "COMPLETED"
    assert seen == sorted(seen)
    assert len(seen) >= 3, seen
    assert_quiet(server)
    return f"of {n_steps} steps, {seen} were seen"


# The database goes away


def outlast_restarts(
    place: Workplace, postgres: DurablePostgres, rng: random.Random, *, n_times: int
) -> str:
    """Restart or crash PostgreSQL while a worker and a server train; they wait, and go on.

    Returns
    -------
    str
        What happened, in one line.
    """
    worker = place.worker()
    server = place.server(launch=partial(launch_process, module=ALTERED))
    modes = Counter[str]()
    for _ in range(n_times):
        for _ in range(2):
            place.start(RANKER)
        wait_for(lambda: place.found(place.jobs[-1]).tries > 0)
        time.sleep(rng.uniform(0, 1.5))
        mode = rng.choice(["fast", "immediate"])
        modes[mode] += 1
        postgres.stop(mode)
        time.sleep(rng.uniform(0, 1.5) * place.lease_seconds)
        postgres.start()
        with suppress(StorageUnavailable):
            place.is_over(*place.jobs)  # our own connections are gone too
        wait_for(lambda: place.is_over(*place.jobs))
    assert worker.stop(PATIENCE_SECONDS) == 0
    for program in (worker, server):
        assert "Traceback" not in program.errors(), program.errors()
    statuses = check_effects(place)
    assert set(statuses) == {JobStatus.COMPLETED}, statuses
    tries = Counter(place.found(job).tries for job in place.jobs)
    return (
        f"PostgreSQL stopped {_listed(modes)} times; {len(place.jobs)} trainings, each completed "
        f"once, by tries {_listed(tries)}"
    )
