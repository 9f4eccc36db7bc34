"""Wire shapes of benchmarks, and how domain values become them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from desirepath.domain.assessment import Assessment
from desirepath.domain.benchmark import BenchmarkDraft, SessionFilter
from desirepath.domain.benchmark_outcome import (
    BenchmarkComparison,
    BenchmarkOutcome,
    BenchmarkResult,
)
from desirepath.domain.checks import Id
from desirepath.domain.clock import format_time
from desirepath.domain.job import JobStatus
from desirepath.engine.benchmarking.running import BUILDING, COMPUTING, REPLAYING

__all__ = [
    "STATUS_TO_STATE",
    "BenchmarkListQuery",
    "BenchmarkListResponse",
    "BenchmarkResponse",
    "BenchmarkStatus",
    "present_benchmark",
]


class BenchmarkStatus(StrEnum):
    """How a benchmark stands."""

    PENDING = "pending"
    BUILDING_SESSIONS = "building_sessions"
    REPLAYING = "replaying"
    COMPUTING_METRICS = "computing_metrics"
    COMPLETED = "completed"
    FAILED = "failed"


STATUS_TO_STATE = {
    BenchmarkStatus.PENDING: (JobStatus.PENDING, None),
    BenchmarkStatus.BUILDING_SESSIONS: (JobStatus.IN_PROGRESS, BUILDING),
    BenchmarkStatus.REPLAYING: (JobStatus.IN_PROGRESS, REPLAYING),
    BenchmarkStatus.COMPUTING_METRICS: (JobStatus.IN_PROGRESS, COMPUTING),
    BenchmarkStatus.COMPLETED: (JobStatus.COMPLETED, None),
    BenchmarkStatus.FAILED: (JobStatus.FAILED, None),
}
"""What the task's state, and its words while it runs, are called here."""

_WORDS_TO_STATUS = {words: status for status, (_, words) in STATUS_TO_STATE.items() if words}
_STATE_TO_STATUS = {
    **{state: status for status, (state, words) in STATUS_TO_STATE.items() if not words},
    JobStatus.CANCELED: BenchmarkStatus.FAILED,
}


class Progress(Struct, frozen=True, kw_only=True):
    """How far a benchmark is; a total of 0 is not known."""

    done: int
    total: int
    words: str


class BenchmarkResponse(Struct, frozen=True, kw_only=True):
    """A benchmark, and what it came to when it is completed."""

    benchmark_id: str
    benchmark_name: str
    baseline_retriever_id: str
    candidate_retriever_ids: list[str]
    session_filter: SessionFilter
    session_count: Annotated[
        int, Meta(description="How many are replayed at most; when completed, how many were.")
    ]
    seed: Annotated[int, Meta(description="Ours: by which sessions are drawn.")]
    status: BenchmarkStatus
    created_at: str
    results: Annotated[list[BenchmarkResult] | None, Meta(description="The baseline's first.")] = (
        None
    )
    comparison: BenchmarkComparison | None = None
    started_at: str | None = None
    completed_at: str | None = None
    error_message: str | None = None
    progress: Annotated[Progress | None, Meta(description="Ours: while it runs.")] = None
    sessions_found: Annotated[
        int | None, Meta(description="Ours: sessions that the filter left.")
    ] = None
    search_count: Annotated[
        int | None, Meta(description="Ours: searches of the sessions that were replayed.")
    ] = None
    flagged_count: Annotated[
        int | None, Meta(description="Ours: identities left out that look like robots.")
    ] = None


class BenchmarkListQuery(Struct, frozen=True, kw_only=True):
    """Which benchmarks."""

    retriever_id: Annotated[Id | None, Meta(description="The baseline, by id or name.")] = None
    status: BenchmarkStatus | None = None
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=1000)] = 20


class BenchmarkListResponse(Struct, frozen=True, kw_only=True):
    """Benchmarks of the namespace, newest first."""

    benchmarks: list[BenchmarkResponse]
    total: int
    page: int
    page_size: int


def present_benchmark(one: Assessment) -> BenchmarkResponse:
    """The wire shape of a benchmark."""
    draft = msgspec.convert(one.request, BenchmarkDraft)
    outcome = None if one.result is None else msgspec.convert(one.result, BenchmarkOutcome)
    is_running = one.status is JobStatus.IN_PROGRESS
    error = one.error
    if one.status is JobStatus.CANCELED:
        error = "The task was canceled."
    return BenchmarkResponse(
        benchmark_id=one.assessment_id,
        benchmark_name=draft.benchmark_name,
        baseline_retriever_id=draft.baseline_retriever_id,
        candidate_retriever_ids=draft.candidate_retriever_ids,
        session_filter=draft.session_filter,
        session_count=draft.session_count if outcome is None else outcome.session_count,
        seed=draft.seed,
        status=_status(one),
        created_at=format_time(one.created_at),
        results=None if outcome is None else outcome.results,
        comparison=None if outcome is None else outcome.comparison,
        started_at=None if one.started_at is None else format_time(one.started_at),
        completed_at=None if one.completed_at is None else format_time(one.completed_at),
        error_message=error,
        progress=Progress(done=one.done, total=one.total, words=one.words) if is_running else None,
        sessions_found=None if outcome is None else outcome.sessions_found,
        search_count=None if outcome is None else outcome.search_count,
        flagged_count=None if outcome is None else outcome.n_flagged,
    )


def _status(one: Assessment) -> BenchmarkStatus:
    if one.status is JobStatus.IN_PROGRESS:
        return _WORDS_TO_STATUS.get(one.words, BenchmarkStatus.BUILDING_SESSIONS)
    return _STATE_TO_STATUS[one.status]
