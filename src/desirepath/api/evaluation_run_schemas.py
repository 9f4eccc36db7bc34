"""Wire shapes of evaluations, and how stored ones become them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from desirepath.domain.assessment import Assessment
from desirepath.domain.checks import Id
from desirepath.domain.clock import format_time
from desirepath.domain.evaluation import DEFAULT_K_VALUES, DEFAULT_METRICS, METRICS, MOST_K
from desirepath.domain.job import JobStatus
from desirepath.engine.evaluating.results import (
    EvaluationComparison,
    EvaluationOutcome,
    EvaluationResult,
    QueryOutcome,
    QueryStatus,
)
from desirepath.storage.base import Namespace

__all__ = [
    "STATUS_TO_JOB",
    "ComparisonQuery",
    "EvaluationComparisonModel",
    "EvaluationListQuery",
    "EvaluationListResponse",
    "EvaluationRecord",
    "EvaluationStatus",
    "StartEvaluationRequest",
    "StartEvaluationResponse",
    "present_comparison",
    "present_evaluation",
    "present_started",
    "result_of",
]

_TASK_TYPE = "retriever.evaluation"
_CANCELED = "Its task was canceled."


class EvaluationStatus(StrEnum):
    """How an evaluation stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


STATUS_TO_JOB: Mapping[EvaluationStatus, tuple[JobStatus, ...]] = {
    EvaluationStatus.PENDING: (JobStatus.PENDING,),
    EvaluationStatus.IN_PROGRESS: (JobStatus.IN_PROGRESS,),
    EvaluationStatus.COMPLETED: (JobStatus.COMPLETED,),
    EvaluationStatus.FAILED: (JobStatus.FAILED, JobStatus.CANCELED),
}
"""The states of tasks that are meant."""

_JOB_TO_STATUS = {job: status for status, jobs in STATUS_TO_JOB.items() for job in jobs}


class EvaluationConfigModel(Struct, frozen=True, kw_only=True):
    """What is measured."""

    k_values: Annotated[
        list[int] | None,
        Meta(
            description=f"Cutoffs, 1 to {MOST_K}, at most 20 of them; "
            f"{', '.join(map(str, DEFAULT_K_VALUES))} when left out."
        ),
    ] = None
    metrics: Annotated[
        list[str] | None,
        Meta(description=f"Of {', '.join(METRICS)}; {', '.join(DEFAULT_METRICS)} when left out."),
    ] = None


class StartEvaluationRequest(Struct, frozen=True, kw_only=True):
    """By which dataset, and what is measured."""

    dataset_name: Annotated[Id, Meta(description="Name or id of the dataset.")]
    evaluation_config: EvaluationConfigModel | None = None


class StartEvaluationResponse(Struct, frozen=True, kw_only=True):
    """What was started."""

    task_id: str
    evaluation_id: str
    task_type: str
    status: EvaluationStatus
    created_at: str


class QueryOutcomeModel(Struct, frozen=True, kw_only=True):
    """What became of one query."""

    query_id: str
    status: QueryStatus
    error: Annotated[str | None, Meta(description="Why it was skipped.")]
    retrieved_count: Annotated[
        int | None, Meta(description="Documents found, down to the largest k; null if skipped.")
    ]
    metrics_by_k: Annotated[
        dict[str, dict[str, float]],
        Meta(description="Ours: its measures, and judged, by k as a text. Empty if skipped."),
    ]


class IntervalModel(Struct, frozen=True, kw_only=True):
    """A mean over queries with its 95 % interval."""

    mean: float
    low: float
    high: float
    of: Annotated[int, Meta(description="Queries.")]


class ProgressModel(Struct, frozen=True, kw_only=True):
    """How far it is."""

    done: int
    total: int
    words: str


class EvaluationRecord(Struct, frozen=True, kw_only=True):
    """An evaluation, as it stands."""

    evaluation_id: str
    retriever_id: str
    dataset_id: str
    dataset_name: str
    config: EvaluationConfigModel
    status: EvaluationStatus
    created_at: str
    updated_at: str
    completed_at: str | None
    namespace_id: str
    internal_id: Annotated[str, Meta(description="The same as namespace_id.")]
    query_count: Annotated[int, Meta(description="Queries of the dataset.")]
    overall_metrics: Annotated[
        dict[str, float] | None, Meta(description="Means over queries at the largest k.")
    ]
    metrics_by_k: Annotated[
        dict[str, dict[str, float]] | None, Meta(description="Means by k as a text.")
    ]
    total_queries: int | None
    evaluated_queries: int | None
    skipped_queries: int | None
    error_message: str | None
    query_results: Annotated[
        list[QueryOutcomeModel] | None, Meta(description="Null in lists of evaluations.")
    ]
    baseline_evaluation_id: Annotated[
        str | None, Meta(description="What a trained candidate was held against.")
    ]
    weight_set_id: str | None
    verdict: Annotated[dict[str, Any] | None, Meta(description="Of the gate, for a candidate.")]
    summary: Annotated[str | None, Meta(description="Ours: what came out, in a sentence.")]
    intervals: Annotated[
        dict[str, dict[str, IntervalModel]] | None,
        Meta(description="Ours: the means with 95 % intervals over queries, by k."),
    ]
    warnings: Annotated[
        dict[str, int] | None,
        Meta(description="Ours: what searches warned of, with the number of queries."),
    ]
    task_id: Annotated[str | None, Meta(description="Ours: null where no task did it.")]
    progress: Annotated[ProgressModel, Meta(description="Ours.")]


