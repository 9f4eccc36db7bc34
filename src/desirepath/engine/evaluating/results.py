"""What evaluations find out."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from desirepath.methods.ranking.comparing import MeanEstimate

__all__ = [
    "ComparedMeasure",
    "ComparedQuery",
    "EvaluationComparison",
    "EvaluationOutcome",
    "EvaluationResult",
    "QueryOutcome",
    "QueryStatus",
]


class QueryStatus(StrEnum):
    """What became of a query."""

    EVALUATED = "evaluated"
    SKIPPED = "skipped"


class QueryOutcome(Struct, frozen=True, kw_only=True):
    """One query. No text of it is here, only its id.

    Parameters
    ----------
    error
        Why it was skipped.
    retrieved_count
        Documents that were found, down to the largest cutoff; None: it was skipped.
    by_k
        Measures, and ``judged``, by name, by cutoff as a text: ``by_k["10"]["ndcg"]``.
    """

    query_id: str
    status: QueryStatus
    error: str | None = None
    retrieved_count: int | None = None
    by_k: dict[str, dict[str, float]] = {}


class EvaluationResult(Struct, frozen=True, kw_only=True):
    """How good a retriever's answers are.

    Parameters
    ----------
    verdict
        In a sentence.
    metric, k
        The measure that decides: ``primary`` of
        :class:`~desirepath.domain.evaluation.EvaluationConfig`.
    overall
        Means over the evaluated queries at the largest cutoff.
    by_k
        The same by cutoff, as in :class:`QueryOutcome`.
    estimates
        The same with 95 % intervals over queries; ``estimates["10"]["ndcg"]``.
    queries
        In the order of the dataset.
    warnings
        What searches warned of, with the number of queries: a stage that was skipped, say.
    seed
        Of the resampling behind the intervals.
    stages_hash
        Of the definition that was searched with.
    """

    verdict: str
    metric: str
    k: int
    k_values: tuple[int, ...]
    metrics: tuple[str, ...]
    overall: dict[str, float]
    by_k: dict[str, dict[str, float]]
    estimates: dict[str, dict[str, MeanEstimate]]
    n_total: int
    n_evaluated: int
    n_skipped: int
    queries: tuple[QueryOutcome, ...]
    warnings: dict[str, int] = {}
    seed: int = 0
    stages_hash: str | None = None


class EvaluationOutcome(StrEnum):
    """Of a comparison."""

    BETTER = "better"
    WORSE = "worse"
    CANNOT_TELL = "cannot_tell"


class ComparedMeasure(Struct, frozen=True, kw_only=True):
    """One measure of two evaluations, over the queries that both have.

    Parameters
    ----------
    difference
        Candidate minus baseline, with the 95 % interval of the paired bootstrap over queries.
    """

    metric: str
    k: int
    baseline: float
    candidate: float
    difference: MeanEstimate


class ComparedQuery(Struct, frozen=True, kw_only=True):
    """The measure that decides, for one query."""

    query_id: str
    baseline: float
    candidate: float

    @property
    def difference(self) -> float:
        """Candidate minus baseline."""
        return self.candidate - self.baseline


class EvaluationComparison(Struct, frozen=True, kw_only=True):
    """A candidate beside a baseline, by the same queries.

    Parameters
    ----------
    verdict
        In a sentence.
    outcome
        By the interval of the measure that decides: better if all of it is above 0.
    won, lost, tied
        Queries by that measure.
    n_queries
        That both evaluated; ``n_unpaired`` were skipped, or are in one dataset only.
    measures
        Each that both have, by cutoff.
    queries
        Those that both have, in the order of the baseline.
    seed
        Of the resampling behind the intervals.
    """

    verdict: str
    outcome: EvaluationOutcome
    metric: str
    k: int
    n_queries: int
    n_unpaired: int
    won: int
    lost: int
    tied: int
    measures: tuple[ComparedMeasure, ...]
    queries: tuple[ComparedQuery, ...]
    seed: int = 0
