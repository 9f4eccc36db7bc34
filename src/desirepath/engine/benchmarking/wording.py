"""What a benchmark comes to in words, for who has to decide: the verdict first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from desirepath.domain.benchmark import LEAST_SESSIONS
from desirepath.domain.benchmark_outcome import (
    DEPTH,
    PRIMARY_CUTOFF,
    SIGNIFICANT,
    BenchmarkResult,
    PipelineComparison,
    Verdict,
)

__all__ = ["recommend"]

_K = str(PRIMARY_CUTOFF)
_MANY_UNSEEN = 0.05
_MANY_FAILED = 0.05


def recommend(
    results: Sequence[BenchmarkResult], comparisons: Sequence[PipelineComparison]
) -> list[str]:
    """Say which retriever to use, first of all, then why, and what this cannot tell.

    Parameters
    ----------
    results
        The baseline's first, then those of the candidates.
    comparisons
        Of the candidates, in the same order.
    """
    baseline, *candidates = results
    pairs = list(zip(candidates, comparisons, strict=True))
    sentences = [_advice(baseline, pairs)]
    sentences += [_compared(baseline, one, found, len(pairs)) for one, found in pairs]
    sentences += _failures(results, comparisons)
    sentences += _limits(results)
    return sentences


_Pairs = Sequence[tuple[BenchmarkResult, PipelineComparison]]


def _advice(baseline: BenchmarkResult, pairs: _Pairs) -> str:
    """The verdict."""
    better = [pair for pair in pairs if pair[1].verdict is Verdict.BETTER]
    if better:
        best, _ = max(better, key=lambda pair: pair[1].ndcg_delta[_K])
        return f"{best.retriever_name} is better than {baseline.retriever_name}: try it on people."
    if all(found.verdict is Verdict.WORSE for _, found in pairs):
        return f"Keep {baseline.retriever_name}: no candidate is as good."
    return f"Keep {baseline.retriever_name} for now: no candidate is surely better."


def _compared(
    baseline: BenchmarkResult, one: BenchmarkResult, found: PipelineComparison, n_candidates: int
) -> str:
    if not found.n_sessions:
        return f"{one.retriever_name} could not be replayed at all."
    change = found.ndcg_delta[_K]
    words = f"{one.retriever_name} changes nDCG@{_K} by {change:+.4f}"
    is_change = False
    if found.confidence_interval is not None and found.p_value is not None:
        low, high = found.confidence_interval
        words += f" (95 % interval {low:+.4f} to {high:+.4f}, {_p(found.p_value)})"
        is_change = found.p_value * n_candidates < SIGNIFICANT
    words += f" over {_sessions(found.n_sessions)}"
    if found.n_sessions < LEAST_SESSIONS:
        words += f", and it takes at least {LEAST_SESSIONS} to tell"
    elif found.verdict is Verdict.CANNOT_TELL and is_change:
        ahead = one if change > 0 else baseline
        words += (
            f", but the log favours {ahead.retriever_name}, which keeps nearer to what people saw"
        )
    elif found.verdict is Verdict.CANNOT_TELL and found.detectable:
        words += f", which would have shown a change of {found.detectable:.4f} or more"
    slower = found.latency_delta_ms
    words += f"; a search takes {abs(slower):.1f} ms {'longer' if slower > 0 else 'less'}."
    return words


def _sessions(n: int) -> str:
    return f"{n:,} session{'s' * (n != 1)}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _failures(
    results: Sequence[BenchmarkResult], comparisons: Sequence[PipelineComparison]
) -> Iterator[str]:
    n_all = max((found.n_sessions for found in comparisons), default=0)
    for one in results:
        if one.failed_sessions > _MANY_FAILED * (n_all + one.failed_sessions):
            reasons = ", ".join(sorted(one.error_summary or {}))
            yield (
                f"{_sessions(one.failed_sessions)} failed with {one.retriever_name} ({reasons}): "
                "left out."
            )


def _limits(results: Sequence[BenchmarkResult]) -> Iterator[str]:
    """What replay is blind to, in numbers."""
    found = "; ".join(
        f"{one.retriever_name} finds {one.reach.n_found:,} of {one.reach.n_reacted:,}"
        for one in results
        if one.reach.n_reacted
    )
    moves = "; ".join(
        f"{one.retriever_name} by {one.reach.mean_move:.1f}" for one in results if one.reach.n_top
    )
    yield (
        "A replay favours what was shown, for nobody could click what they did not see, and people "
        f"click what stands at the top. What the log showed first is moved by ranks: {moves}. Of "
        f"the documents that people acted on, among its first {DEPTH}: {found}."
    )
    unseen = [one for one in results if one.reach.unseen_share > _MANY_UNSEEN]
    if unseen:
        shares = " and ".join(
            f"{one.reach.unseen_share:.0%} of those of {one.retriever_name}" for one in unseen
        )
        yield (
            f"Of the first {PRIMARY_CUTOFF} documents of a search, nobody saw {shares}: they count "
            "as bad here, and may be good. Interleaving on live traffic would tell."
        )
