"""What a benchmark came to: how well each retriever did by the sessions that were replayed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

__all__ = [
    "CUTOFFS",
    "DEPTH",
    "PRIMARY_CUTOFF",
    "SIGNIFICANT",
    "TOLERANCE",
    "AlignmentMetrics",
    "BenchmarkComparison",
    "BenchmarkOutcome",
    "BenchmarkResult",
    "LatencyMetrics",
    "PipelineComparison",
    "Reach",
    "Verdict",
]

CUTOFFS = (1, 5, 10, 20)
"""The k of nDCG@k and recall@k."""
PRIMARY_CUTOFF = 10
"""The k by which a session is better or worse, and candidates are compared."""
DEPTH = 100
"""How deep a replay looks; what stands below counts as at rank 101."""
TOLERANCE = 0.01
"""A session whose nDCG@10 changes by no more is neutral."""
SIGNIFICANT = 0.05
"""What the p-value times the number of candidates lies below, for a difference to be one."""


class AlignmentMetrics(Struct, frozen=True, kw_only=True):
    """How well an order agrees with what people did.

    A document that is not among the first 100 counts as at rank 101.
    """

    ndcg_at_k: dict[str, float]
    mean_rank_clicked: Annotated[
        float, Meta(description="Of documents that something was done with; 1 is the first.")
    ]
    recall_at_k: dict[str, float]
    avg_position_delta: Annotated[
        float, Meta(description="Of the same, against the baseline; negative: promoted.")
    ]
    items_promoted: int
    items_demoted: int
    sessions_improved: Annotated[
        int, Meta(description="Whose nDCG@10 is above the baseline's by more than 0.01.")
    ]
    sessions_degraded: int
    sessions_neutral: int
    mean_rank_purchased: float | None = None


class LatencyMetrics(Struct, frozen=True, kw_only=True):
    """How long searches took, one after the other, without logging them."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    mean_ms: float
    stage_latencies: Annotated[dict[str, float], Meta(description="Mean milliseconds by stage.")]


class Reach(Struct, frozen=True, kw_only=True):
    """What a replay can tell of a retriever at all.

    Parameters
    ----------
    n_reacted
        Documents that something was done with, search by search.
    n_found
        Of those, how many the retriever finds among its first 100.
    n_top
        Documents that it puts among the first 10, over all searches.
    n_top_seen
        Of those, how many the log showed in that search. Of the others nobody could say whether
        they are good.
    mean_move
        By how many ranks it moves what the log showed in its first 10 places, on average. People
        click what stands at the top, so that a log favours whoever moves less.
    """

    n_reacted: int
    n_found: int
    n_top: int
    n_top_seen: int
    mean_move: float

    @property
    def unseen_share(self) -> float:
        """Of the first 10, which share nobody could have clicked; 0 of nothing."""
        return 1 - self.n_top_seen / self.n_top if self.n_top else 0.0


class BenchmarkResult(Struct, frozen=True, kw_only=True):
    """How one retriever did, over the sessions in which none of its searches failed.

    Parameters
    ----------
    pipeline_hash
        Changes with the stages of the retriever.
    failed_sessions
        In which a search failed; ``error_summary`` counts them by what was wrong first.
    """

    retriever_id: str
    retriever_name: str
    version: Annotated[int, Meta(description="Ours: of the retriever, when it was replayed.")]
    pipeline_hash: str
    metrics: AlignmentMetrics
    latency: LatencyMetrics
    reach: Annotated[Reach, Meta(description="Ours: what the log can tell of it at all.")]
    failed_sessions: int
    error_summary: dict[str, int] | None = None
    taxonomy_deltas: dict[str, AlignmentMetrics] | None = None


class Verdict(StrEnum):
    """What a comparison comes to."""

    BETTER = "better"
    WORSE = "worse"
    CANNOT_TELL = "cannot_tell"


class PipelineComparison(Struct, frozen=True, kw_only=True):
    """A candidate against the baseline, over the sessions that neither failed.

    Parameters
    ----------
    verdict
        By the p-value times the number of candidates, at 5 %, over 10 sessions at least; and only
        in favour of the one that the log does not favour, by :attr:`Reach.mean_move`.
    detectable
        The difference of nDCG@10 that so many sessions would have shown four times out of five;
        None where there are too few to say.
    """

    candidate_retriever_id: str
    verdict: Annotated[Verdict, Meta(description="Ours: better, worse or cannot_tell.")]
    n_sessions: Annotated[int, Meta(description="Ours: that neither of both failed.")]
    ndcg_delta: dict[str, float]
    recall_delta: dict[str, float]
    latency_delta_ms: float
    p_value: Annotated[float | None, Meta(description="Paired t-test of nDCG@10.")] = None
    confidence_interval: Annotated[
        tuple[float, float] | None, Meta(description="95 % interval of the change in nDCG@10.")
    ] = None
    detectable: Annotated[
        float | None,
        Meta(description="Ours: the change that so many sessions show four times out of five."),
    ] = None
    taxonomy_wins: list[str] | None = None
    taxonomy_losses: list[str] | None = None


class BenchmarkComparison(Struct, frozen=True, kw_only=True):
    """All candidates against the baseline; ``recommendation`` says what follows, first of all."""

    baseline_retriever_id: str
    comparisons: list[PipelineComparison]
    recommendation: str
    sentences: Annotated[
        list[str], Meta(description="Ours: the recommendation, the verdict by itself.")
    ]


class BenchmarkOutcome(Struct, frozen=True, kw_only=True):
    """What a benchmark came to.

    Parameters
    ----------
    session_count
        How many were replayed, of ``sessions_found`` that the filter left.
    search_count
        How many searches those have.
    n_flagged
        Identities that look like robots, whose sessions were left out.
    results
        The baseline's first.
    """

    session_count: int
    sessions_found: int
    search_count: int
    n_flagged: int
    seed: int
    results: list[BenchmarkResult]
    comparison: BenchmarkComparison
