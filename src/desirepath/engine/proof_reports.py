"""Runs of proof as they are reported: what came out, and what was compared by what, and when."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.benchmark import BenchmarkDraft
from desirepath.domain.benchmark_outcome import BenchmarkOutcome
from desirepath.domain.clock import to_datetime
from desirepath.domain.gate import GateVerdict
from desirepath.domain.job import JobStatus
from desirepath.domain.what_if import WhatIfResult
from desirepath.engine.assessing import find_assessment
from desirepath.engine.comparing.results import ExperimentResult
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.results import EvaluationResult
from desirepath.engine.experiments import find_experiment
from desirepath.engine.retrievers import find_retriever
from desirepath.errors import Conflict

__all__ = [
    "BenchmarkReport",
    "EvaluationReport",
    "ExperimentReport",
    "WhatIfReport",
    "benchmark_report",
    "evaluation_report",
    "experiment_report",
    "what_if_report",
]


class BenchmarkReport(Struct, frozen=True, kw_only=True):
    """A benchmark, for who was not there.

    Parameters
    ----------
    retrievers
        Names of those whose searches were replayed; empty: of all.
    """

    benchmark_id: str
    name: str
    ended_at: datetime
    retrievers: tuple[str, ...]
    draft: BenchmarkDraft
    outcome: BenchmarkOutcome


class EvaluationReport(Struct, frozen=True, kw_only=True):
    """An evaluation, for who was not there.

    Parameters
    ----------
    gate
        What a gate said of the candidate that was evaluated; None: it was none.
    """

    evaluation_id: str
    retriever_name: str
    dataset_name: str
    ended_at: datetime
    result: EvaluationResult
    gate: GateVerdict | None = None


class ExperimentReport(Struct, frozen=True, kw_only=True):
    """An experiment on live traffic, for who was not there."""

    live_name: str
    challenger_name: str
    result: ExperimentResult


class WhatIfReport(Struct, frozen=True, kw_only=True):
    """What another policy would have earned, for who was not there."""

    what_if_id: str
    retriever_name: str
    ended_at: datetime
    result: WhatIfResult


def benchmark_report(engine: Engine, namespace: int, benchmark_id: str) -> BenchmarkReport:
    """What a benchmark came to.

    Raises
    ------
    NotFound
        There is none of that id.
    Conflict
        It has not come to anything.
    """
    found = _ended(engine, namespace, AssessmentKind.BENCHMARK, benchmark_id)
    draft = msgspec.convert(found.request, BenchmarkDraft)
    ids = draft.session_filter.retriever_ids or ()
    return BenchmarkReport(
        benchmark_id=found.assessment_id,
        name=draft.benchmark_name,
        ended_at=_end_of(found),
        retrievers=tuple(_name_of(engine, namespace, id) for id in ids),
        draft=draft,
        outcome=msgspec.convert(found.result, BenchmarkOutcome),
    )


def evaluation_report(engine: Engine, namespace: int, evaluation_id: str) -> EvaluationReport:
    """What an evaluation came to.

    Raises
    ------
    NotFound
        There is none of that id.
    Conflict
        It has not come to anything.
    """
    found = _ended(engine, namespace, AssessmentKind.EVALUATION, evaluation_id)
    return EvaluationReport(
        evaluation_id=found.assessment_id,
        retriever_name=_name_of(engine, namespace, found.retriever_id),
        dataset_name=found.name or "",
        ended_at=_end_of(found),
        result=msgspec.convert(found.result, EvaluationResult),
        gate=msgspec.convert((found.result or {}).get("gate_verdict"), GateVerdict | None),
    )


def what_if_report(engine: Engine, namespace: int, what_if_id: str) -> WhatIfReport:
    """What another policy would have earned.

    Raises
    ------
    NotFound
        There is none of that id.
    Conflict
        It has not come to anything.
    """
    found = _ended(engine, namespace, AssessmentKind.WHAT_IF, what_if_id)
    return WhatIfReport(
        what_if_id=found.assessment_id,
        retriever_name=_name_of(engine, namespace, found.retriever_id),
        ended_at=_end_of(found),
        result=msgspec.convert(found.result, WhatIfResult),
    )


def experiment_report(
    engine: Engine, namespace: int, retriever: str, experiment_id: str
) -> ExperimentReport:
    """What an experiment has come to by now.

    Parameters
    ----------
    retriever
        Whose experiment, by id or name.

    Raises
    ------
    NotFound
        There is no such retriever, or it has no such experiment.
    """
    result = find_experiment(engine, find_retriever(engine, namespace, retriever), experiment_id)
    return ExperimentReport(
        live_name=_name_of(engine, namespace, result.retriever_id),
        challenger_name=_name_of(engine, namespace, result.challenger_id),
        result=result,
    )


def _ended(engine: Engine, namespace: int, kind: AssessmentKind, id: str) -> Assessment:
    found = find_assessment(engine, namespace, kind, id)
    if found.result is not None:
        return found
    if found.status is JobStatus.FAILED:
        raise Conflict(f"There is nothing to report, for it failed: {found.error}")
    if found.status is JobStatus.CANCELED:
        raise Conflict("There is nothing to report, for it was canceled.")
    raise Conflict("There is nothing to report yet: it has not ended.")


def _end_of(found: Assessment) -> datetime:
    return to_datetime(found.completed_at or found.created_at)


def _name_of(engine: Engine, namespace: int, retriever_id: str) -> str:
    """What a retriever is called now; its id where it is gone."""
    with engine.storage.read() as session:
        found = session.catalog.find_retriever(namespace, retriever_id)
    return retriever_id if found is None else found.draft.retriever_name
