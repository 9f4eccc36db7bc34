"""Tasks: each ends once, whoever dies, stands still or changes their mind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.job import LEASE_SECONDS, MOST_TRIES, Job, JobStatus
from desirepath.engine.engine import Engine
from desirepath.engine.models import find_model
from desirepath.engine.tasks import kinds, running
from desirepath.engine.tasks.running import (
    cancel_task,
    find_task,
    has_work,
    run_task,
    start_task,
    work,
)
from desirepath.engine.tasks.task import Task
from desirepath.errors import Conflict, InvalidModel, NotEnoughData, NotFound, StorageUnavailable
from desirepath.storage.base import Namespace
from desirepath.testing.clock import TestingClock

NUMBER = 1
KIND = "train.tiny"


class Handling:
    """What the tasks of a test do."""

    steps: Callable[[Engine, Task], dict[str, Any] | None]
    n_calls: int = 0


handling = Handling()


def handle(engine: Engine, task: Task) -> dict[str, Any] | None:
    handling.n_calls += 1
    return handling.steps(engine, task)


def store_tiny(engine: Engine, task: Task) -> None:
    draft = ArtifactDraft(kind="tiny", name=task.inputs["name"], manifest={}, files={"a": b"x"})
    task.store(engine, task.namespace, draft)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.KIND_TO_HANDLER, KIND, f"{__name__}:handle")
    handling.n_calls = 0
    handling.steps = store_tiny


@pytest.fixture
def namespace(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


@pytest.fixture
def started(engine: Engine, namespace: Namespace) -> Job:
    return start_task(engine, namespace, KIND, {"name": "best"})


def n_versions(engine: Engine) -> int:
    with engine.storage.read() as session:
        return session.artifacts.count(NUMBER)


def found(engine: Engine, job: Job) -> Job:
    return find_task(engine, NUMBER, job.task_id)


def test_a_task_stores_its_model_and_is_completed(engine: Engine, started: Job) -> None:
    assert has_work(engine.storage)
    assert run_task(engine)
    (version,) = find_model(engine, NUMBER, "best").versions
    ended = found(engine, started)
    assert ended.status == JobStatus.COMPLETED
    assert ended.outputs == {"model_id": version.artifact_id, "name": "best", "version": 1}
    assert not has_work(engine.storage)
    assert not run_task(engine)


def test_a_task_without_a_model_has_what_it_returned(engine: Engine, started: Job) -> None:
    handling.steps = lambda engine, task: {"figure": 0.5}
    run_task(engine)
    assert found(engine, started).outputs == {"figure": 0.5}


def test_what_a_worker_does_after_its_lease_has_no_effect(
    engine: Engine, started: Job, clock: TestingClock
) -> None:
    def stand_still(engine: Engine, task: Task) -> None:
        clock.advance(seconds=LEASE_SECONDS)
        store_tiny(engine, task)

    handling.steps = stand_still
    run_task(engine)
    assert (n_versions(engine), found(engine, started).status) == (0, JobStatus.IN_PROGRESS)
    handling.steps = store_tiny
    run_task(engine)
    ended = found(engine, started)
    assert (n_versions(engine), ended.status, ended.tries) == (1, JobStatus.COMPLETED, 2)


def test_a_task_that_another_took_over_ends_once(
    engine: Engine, started: Job, clock: TestingClock
) -> None:
    def be_overtaken(engine: Engine, task: Task) -> None:
        clock.advance(seconds=LEASE_SECONDS)
        handling.steps = store_tiny
        assert run_task(engine)
        store_tiny(engine, task)

    handling.steps = be_overtaken
    run_task(engine)
    ended = found(engine, started)
    assert (n_versions(engine), ended.status, ended.tries) == (1, JobStatus.COMPLETED, 2)


def test_a_canceled_task_has_no_effect(engine: Engine, started: Job) -> None:
    def be_canceled(engine: Engine, task: Task) -> None:
        assert cancel_task(engine, NUMBER, started.task_id).status == JobStatus.CANCELED
        store_tiny(engine, task)

    handling.steps = be_canceled
    run_task(engine)
    assert (n_versions(engine), found(engine, started).status) == (0, JobStatus.CANCELED)
    with pytest.raises(Conflict):
        cancel_task(engine, NUMBER, started.task_id)
    assert not run_task(engine)


def test_a_canceled_task_stops_where_it_says_how_far_it_is(engine: Engine, started: Job) -> None:
    reached = []

    def go_on(engine: Engine, task: Task) -> None:
        task.progress(1, 3, "reading")
        assert task.renew()
        reached.append(found(engine, started))
        cancel_task(engine, NUMBER, started.task_id)
        assert not task.renew()
        task.progress(2, 3, "training")
        reached.append(found(engine, started))

    handling.steps = go_on
    run_task(engine)
    assert [(one.done, one.total, one.words) for one in reached] == [(1, 3, "reading")]


def test_how_far_it_is_can_be_seen_meanwhile(
    engine: Engine, started: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LEASE_SECONDS", 0.3)
    seen = []

    def go_on(engine: Engine, task: Task) -> None:
        for step in (1, 2):
            task.progress(step, 3, "training")
            deadline = time.monotonic() + 30
            while found(engine, started).done < step and time.monotonic() < deadline:
                time.sleep(0.01)
            seen.append(found(engine, started).done)

    handling.steps = go_on
    run_task(engine)
    assert seen == [1, 2]


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), StorageUnavailable()])
def test_what_fails_by_a_fault_is_tried_five_times(
    engine: Engine, started: Job, error: Exception
) -> None:
    def fail(engine: Engine, task: Task) -> None:
        raise error

    handling.steps = fail
    work(engine, lambda: True, until_idle=True)
    ended = found(engine, started)
    assert (ended.status, ended.tries, handling.n_calls) == (
        JobStatus.FAILED,
        MOST_TRIES,
        MOST_TRIES,
    )
    assert ended.error
    assert "secret" not in ended.error


def test_what_would_fail_again_is_tried_once_and_says_why(engine: Engine, started: Job) -> None:
    def refuse(engine: Engine, task: Task) -> None:
        raise NotEnoughData("clicks", needed=100, found=7)

    handling.steps = refuse
    work(engine, lambda: True, until_idle=True)
    ended = found(engine, started)
    assert (ended.status, ended.error) == (
        JobStatus.FAILED,
        "Not enough clicks: 100 needed, 7 found.",
    )
    assert handling.n_calls == 1


def test_an_unknown_kind_is_refused(engine: Engine, namespace: Namespace) -> None:
    with pytest.raises(InvalidModel, match="ranker"):
        start_task(engine, namespace, "train.other", {})


def test_tasks_of_others_are_not_found(engine: Engine, started: Job) -> None:
    with pytest.raises(NotFound):
        find_task(engine, 2, started.task_id)
    with pytest.raises(NotFound):
        cancel_task(engine, 2, started.task_id)
