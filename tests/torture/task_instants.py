"""The instants of a task, at which a worker can be told to end or to stand still.

TORTURE_LEASE_SECONDS=3   of a task; for as long a writer may stand still
TORTURE_INSTANTS=file     where each instant is written down that a worker reaches
TORTURE_AT=stored         at this one ...
TORTURE_SIGNAL=SIGKILL    ... the worker sends itself this signal, once
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from desirepath.domain.artifact import ArtifactDraft
from desirepath.engine.engine import Engine
from desirepath.engine.tasks import kinds, running
from desirepath.engine.tasks import task as tasks
from desirepath.engine.tasks.task import Task
from desirepath.storage.postgres import storage as postgres
from desirepath.storage.relational.jobs import RelationalJobs

ALTERED = "tests.torture.altered_worker"
"""The program that workers are."""

FAULTY, POISON, TINY = "train.faulty", "train.poison", "train.tiny"
KIND_TO_HANDLER = {
    FAULTY: f"{__name__}:do_faulty",
    POISON: f"{__name__}:do_poison",
    TINY: f"{__name__}:do_tiny",
}

COPYING = "copying"
IN_TRANSACTION = {
    "stored": "its model is stored, and it is not completed",
    "completed": "both, and nothing is committed",
    "renewing": "it is renewed, and that is not committed",
}
INSTANTS = {
    COPYING: "the log is read: only by the first task, others find the copy",
    "claimed": "it is taken, and nothing is done",
    "learning": "trees are grown",
    **IN_TRANSACTION,
    "committed": "all is over, and the worker does not know",
}
GIVING_BACK = "giving-back"
"""It failed, and nobody is told yet."""
LEFT = "left"
"""The worker has nothing more to do with it."""
WORKING = "working"


class Reached(Struct, frozen=True, kw_only=True):
    """An instant that a worker came to; ``seconds`` are of a clock that all processes share."""

    pid: int
    instant: str
    task_id: str
    seconds: float


def read_instants(file: Path) -> list[Reached]:
    """What workers wrote down, in order; one that was killed wrote whole lines."""
    found = []
    for line in file.read_text().splitlines():
        pid, instant, task_id, seconds = line.split()
        found.append(
            Reached(pid=int(pid), instant=instant, task_id=task_id, seconds=float(seconds))
        )
    return found


def do_tiny(engine: Engine, task: Task) -> None:
    """Store a model after a while."""
    for step in range(task.inputs.get("steps", 1)):
        task.progress(step, task.inputs.get("steps", 1), WORKING)
        time.sleep(0.01)
    draft = ArtifactDraft(
        kind="tiny", name=task.inputs["name"], manifest={}, files={"a": b"x" * 1_500_000}
    )
    task.store(engine, task.namespace, draft)


def do_faulty(engine: Engine, task: Task) -> None:
    """Fail the first time."""
    if task.job.tries == 1:
        raise ZeroDivisionError
    do_tiny(engine, task)


def do_poison(engine: Engine, task: Task) -> None:
    """Kill whoever does it."""
    del engine, task
    os.kill(os.getpid(), signal.SIGKILL)


class _Instants:
    """Writes down where a worker is, and ends or stops it where it was told to."""

    def __init__(self) -> None:
        self._file = os.open(os.environ["TORTURE_INSTANTS"], os.O_WRONLY | os.O_APPEND)
        self._at = os.environ.get("TORTURE_AT")
        self._signal = signal.Signals[os.environ.get("TORTURE_SIGNAL", "SIGKILL")]

    def reach(self, instant: str, task_id: str) -> None:
        line = f"{os.getpid()} {instant} {task_id} {time.monotonic()}\n"
        os.write(self._file, line.encode())
        if instant == self._at:
            self._at = None
            os.kill(os.getpid(), self._signal)


def alter() -> None:
    """Add the kinds of this file, and do what the environment says."""
    kinds.KIND_TO_HANDLER.update(KIND_TO_HANDLER)
    if seconds := os.environ.get("TORTURE_LEASE_SECONDS"):
        for module in (running, tasks):
            module.LEASE_SECONDS = float(seconds)  # type: ignore[attr-defined]
        postgres._IDLE_SECONDS = float(seconds)
    if "TORTURE_INSTANTS" in os.environ:
        _watch(_Instants().reach)


def _watch(reach: Callable[[str, str], None]) -> None:
    handler_of = kinds.handler_of
    progress, complete, store = Task.progress, Task.complete, Task.store

    def watched_handler_of(kind: str) -> kinds.Handler:
        handler = handler_of(kind)

        def handle(engine: Engine, task: Task) -> dict[str, Any] | None:
            reach("claimed", task.job.task_id)
            try:
                return handler(engine, task)
            finally:
                reach(LEFT, task.job.task_id)

        return handle

    def watched_progress(self: Task, done: int, total: int = 0, words: str = "") -> None:
        progress(self, done, total, words)
        reach(words.partition(" ")[0], self.job.task_id)

    def watched_complete(self: Task, *arguments: Any) -> None:
        reach("stored", self.job.task_id)
        complete(self, *arguments)
        reach("completed", self.job.task_id)

    def watched_store(self: Task, *arguments: Any) -> Any:
        stored = store(self, *arguments)
        reach("committed", self.job.task_id)
        return stored

    running.handler_of = watched_handler_of  # type: ignore[attr-defined]
    Task.progress = watched_progress  # type: ignore[method-assign]
    Task.complete = watched_complete  # type: ignore[assignment,method-assign]
    Task.store = watched_store  # type: ignore[assignment,method-assign]
    for name, instant in (("renew", "renewing"), ("give_back", GIVING_BACK)):
        _watch_rows(name, instant, reach)


def _watch_rows(name: str, instant: str, reach: Callable[[str, str], None]) -> None:
    change = getattr(RelationalJobs, name)

    def watched(self: RelationalJobs, job: Any, *arguments: Any) -> bool:
        changed: bool = change(self, job, *arguments)
        reach(instant, job.task_id)
        return changed

    setattr(RelationalJobs, name, watched)
