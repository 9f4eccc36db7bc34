"""Assessments: start them as tasks, store what came out, find and delete them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.assessment import Assessment, AssessmentKind, format_assessment_id
from desirepath.domain.ids import format_id
from desirepath.domain.job import Job
from desirepath.engine.engine import Engine
from desirepath.engine.holding import hold_namespace
from desirepath.engine.tasks.kinds import handler_of
from desirepath.engine.tasks.task import Task, TaskLostError
from desirepath.errors import NotFound
from desirepath.storage.base import Namespace, Session

__all__ = [
    "TASK",
    "assessment_of",
    "delete_assessment",
    "find_assessment",
    "finish_assessment",
    "start_assessment",
    "store_assessment",
]

TASK = "retriever."
"""Begins the kinds of tasks that do an assessment of the kind that follows."""

Within = Callable[[Session, Assessment], None]
"""What else is done in the session that stores what came out."""

_KIND_TO_WORD = {
    AssessmentKind.EVALUATION: "evaluation",
    AssessmentKind.BENCHMARK: "benchmark",
    AssessmentKind.WHAT_IF: "what-if",
}


def start_assessment(
    engine: Engine,
    namespace: Namespace,
    kind: AssessmentKind,
    retriever_id: str,
    *,
    name: str | None = None,
    request: dict[str, Any],
) -> Assessment:
    """Leave an assessment to the workers.

    Raises
    ------
    MissingDependency
        It needs a package that is not installed here.
    NotFound
        The namespace was deleted meanwhile.
    """
    task_kind = TASK + kind.value
    handler_of(task_kind)
    with engine.storage.write() as session:
        assessment = _made(engine, session, namespace, kind, retriever_id, name, request)
        session.assessments.create(assessment)
        session.jobs.add(
            Job(
                namespace=namespace.number,
                id=assessment.id,
                task_id=format_id("task", assessment.id),
                kind=task_kind,
                inputs={f"{kind.value}_id": assessment.assessment_id},
                created_at=assessment.created_at,
            )
        )
    return replace(assessment, task_id=format_id("task", assessment.id))


def _made(
    engine: Engine,
    session: Session,
    namespace: Namespace,
    kind: AssessmentKind,
    retriever_id: str,
    name: str | None,
    request: dict[str, Any],
) -> Assessment:
    """A new one, of now."""
    hold_namespace(session, namespace)
    now = session.now()
    id = engine.make_id.next(now)
    return Assessment(
        namespace=namespace.number,
        id=id,
        assessment_id=format_assessment_id(kind, id),
        kind=kind,
        retriever_id=retriever_id,
        name=name,
        request=request,
        created_at=now,
    )


def assessment_of(engine: Engine, task: Task) -> Assessment:
    """What a task is to find out.

    Raises
    ------
    NotFound
        It was deleted meanwhile.
    """
    job = task.job
    kind = AssessmentKind(job.kind.removeprefix(TASK))
    return find_assessment(engine, job.namespace, kind, format_assessment_id(kind, job.id))


def finish_assessment(
    engine: Engine,
    task: Task,
    assessment: Assessment,
    result: Struct | dict[str, Any],
    *,
    within: Within = lambda session, assessment: None,
) -> None:
    """Store what came out and complete the task, both or neither.

    Parameters
    ----------
    within
        Called in the same transaction; if it raises, nothing is stored.

    Raises
    ------
    TaskLostError
        The task is not held any more, or the assessment was deleted.
    """
    with engine.storage.write() as session:
        plain = msgspec.to_builtins(result)
        if not session.assessments.finish(
            assessment.namespace, assessment.id, plain, session.now()
        ):
            raise TaskLostError
        within(session, assessment)
        task.complete(session, {f"{assessment.kind.value}_id": assessment.assessment_id})
    task.is_completed = True


def store_assessment(
    engine: Engine,
    namespace: Namespace,
    kind: AssessmentKind,
    retriever_id: str,
    *,
    name: str | None = None,
    request: dict[str, Any],
    result: Struct | dict[str, Any],
    started_at: int,
    within: Within = lambda session, assessment: None,
) -> Assessment:
    """Store an assessment that was done here, without a task.

    Parameters
    ----------
    within
        Called in the same transaction; if it raises, nothing is stored.

    Raises
    ------
    NotFound
        The namespace was deleted meanwhile.
    """
    with engine.storage.write() as session:
        made = _made(engine, session, namespace, kind, retriever_id, name, request)
        assessment = replace(
            made,
            result=msgspec.to_builtins(result),
            created_at=started_at,
            completed_at=made.created_at,
        )
        session.assessments.create(assessment)
        within(session, assessment)
    return find_assessment(engine, namespace.number, kind, assessment.assessment_id)


def find_assessment(
    engine: Engine, namespace: int, kind: AssessmentKind, assessment_id: str
) -> Assessment:
    """An assessment by its id.

    Raises
    ------
    NotFound
        There is none such.
    """
    with engine.storage.read() as session:
        found = session.assessments.find(namespace, kind, assessment_id)
    if found is None:
        raise NotFound(_KIND_TO_WORD[kind], assessment_id)
    return found


def delete_assessment(engine: Engine, assessment: Assessment) -> None:
    """Delete an assessment; a task that is still at it has no effect any more.

    Raises
    ------
    NotFound
        It was deleted meanwhile.
    """
    with engine.storage.write() as session:
        session.jobs.cancel(assessment.namespace, assessment.id, session.now())
        if not session.assessments.delete(assessment.namespace, assessment.id):
            raise NotFound(_KIND_TO_WORD[assessment.kind], assessment.assessment_id)
