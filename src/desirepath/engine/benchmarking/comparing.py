"""From replays to what a benchmark came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from desirepath.domain.benchmark import LEAST_SESSIONS
from desirepath.domain.benchmark_outcome import (
    CUTOFFS,
    DEPTH,
    PRIMARY_CUTOFF,
    SIGNIFICANT,
    BenchmarkComparison,
    BenchmarkOutcome,
    BenchmarkResult,
    LatencyMetrics,
    PipelineComparison,
    Reach,
    Verdict,
)
from desirepath.engine.benchmarking.building import ReplayedSessions
from desirepath.engine.benchmarking.replaying import Replay
from desirepath.engine.benchmarking.wording import recommend
from desirepath.errors import NotEnoughData
from desirepath.methods.levels import FloatArray
from desirepath.methods.replay.aligning import Measured, align, measure
from desirepath.methods.replay.paired import PairedTest, paired_t
from desirepath.methods.replay.reactions import BoolArray, Reactions

__all__ = ["compare_replays"]

_AS_FAR = 0.8
"""Of the other's move: who moves less than this is favoured by the log."""


def compare_replays(
    sessions: ReplayedSessions, replays: Sequence[Replay], seed: int
) -> BenchmarkOutcome:
    """Compare retrievers with the first of them, the baseline.

    Raises
    ------
    NotEnoughData
        All sessions failed with the baseline.
    """
    reactions = sessions.reactions
    measured = [measure(reactions, one.ranks, one.succeeded) for one in replays]
    if not measured[0].succeeded.any():
        raise NotEnoughData(
            "sessions",
            needed=1,
            found=0,
            why=f"All searches fail with the baseline: {', '.join(replays[0].error_to_sessions)}.",
        )
    results = [
        _result(reactions, replay, order, measured[0])
        for replay, order in zip(replays, measured, strict=True)
    ]
    comparisons = [
        _comparison(result, order, results[0], measured[0], len(replays) - 1)
        for result, order in zip(results[1:], measured[1:], strict=True)
    ]
    sentences = recommend(results, comparisons)
    return BenchmarkOutcome(
        session_count=reactions.n_sessions,
        sessions_found=sessions.n_found,
        search_count=reactions.n_searches,
        n_flagged=sessions.n_flagged,
        seed=seed,
        results=results,
        comparison=BenchmarkComparison(
            baseline_retriever_id=results[0].retriever_id,
            comparisons=comparisons,
            recommendation=" ".join(sentences),
            sentences=sentences,
        ),
    )


def _result(
    reactions: Reactions, replay: Replay, order: Measured, baseline: Measured
) -> BenchmarkResult:
    documents = order.succeeded[reactions.sessions_of_documents]
    return BenchmarkResult(
        retriever_id=replay.retriever.retriever_id,
        retriever_name=replay.retriever.draft.retriever_name,
        version=replay.retriever.version,
        pipeline_hash=replay.retriever.stages_hash,
        metrics=align(reactions, order, baseline),
        latency=_latency(replay),
        reach=Reach(
            n_reacted=int(documents.sum()),
            n_found=int((order.ranks[documents] <= DEPTH).sum()),
            n_top=replay.n_top,
            n_top_seen=replay.n_top_seen,
            mean_move=replay.mean_move,
        ),
        failed_sessions=int((~order.succeeded).sum()),
        error_summary=replay.error_to_sessions or None,
    )


def _latency(replay: Replay) -> LatencyMetrics:
    taken = replay.milliseconds or [0.0]
    p50, p90, p99 = np.percentile(taken, (50, 90, 99)).tolist()
    return LatencyMetrics(
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        mean_ms=float(np.mean(taken)),
        stage_latencies={
            stage: float(np.mean(each)) for stage, each in replay.stage_to_milliseconds.items()
        },
    )


def _comparison(
    result: BenchmarkResult,
    order: Measured,
    baseline_result: BenchmarkResult,
    baseline: Measured,
    n_candidates: int,
) -> PipelineComparison:
    both = order.succeeded & baseline.succeeded
    test = paired_t((order.ndcg[PRIMARY_CUTOFF] - baseline.ndcg[PRIMARY_CUTOFF])[both])
    interval = None
    if test.low is not None and test.high is not None:
        interval = test.low, test.high
    return PipelineComparison(
        candidate_retriever_id=result.retriever_id,
        verdict=_verdict(test, n_candidates, result.reach, baseline_result.reach),
        n_sessions=test.n,
        ndcg_delta=_change(order.ndcg, baseline.ndcg, both),
        recall_delta=_change(order.recall, baseline.recall, both),
        latency_delta_ms=result.latency.mean_ms - baseline_result.latency.mean_ms,
        p_value=test.p_value,
        confidence_interval=interval,
        detectable=test.detectable,
    )


def _verdict(test: PairedTest, n_candidates: int, candidate: Reach, baseline: Reach) -> Verdict:
    """What a test means.

    Who looks at many candidates sees one ahead by chance: all together err by 5 %. A handful of
    sessions may all differ by the same, which a t-test takes for certainty. And who keeps to the
    order of the log is ahead by what people clicked for its place.
    """
    if test.p_value is None or test.n < LEAST_SESSIONS:
        return Verdict.CANNOT_TELL
    if test.p_value * n_candidates >= SIGNIFICANT:
        return Verdict.CANNOT_TELL
    ahead, behind = (candidate, baseline) if test.mean > 0 else (baseline, candidate)
    if ahead.mean_move < _AS_FAR * behind.mean_move:
        return Verdict.CANNOT_TELL
    return Verdict.BETTER if test.mean > 0 else Verdict.WORSE


def _change(
    order: Mapping[int, FloatArray], baseline: Mapping[int, FloatArray], both: BoolArray
) -> dict[str, float]:
    if not both.any():
        return {str(k): 0.0 for k in CUTOFFS}
    return {str(k): float((order[k] - baseline[k])[both].mean()) for k in CUTOFFS}
