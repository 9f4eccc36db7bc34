"""From judged queries and what was found for them to an evaluation; no search is made here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.judgment import JudgedQuery
from desirepath.engine.evaluating.results import EvaluationResult, QueryOutcome, QueryStatus
from desirepath.errors import NotEnoughData
from desirepath.methods.intervals import bootstrap_of_means
from desirepath.methods.ranking.comparing import MeanEstimate
from desirepath.methods.ranking.measures import measures_at

__all__ = [
    "JUDGED",
    "Found",
    "measure_query",
    "most_frequent",
    "summarize",
    "why_unanswerable",
]

JUDGED = "judged"
"""Beside the metrics that were asked for: the share of what was found that somebody judged."""

_NOTHING_RELEVANT = "The dataset has no relevant document for this query."
_NO_INPUT = "The dataset has no input for this query."
_MOST_REASONS = 3


class Found(Struct, frozen=True, kw_only=True):
    """What a search of a judged query came to.

    Parameters
    ----------
    document_ids
        Best first; None: the search failed.
    error
        Why.
    """

    document_ids: Sequence[str] | None = None
    error: str | None = None
    warnings: Sequence[str] = ()


def why_unanswerable(query: JudgedQuery) -> str | None:
    """Why no search could answer a query; None: one may."""
    if not query.query_input:
        return _NO_INPUT
    if not any(_grade_of(query).values()):
        return _NOTHING_RELEVANT
    return None


def measure_query(query: JudgedQuery, found: Found, config: EvaluationConfig) -> QueryOutcome:
    """One query; it is skipped, with the reason, if nothing can be measured.

    NDCG takes grades: a document that is relevant without one has grade 1. The other metrics take
    the documents that are marked as relevant, or where none is, those with a grade above 0.
    """
    error = why_unanswerable(query) or found.error
    if error is not None or found.document_ids is None:
        return QueryOutcome(query_id=query.query_id, status=QueryStatus.SKIPPED, error=error)
    document_ids = list(dict.fromkeys(found.document_ids))[: config.depth]
    grade_of = _grade_of(query)
    relevant = {one.document_id for one in query.judgments if one.is_relevant}
    kept = (*config.metrics, JUDGED)
    by_k = {}
    for k in config.k_values:
        values = measures_at(document_ids, grade_of, k, relevant=relevant)
        by_k[str(k)] = {name: values[name] for name in kept}
    return QueryOutcome(
        query_id=query.query_id,
        status=QueryStatus.EVALUATED,
        retrieved_count=len(document_ids),
        by_k=by_k,
    )


def summarize(
    outcomes: Iterable[QueryOutcome],
    config: EvaluationConfig,
    *,
    warnings: Mapping[str, int] | None = None,
    seed: int = 0,
) -> EvaluationResult:
    """The means of queries, with intervals over queries.

    Raises
    ------
    NotEnoughData
        No query could be evaluated; it says why.
    """
    queries = tuple(outcomes)
    evaluated = [one for one in queries if one.status is QueryStatus.EVALUATED]
    if not evaluated:
        why = f"Every query was skipped: {_reasons(queries)}" if queries else ""
        raise NotEnoughData("queries that can be evaluated", needed=1, found=0, why=why)
    estimates = _estimates(evaluated, config, seed)
    by_k = {k: {name: one.mean for name, one in of.items()} for k, of in estimates.items()}
    metric, k = config.primary
    return EvaluationResult(
        verdict=_verdict(queries, estimates[str(k)], config, warnings or {}),
        metric=metric,
        k=k,
        k_values=config.k_values,
        metrics=config.metrics,
        overall=by_k[str(config.depth)],
        by_k=by_k,
        estimates=estimates,
        n_total=len(queries),
        n_evaluated=len(evaluated),
        n_skipped=len(queries) - len(evaluated),
        queries=queries,
        warnings=dict(warnings or {}),
        seed=seed,
    )


def _grade_of(query: JudgedQuery) -> dict[str, int]:
    return {
        one.document_id: int(one.is_relevant) if one.grade is None else one.grade
        for one in query.judgments
    }


def _estimates(
    evaluated: Sequence[QueryOutcome], config: EvaluationConfig, seed: int
) -> dict[str, dict[str, MeanEstimate]]:
    names = [(str(k), name) for k in config.k_values for name in (*config.metrics, JUDGED)]
    values = np.array([[one.by_k[k][name] for k, name in names] for one in evaluated])
    low, high = bootstrap_of_means(values, np.random.default_rng(seed))
    means = values.mean(axis=0)
    estimates: dict[str, dict[str, MeanEstimate]] = {str(k): {} for k in config.k_values}
    for place, (k, name) in enumerate(names):
        estimates[k][name] = MeanEstimate(
            mean=float(means[place]),
            low=float(low[place]),
            high=float(high[place]),
            of=len(evaluated),
        )
    return estimates


def _verdict(
    queries: Sequence[QueryOutcome],
    at_k: Mapping[str, MeanEstimate],
    config: EvaluationConfig,
    warnings: Mapping[str, int],
) -> str:
    metric, k = config.primary
    one = at_k[metric]
    n_skipped = len(queries) - one.of
    words = (
        f"{metric}@{k} is {one.mean:.3f} (95 % interval {one.low:.3f} to {one.high:.3f}) over "
        f"{_counted(one.of)}, with {at_k[JUDGED].mean:.0%} of what was found judged"
    )
    if n_skipped:
        words += f". {_counted(n_skipped)} skipped: {_reasons(queries)}"
    else:
        words += "."
    if warnings:
        words += f" Searches warned: {most_frequent(warnings)}"
    return words


def _reasons(queries: Sequence[QueryOutcome]) -> str:
    return most_frequent(Counter(one.error for one in queries if one.error is not None))


def most_frequent(reasons: Mapping[str, int]) -> str:
    """The most frequent reasons with their numbers of queries, in a line."""
    first = sorted(reasons, key=lambda words: (-reasons[words], words))
    shown = " ".join(f"{words} ({reasons[words]:,})" for words in first[:_MOST_REASONS])
    return shown if len(first) <= _MOST_REASONS else f"{shown} …"


def _counted(n: int) -> str:
    return f"{n:,} {'query' if n == 1 else 'queries'}"