class ComparisonQuery(Struct, frozen=True, kw_only=True):
    """What an evaluation is held against."""

    baseline_evaluation_id: Annotated[
        str, Meta(description="Another evaluation, of whichever retriever.")
    ]


class ComparedMeasureModel(Struct, frozen=True, kw_only=True):
    """One measure of two evaluations, over the queries that both have."""

    metric: str
    k: int
    baseline: float
    candidate: float
    difference: Annotated[
        IntervalModel, Meta(description="Candidate minus baseline, by the paired bootstrap.")
    ]


class ComparedQueryModel(Struct, frozen=True, kw_only=True):
    """The measure that decides, for one query."""

    query_id: str
    baseline: float
    candidate: float


class EvaluationComparisonModel(Struct, frozen=True, kw_only=True):
    """An evaluation beside its baseline, by the same queries."""

    verdict: Annotated[str, Meta(description="In a sentence.")]
    outcome: Annotated[
        EvaluationOutcome,
        Meta(description="better if all of the interval of the measure that decides is above 0."),
    ]
    metric: Annotated[str, Meta(description="The measure that decides.")]
    k: int
    n_queries: Annotated[int, Meta(description="Queries that both evaluated.")]
    n_unpaired: Annotated[int, Meta(description="Those that one of them or both skipped.")]
    won: int
    lost: int
    tied: int
    measures: list[ComparedMeasureModel]
    queries: list[ComparedQueryModel]
    seed: int


class EvaluationListQuery(Struct, frozen=True, kw_only=True):
    """Which evaluations."""

    status: EvaluationStatus | None = None
    dataset_name: Annotated[str | None, Meta(description="Name or id of a dataset.")] = None
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=1000)] = 20


class EvaluationListResponse(Struct, frozen=True, kw_only=True):
    """Evaluations of a retriever, newest first, without the results of single queries."""

    evaluations: list[EvaluationRecord]
    total: int
    page: int
    page_size: int


def present_started(one: Assessment) -> StartEvaluationResponse:
    """The answer to who started an evaluation."""
    assert one.task_id is not None  # it was left to a task
    return StartEvaluationResponse(
        task_id=one.task_id,
        evaluation_id=one.assessment_id,
        task_type=_TASK_TYPE,
        status=_JOB_TO_STATUS[one.status],
        created_at=format_time(one.created_at),
    )


def result_of(one: Assessment) -> EvaluationResult | None:
    """What came out of a stored evaluation; None: nothing yet."""
    return None if one.result is None else msgspec.convert(one.result, EvaluationResult)


def present_evaluation(
    one: Assessment, namespace: Namespace, *, include_queries: bool = True
) -> EvaluationRecord:
    """The wire shape of an evaluation."""
    result, request = result_of(one), one.request
    updated = one.completed_at or one.started_at or one.created_at
    canceled = _CANCELED if one.status is JobStatus.CANCELED else None
    return EvaluationRecord(
        evaluation_id=one.assessment_id,
        retriever_id=one.retriever_id,
        dataset_id=request["dataset_id"],
        dataset_name=one.name or "",
        config=EvaluationConfigModel(k_values=request["k_values"], metrics=request["metrics"]),
        status=_JOB_TO_STATUS[one.status],
        created_at=format_time(one.created_at),
        updated_at=format_time(updated),
        completed_at=None if one.completed_at is None else format_time(one.completed_at),
        namespace_id=namespace.namespace_id,
        internal_id=namespace.namespace_id,
        query_count=request["query_count"],
        overall_metrics=None if result is None else result.overall,
        metrics_by_k=None if result is None else result.by_k,
        total_queries=None if result is None else result.n_total,
        evaluated_queries=None if result is None else result.n_evaluated,
        skipped_queries=None if result is None else result.n_skipped,
        error_message=one.error or canceled,
        query_results=[_present_query(query) for query in result.queries]
        if result is not None and include_queries
        else None,
        baseline_evaluation_id=(one.result or {}).get("baseline_evaluation_id"),
        weight_set_id=request.get("weight_set_id"),
        verdict=None if one.result is None else one.result.get("gate_verdict"),
        summary=None if result is None else result.verdict,
        intervals=None
        if result is None
        else msgspec.convert(
            msgspec.to_builtins(result.estimates), dict[str, dict[str, IntervalModel]]
        ),
        warnings=None if result is None else result.warnings,
        task_id=one.task_id,
        progress=ProgressModel(done=one.done, total=one.total, words=one.words),
    )


def present_comparison(compared: EvaluationComparison) -> EvaluationComparisonModel:
    """The wire shape of a comparison."""
    return msgspec.convert(msgspec.to_builtins(compared), EvaluationComparisonModel)


def _present_query(one: QueryOutcome) -> QueryOutcomeModel:
    return QueryOutcomeModel(
        query_id=one.query_id,
        status=one.status,
        error=one.error,
        retrieved_count=one.retrieved_count,
        metrics_by_k=one.by_k,
    )
