"""Two evaluations of the same queries, query by query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

import numpy as np

from desirepath.engine.evaluating.measuring import JUDGED, most_frequent
from desirepath.engine.evaluating.results import (
    ComparedMeasure,
    ComparedQuery,
    EvaluationComparison,
    EvaluationOutcome,
    EvaluationResult,
    QueryOutcome,
    QueryStatus,
)
from desirepath.errors import NotEnoughData
from desirepath.methods.intervals import bootstrap_of_means
from desirepath.methods.ranking.comparing import MeanEstimate

__all__ = ["LEAST_QUERIES", "compare_evaluations"]

LEAST_QUERIES = 10
"""The bootstrap of fewer is too sure of itself."""

_SAME = 1e-9  # what rounding does to a measure


def compare_evaluations(
    baseline: EvaluationResult, candidate: EvaluationResult, *, seed: int = 0
) -> EvaluationComparison:
    """How much better a candidate is, by the queries that both evaluated.

    The candidate is better if all of the 95 % interval of the paired differences of the measure
    that decides lies above 0, over at least 10 queries. That measure is the candidate's, if the
    baseline has it, else the first that both have. The intervals of the other measures are each by
    itself: of 28 that differ in nothing, one or two will lie off 0.

    Raises
    ------
    NotEnoughData
        They have no query in common, or no measure.

    References
    ----------
    Sakai (2006), Evaluating Evaluation Metrics based on the Bootstrap: the paired bootstrap.
    """
    pairs = _pairs(baseline, candidate)
    names = _names(baseline, candidate)
    if not pairs or not names:
        raise NotEnoughData("queries with a measure that both evaluated", needed=1, found=0)
    decisive = (candidate.metric, candidate.k)
    metric, k = decisive if decisive in names else names[0]
    measures = tuple(_measures(pairs, names, seed))
    (deciding,) = (one for one in measures if (one.metric, one.k) == (metric, k))
    queries = tuple(
        ComparedQuery(
            query_id=first.query_id,
            baseline=first.by_k[str(k)][metric],
            candidate=second.by_k[str(k)][metric],
        )
        for first, second in pairs
    )
    won = sum(one.difference > _SAME for one in queries)
    lost = sum(one.difference < -_SAME for one in queries)
    outcome = _outcome(deciding.difference)
    return EvaluationComparison(
        verdict=_verdict(outcome, deciding, won, lost)
        + _less_judged(measures, k)
        + _warnings(baseline, "baseline")
        + _warnings(candidate, "candidate"),
        outcome=outcome,
        metric=metric,
        k=k,
        n_queries=len(queries),
        n_unpaired=len(_ids(baseline) | _ids(candidate)) - len(queries),
        won=won,
        lost=lost,
        tied=len(queries) - won - lost,
        measures=measures,
        queries=queries,
        seed=seed,
    )


def _pairs(
    baseline: EvaluationResult, candidate: EvaluationResult
) -> list[tuple[QueryOutcome, QueryOutcome]]:
    of_candidate = _evaluated(candidate)
    return [
        (one, of_candidate[id]) for id, one in _evaluated(baseline).items() if id in of_candidate
    ]


def _evaluated(result: EvaluationResult) -> Mapping[str, QueryOutcome]:
    return {one.query_id: one for one in result.queries if one.status is QueryStatus.EVALUATED}


def _ids(result: EvaluationResult) -> set[str]:
    return {one.query_id for one in result.queries}


def _names(baseline: EvaluationResult, candidate: EvaluationResult) -> list[tuple[str, int]]:
    return [
        (metric, k)
        for k in candidate.k_values
        if k in baseline.k_values
        for metric in (*candidate.metrics, JUDGED)
        if metric in (*baseline.metrics, JUDGED)
    ]


def _measures(
    pairs: Sequence[tuple[QueryOutcome, QueryOutcome]],
    names: Sequence[tuple[str, int]],
    seed: int,
) -> Iterator[ComparedMeasure]:
    before, after = (
        np.array([[pair[side].by_k[str(k)][metric] for metric, k in names] for pair in pairs])
        for side in (0, 1)
    )
    differences = after - before
    low, high = bootstrap_of_means(differences, np.random.default_rng(seed))
    for place, (metric, k) in enumerate(names):
        yield ComparedMeasure(
            metric=metric,
            k=k,
            baseline=float(before[:, place].mean()),
            candidate=float(after[:, place].mean()),
            difference=MeanEstimate(
                mean=float(differences[:, place].mean()),
                low=float(low[place]),
                high=float(high[place]),
                of=len(pairs),
            ),
        )


def _outcome(difference: MeanEstimate) -> EvaluationOutcome:
    if difference.of < LEAST_QUERIES or difference.low <= 0 <= difference.high:
        return EvaluationOutcome.CANNOT_TELL
    return EvaluationOutcome.BETTER if difference.low > 0 else EvaluationOutcome.WORSE


def _verdict(outcome: EvaluationOutcome, one: ComparedMeasure, won: int, lost: int) -> str:
    difference = one.difference
    figures = (
        f"{one.metric}@{one.k} is {one.candidate:.3f} against {one.baseline:.3f}, a difference of "
        f"{difference.mean:+.3f} (95 % interval {difference.low:+.3f} to {difference.high:+.3f}) "
        f"over {difference.of:,} queries, of which {won:,} won and {lost:,} lost."
    )
    if outcome is EvaluationOutcome.CANNOT_TELL:
        return f"Cannot tell which is better: {figures}{_how_many_more(difference)}"
    return f"The candidate is {outcome.value}: {figures}"


def _less_judged(measures: Sequence[ComparedMeasure], k: int) -> str:
    """A caution: what nobody judged counts as not relevant, which is not what it need be."""
    (one,) = (one for one in measures if (one.metric, one.k) == (JUDGED, k))
    if one.difference.low <= 0 <= one.difference.high:
        return ""
    less, more = sorted((one.candidate, one.baseline))
    who = "candidate" if one.candidate < one.baseline else "baseline"
    return (
        f" Of what the {who} finds less is judged, {less:.1%} beside {more:.1%}, and what is not "
        "counts as not relevant: it may be better than it looks."
    )


def _warnings(result: EvaluationResult, who: str) -> str:
    """That a stage was skipped, say: then it was not all of the retriever that was measured."""
    if not result.warnings:
        return ""
    return f" Searches of the {who} warned: {most_frequent(result.warnings)}"


def _how_many_more(difference: MeanEstimate) -> str:
    """How many queries would tell, as the interval shrinks with the root of their number."""
    if difference.of < LEAST_QUERIES:
        return f" It takes at least {LEAST_QUERIES} queries."
    if abs(difference.mean) < _SAME:
        return ""
    half = (difference.high - difference.low) / 2
    needed = ceil(difference.of * (half / abs(difference.mean)) ** 2)
    if needed <= difference.of:
        return ""
    return f" If that is the difference, about {needed:,} queries would tell."
