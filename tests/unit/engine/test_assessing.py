"""Assessments: what a task finds out is stored once, with its end, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.job import JobStatus
from desirepath.engine.assessing import (
    assessment_of,
    delete_assessment,
    find_assessment,
    finish_assessment,
    start_assessment,
    store_assessment,
)
from desirepath.engine.engine import Engine
from desirepath.engine.tasks import kinds
from desirepath.engine.tasks.running import cancel_task, find_task, run_task
from desirepath.engine.tasks.task import Task
from desirepath.errors import InvalidDataset, NotFound
from desirepath.storage.base import Namespace

EVALUATION = AssessmentKind.EVALUATION


class Handling:
    """What the tasks of a test do before they finish."""

    first: Callable[[Engine, Assessment], None]


handling = Handling()


def handle(engine: Engine, task: Task) -> None:
    assessment = assessment_of(engine, task)
    handling.first(engine, assessment)
    finish_assessment(engine, task, assessment, {"k": assessment.request["k"]})


@pytest.fixture(autouse=True)
def handled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.KIND_TO_HANDLER, "retriever.evaluation", f"{__name__}:handle")
    handling.first = lambda engine, assessment: None


@pytest.fixture
def namespace(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


@pytest.fixture
def started(engine: Engine, namespace: Namespace) -> Assessment:
    return start_assessment(
        engine, namespace, EVALUATION, "ret_1", name="holiday", request={"k": 5}
    )


def found(engine: Engine, one: Assessment) -> Assessment:
    return find_assessment(engine, one.namespace, one.kind, one.assessment_id)


def test_a_task_stores_what_it_found_out_and_ends(engine: Engine, started: Assessment) -> None:
    assert started.assessment_id.startswith("eval_")
    assert found(engine, started) == started
    assert run_task(engine)
    finished = found(engine, started)
    assert (finished.status, finished.result) == (JobStatus.COMPLETED, {"k": 5})
    assert started.task_id is not None
    task = find_task(engine, started.namespace, started.task_id)
    assert task.status is JobStatus.COMPLETED
    assert task.outputs == {"evaluation_id": started.assessment_id}
    assert not run_task(engine)


def test_it_fails_with_the_words_of_its_task(engine: Engine, started: Assessment) -> None:
    def fail(engine: Engine, assessment: Assessment) -> None:
        raise InvalidDataset("No query could be answered.")

    handling.first = fail
    run_task(engine)
    failed = found(engine, started)
    assert (failed.status, failed.error) == (JobStatus.FAILED, "No query could be answered.")
    assert failed.result is None


@pytest.mark.parametrize("ending", [delete_assessment, None])
def test_what_is_deleted_or_canceled_meanwhile_has_no_result(
    engine: Engine, started: Assessment, ending: Callable[[Engine, Assessment], None] | None
) -> None:
    def cancel(engine: Engine, assessment: Assessment) -> None:
        assert assessment.task_id is not None
        cancel_task(engine, assessment.namespace, assessment.task_id)

    handling.first = ending or cancel
    assert run_task(engine)
    if ending is None:
        canceled = found(engine, started)
        assert (canceled.status, canceled.result) == (JobStatus.CANCELED, None)
    else:
        with pytest.raises(NotFound):
            found(engine, started)
        with pytest.raises(NotFound):
            delete_assessment(engine, started)
    assert not run_task(engine)


def test_what_was_done_here_needs_no_task(engine: Engine, namespace: Namespace) -> None:
    stored = store_assessment(
        engine,
        namespace,
        AssessmentKind.WHAT_IF,
        "ret_1",
        request={"fusion": "rrf"},
        result={"verdict": "better"},
        started_at=17,
    )
    assert found(engine, stored) == stored
    assert (stored.status, stored.task_id, stored.created_at) == (JobStatus.COMPLETED, None, 17)
    assert stored.assessment_id.startswith("whatif_")
