"""Evaluations as tasks: of a retriever as it is, or of a candidate that a gate judges."""

from __future__ import annotations

from desirepath.domain.assessment import Assessment
from desirepath.engine.assessing import assessment_of, finish_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.tasks import evaluation_task
from desirepath.engine.gating.asking_log import ask_log
from desirepath.engine.gating.candidates import candidate_of
from desirepath.engine.gating.running import judge, let_serve, store_baseline
from desirepath.engine.models import find_newest
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.tasks.task import Task
from desirepath.storage.base import Session

__all__ = ["evaluation_or_gate_task"]


def evaluation_or_gate_task(engine: Engine, task: Task) -> None:
    """Evaluate; what names a candidate is judged, and serves if it passes.

    See :func:`~desirepath.engine.gating.running.judge`.
    """
    assessment = assessment_of(engine, task)
    weight_set_id = assessment.request.get("weight_set_id")
    if weight_set_id is None:
        evaluation_task(engine, task)
        return
    number = assessment.namespace
    retriever = find_retriever(engine, number, assessment.retriever_id)
    candidate = candidate_of(engine, retriever, find_newest(engine, number, weight_set_id))
    gated = judge(engine, task.namespace, retriever, candidate, ask_log, task.progress)
    baseline = store_baseline(engine, task.namespace, retriever, candidate, gated)

    def within(session: Session, stored: Assessment) -> None:
        if gated.verdict.passed:
            let_serve(
                engine,
                session,
                retriever,
                candidate,
                gated.held_against,
                stored.assessment_id,
                baseline.assessment_id,
            )

    result = gated.plain(baseline.assessment_id)
    finish_assessment(engine, task, assessment, result, within=within)
    engine.directory.forget()
