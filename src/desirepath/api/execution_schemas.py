"""Wire shapes of executions in lists, and of what their stages did."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import asdict

from desirepath.domain.clock import format_time
from desirepath.domain.execution import Execution, ExecutionSummary
from desirepath.domain.experiment import Mode
from desirepath.domain.plain_json import canonical_json, encode_json
from desirepath.domain.profile import Profile, StageRun

__all__ = [
    "AdhocListRequest",
    "AdhocListResponse",
    "AdhocSummary",
    "ExecutionListRequest",
    "ExecutionListResponse",
    "ExecutionProfile",
    "ExecutionStatus",
    "ExecutionSummaryResponse",
    "OffsetPagination",
    "present_adhoc_summary",
    "present_profile",
    "present_status",
    "present_summary",
    "stage_statistics",
]

_SUMMARY_CHARACTERS = 200
_QUERY_INPUTS = ("query", "q", "text")


class ExecutionListRequest(Struct, frozen=True, kw_only=True):
    """Conditions, all of which hold."""

    filters: Annotated[
        dict[str, Any] | None,
        Meta(description='As of interactions: {"user_id": "ada", "total_returned": {"gt": 0}}.'),
    ] = None
    sorts: Annotated[
        list[dict[str, Any]] | None,
        Meta(description="[{field, direction}], the first counts most; last recorded first."),
    ] = None
    status: Annotated[
        str | None, Meta(description="completed or degraded; searches that fail are not logged.")
    ] = None
    case_sensitive: bool = False


class ExecutionSummaryResponse(Struct, frozen=True, kw_only=True):
    """An execution in a list."""

    execution_id: str
    status: Annotated[
        str, Meta(description="completed, or degraded where a stage failed and was skipped.")
    ]
    created_at: Annotated[str, Meta(description="When it was served.")]
    completed_at: str
    duration_ms: Annotated[float, Meta(description="0 where another engine served it.")]
    credits_used: float
    total_processed: Annotated[int, Meta(description="Documents that its stages looked at.")]
    total_returned: int
    cache_hit_rate: float | None
    inputs_hash: Annotated[str | None, Meta(description="The same for the same inputs.")]
    query_summary: Annotated[str | None, Meta(description="The query, cut short.")]
    trace_id: str | None
    inputs: dict[str, Any] | None
    user_id: str | None
    session_id: str | None
    configuration: str | None
    metadata: dict[str, Any] | None
    parent_execution_id: str | None
    offset: int
    total: int | None
    timestamp: Annotated[str, Meta(description="When it was recorded.")]


class OffsetPagination(Struct, frozen=True, kw_only=True):
    """Where this page lies."""

    total: Annotated[int, Meta(description="Executions that match.")]
    limit: int
    offset: int
    has_next: bool
    next_cursor: Annotated[str | None, Meta(description="Send as cursor; null at the end.")]


class ExecutionListResponse(Struct, frozen=True, kw_only=True):
    """A page of executions."""

    results: list[ExecutionSummaryResponse]
    pagination: OffsetPagination


class ExecutionStatus(Struct, frozen=True, kw_only=True):
    """How an execution went."""

    execution_id: str
    retriever_id: str
    status: Annotated[str, Meta(description="completed or degraded.")]
    created_at: str
    completed_at: str
    current_stage: Annotated[str | None, Meta(description="Null: it is over.")]
    stages_completed: int
    total_stages: int
    duration_ms: float
    total_returned: int
    warnings: list[str]


class ExecutionProfile(Struct, frozen=True, kw_only=True):
    """What the stages of an execution did, and what it was fused by."""

    execution_id: str
    retriever_id: str
    status: str
    created_at: str
    total_time_ms: float
    stages: Annotated[
        list[dict[str, Any]],
        Meta(
            description="In order: stage_index, stage_name, stage_id, input_count, output_count, "
            "duration_ms, error; model and model_version of a trained ranker; query_adapters, a "
            "list of {feature_uri, model, model_version}."
        ),
    ]
    warnings: list[str]
    fusion: Annotated[
        dict[str, Any] | None,
        Meta(
            description="Of its search: strategy, weights by feature URI, retriever_version, "
            "stages_hash, pool_size, context_level and algorithm."
        ),
    ]
    experiment: Annotated[
        dict[str, Any] | None,
        Meta(
            description="Of its experiment: experiment_id, mode, challenger, unit (session, day or "
            "user), shown (live, challenger or both), teams (of each document: -1 live, 0 neither, "
            "1 challenger) and problem (why the challenger was not shown); null: in none."
        ),
    ] = None


class AdhocListRequest(Struct, frozen=True, kw_only=True):
    """Conditions, all of which hold."""

    status: str | None = None
    start_time: Annotated[str | None, Meta(description="Served then or later, ISO 8601.")] = None
    end_time: Annotated[str | None, Meta(description="Served before, ISO 8601.")] = None
    count_only: Annotated[bool | None, Meta(description="Only the total, no results.")] = None
    filters: dict[str, Any] | None = None
    sorts: list[dict[str, Any]] | None = None
    case_sensitive: bool = False


class AdhocSummary(Struct, frozen=True, kw_only=True):
    """An ad-hoc execution."""

    execution_id: str
    execution_mode: str
    status: str
    timestamp: Annotated[str, Meta(description="When it was served.")]
    duration_ms: float
    credits_used: float
    total_processed: int
    total_returned: int
    cache_hit_rate: float | None
    query_summary: str | None
    stages_completed: int
    total_stages: int
    collection_ids: list[str]
    inputs: Annotated[str | None, Meta(description="As JSON text.")]
    inputs_hash: str | None


class AdhocListResponse(Struct, frozen=True, kw_only=True):
    """A page of ad-hoc executions, the last one first."""

    results: list[AdhocSummary]
    total: int
    pagination: OffsetPagination


def present_summary(value: ExecutionSummary) -> ExecutionSummaryResponse:
    """The wire shape of an execution in a list."""
    served_at = format_time(value.occurred_at)
    return ExecutionSummaryResponse(
        execution_id=value.execution_id,
        status=value.status,
        created_at=served_at,
        completed_at=served_at,
        duration_ms=_duration(value.profile),
        credits_used=0.0,
        total_processed=_processed(value),
        total_returned=value.n_documents,
        cache_hit_rate=None,
        inputs_hash=_hash(value.inputs),
        query_summary=_query(value.inputs),
        trace_id=None,
        inputs=value.inputs,
        user_id=value.user_id,
        session_id=value.session_id,
        configuration=value.configuration,
        metadata=value.metadata,
        parent_execution_id=value.parent_id,
        offset=value.offset,
        total=value.total,
        timestamp=format_time(value.recorded_at),
    )


def present_adhoc_summary(value: ExecutionSummary) -> AdhocSummary:
    """The wire shape of an ad-hoc execution."""
    n_stages = 0 if value.profile is None else len(value.profile.stages)
    return AdhocSummary(
        execution_id=value.execution_id,
        execution_mode="adhoc",
        status=value.status,
        timestamp=format_time(value.occurred_at),
        duration_ms=_duration(value.profile),
        credits_used=0.0,
        total_processed=_processed(value),
        total_returned=value.n_documents,
        cache_hit_rate=None,
        query_summary=_query(value.inputs),
        stages_completed=n_stages,
        total_stages=n_stages,
        collection_ids=[],
        inputs=None if value.inputs is None else encode_json(value.inputs).decode(),
        inputs_hash=_hash(value.inputs),
    )


def present_status(value: Execution) -> ExecutionStatus:
    """The wire shape of how an execution went."""
    served_at = format_time(value.occurred_at)
    n_stages = 0 if value.profile is None else len(value.profile.stages)
    return ExecutionStatus(
        execution_id=value.execution_id,
        retriever_id=value.retriever_id,
        status=value.status,
        created_at=served_at,
        completed_at=served_at,
        current_stage=None,
        stages_completed=n_stages,
        total_stages=n_stages,
        duration_ms=_duration(value.profile),
        total_returned=len(value.documents),
        warnings=[] if value.profile is None else list(value.profile.warnings),
    )


def present_profile(value: Execution, profile: Profile) -> ExecutionProfile:
    """The wire shape of what the stages did."""
    return ExecutionProfile(
        execution_id=value.execution_id,
        retriever_id=value.retriever_id,
        status=profile.status,
        created_at=format_time(value.occurred_at),
        total_time_ms=profile.milliseconds,
        stages=[
            {
                "stage_index": index,
                "stage_name": run.name,
                "stage_id": run.stage_id,
                "input_count": run.n_in,
                "output_count": run.n_out,
                "duration_ms": run.milliseconds,
                "error": run.error,
                **_models(run),
            }
            for index, run in enumerate(profile.stages)
        ],
        warnings=list(profile.warnings),
        fusion=_fusion(value),
        experiment=_experiment(value),
    )


def _fusion(value: Execution) -> dict[str, Any] | None:
    ranking = value.ranking
    if ranking is None:
        return None
    return {
        "strategy": ranking.fusion,
        "weights": dict(zip(ranking.features, ranking.weights, strict=True)),
        "retriever_version": ranking.version,
        "stages_hash": ranking.stages_hash,
        "pool_size": len(ranking.pool),
        "context_level": None if ranking.draw is None else ranking.draw.level,
        "algorithm": ranking.algorithm,
    }


def _experiment(value: Execution) -> dict[str, Any] | None:
    trial = value.trial
    if trial is None:
        return None
    both = "both" if trial.experiment.mode is Mode.INTERLEAVE else None
    return {
        "experiment_id": trial.experiment_id,
        "mode": trial.experiment.mode,
        "challenger": trial.experiment.challenger,
        "unit": trial.unit.partition(":")[0],
        "shown": "live"
        if trial.problem is not None
        else both or ("challenger" if trial.coin else "live"),
        "teams": list(trial.teams),
        "problem": trial.problem,
    }


def stage_statistics(profile: Profile) -> dict[str, Any]:
    """What the stages did, by their names."""
    return {
        "stages": {
            run.name: {
                "stage_id": run.stage_id,
                "input_count": run.n_in,
                "output_count": run.n_out,
                "duration_ms": run.milliseconds,
                "efficiency": min(1.0, run.n_out / run.n_in) if run.n_in else 1.0,
                "error": run.error,
                **_models(run),
            }
            for run in profile.stages
        },
        "total_time_ms": profile.milliseconds,
        "credits_used": 0.0,
        "server_service_ms": profile.milliseconds,
    }


def _models(run: StageRun) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if run.model is not None:
        found |= {"model": run.model, "model_version": run.model_version}
    if run.query_adapters:
        found["query_adapters"] = [asdict(one) for one in run.query_adapters]
    return found


def _duration(profile: Profile | None) -> float:
    return 0.0 if profile is None else profile.milliseconds


def _processed(value: ExecutionSummary) -> int:
    if value.profile is None:
        return value.n_documents
    return sum(max(run.n_in, run.n_out) for run in value.profile.stages)


def _hash(inputs: dict[str, Any] | None) -> str | None:
    return None if inputs is None else hashlib.sha256(canonical_json(inputs)).hexdigest()[:16]


def _query(inputs: dict[str, Any] | None) -> str | None:
    """The first input that is called like a query and is a text, else all of them as JSON."""
    if not inputs:
        return None
    named = (inputs.get(name) for name in _QUERY_INPUTS)
    text = next((value for value in named if isinstance(value, str)), None)
    return (encode_json(inputs).decode() if text is None else text)[:_SUMMARY_CHARACTERS]
