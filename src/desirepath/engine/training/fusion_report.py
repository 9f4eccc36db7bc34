"""How trained fusion weights are reported: what they are worth beside weights without learning."""

from __future__ import annotations

from msgspec import Struct

from desirepath.methods.fusion_weights.measuring import WeightMetric
from desirepath.methods.ranking.comparing import MeanEstimate

__all__ = ["LIVE", "OtherWeights", "WeightsReport"]

LIVE = "live weights"
"""What the retriever serves, the mean of what it learned say. It is no baseline that needs no
learning, and may have learned from the very queries."""


class OtherWeights(Struct, frozen=True, kw_only=True):
    """Another way to fuse, measured on the same lists.

    Parameters
    ----------
    name
        ``equal weights``, ``rrf``, ``live weights`` or ``TEXT alone`` of a feature.
    value
        The mean of the measure, with its 95 % interval over queries.
    behind
        How much the trained weights are above it, list by list; the interval is that of the paired
        bootstrap over queries.
    """

    name: str
    value: MeanEstimate
    behind: MeanEstimate
    weights: dict[str, float] | None = None


class WeightsReport(Struct, frozen=True, kw_only=True):
    """How fusion weights were trained, and how good they are beside others.

    Parameters
    ----------
    source
        ``log``, or the name of the dataset.
    weights
        By feature URI; they sum to 1.
    of_folds
        Those found without each fold of queries: how far they lie apart is how sure they are.
    held_out
        The mean of the measure over lists, each with weights that were found without its query.
    in_sample
        The same with the weights of all lists, which suit those very lists: it is too good.
    others
        Equal weights first.
    n_lists, n_candidates, n_queries
        That were learned from.
    n_skipped
        Searches of the log, or queries of the dataset, that could not be used.
    propensities
        How likely positions are looked at, as clicks were corrected; empty: nothing was corrected.
    """

    retriever_id: str
    source: str
    metric: WeightMetric
    k: int
    weights: dict[str, float]
    of_folds: tuple[dict[str, float], ...]
    held_out: MeanEstimate
    in_sample: float
    others: tuple[OtherWeights, ...]
    n_lists: int
    n_candidates: int
    n_queries: int
    n_skipped: int
    seed: int
    propensities: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    n_flagged: int = 0
    flagged_share: float = 0.0

    @property
    def lost_to(self) -> list[str]:
        """What needs no learning and the weights are not surely above."""
        baselines = (one for one in self.others if one.name != LIVE)
        return [one.name for one in baselines if not one.behind.is_above_zero]

    @property
    def beats_baselines(self) -> bool:
        """Whether they are better than everything that needs no learning."""
        return not self.lost_to

    @property
    def measure(self) -> str:
        """What the figures are of: ``nDCG@10``."""
        word = "nDCG" if self.metric is WeightMetric.NDCG else "MRR"
        return f"{word}@{self.k}"

    @property
    def verdict(self) -> str:
        """What the measure says, in words."""
        if not self.lost_to:
            return "Better than equal weights, rrf and every feature alone, on held-out queries."
        lost = ", ".join(self.lost_to)
        return f"No better than {lost}, as far as these queries tell."
