"""How good weights order lists whose worth is known, thousands of times over."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from desirepath.methods.fusion.learned import learned_scores
from desirepath.methods.fusion.rrf import RANK_CONSTANT
from desirepath.methods.fusion_weights.pools import Pools
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["ListMeasure", "WeightMetric"]


class WeightMetric(StrEnum):
    """What weights are to make large; its mean over lists."""

    NDCG = "ndcg"
    """nDCG@k of the gains as they are, discount 1 / log₂(rank + 1)."""
    MRR = "mrr"
    """One over the rank of the first candidate with a gain above 0, 0 below rank k."""


class ListMeasure:
    """Measures the lists of pools by any weights; those without a gain above 0 are NaN.

    Only the ranks of candidates with a gain are worked out: of the others it does not matter where
    they stand. Equal scores stand in the order of the rows, as when a search is served.

    Parameters
    ----------
    k
        The deepest rank that counts.

    References
    ----------
    As :func:`~desirepath.methods.ranking.metrics.ndcg` with linear gains, whose numbers it gives.
    """

    def __init__(self, pools: Pools, metric: WeightMetric, k: int) -> None:
        self._pools, self._metric, self._k = pools, metric, k
        lists = np.arange(pools.n_lists).repeat(pools.groups)
        starts = np.cumsum(pools.groups) - pools.groups
        columns = np.arange(len(lists)) - starts[lists]
        self._place = lists, columns
        self._shape = pools.n_lists, int(pools.groups.max(initial=0))
        good = np.flatnonzero(pools.gains > 0)
        self._lists, self._columns, self._gains = lists[good], columns[good], pools.gains[good]
        self._earlier = np.arange(self._shape[1]) < self._columns[:, np.newaxis]
        self._best = self._ideal()

    @property
    def pools(self) -> Pools:
        return self._pools

    def of_weights(self, weights: FloatArray) -> FloatArray:
        """By learned fusion with weights of shape (n_features,); one number a list."""
        return self.of_scores(learned_scores(self._pools.levels, weights))

    def of_ranks(self) -> FloatArray:
        """By reciprocal rank fusion, each feature's ranks being those in the list.

        A level of 0 is as good as not found. Of a list that was cut, what stood between its
        candidates is not known, and so their ranks are a little better than they were.
        """
        scores = np.zeros(len(self._pools.gains))
        for feature in range(self._pools.n_features):
            level = self._pools.levels[:, feature].astype(np.float64)
            ranks = self._all_ranks(level)
            scores += np.where(level > 0, 1.0 / (RANK_CONSTANT + ranks), 0.0)
        return self.of_scores(scores)

    def of_scores(self, scores: FloatArray) -> FloatArray:
        """By scores of shape (n_rows,); one number a list."""
        if self._metric is WeightMetric.NDCG:
            return self._over(self._ranks(scores))
        ranks = self._ranks(scores)
        found = np.zeros(self._shape[0])
        np.maximum.at(found, self._lists, np.where(ranks <= self._k, 1.0 / ranks, 0.0))
        return np.where(self._best > 0, found, np.nan)

    def _ranks(self, scores: FloatArray) -> IntArray:
        """Rank in its list of each candidate with a gain."""
        padded = self._padded(scores)
        own = padded[self._lists, self._columns][:, np.newaxis]
        rows = padded[self._lists]
        ahead: IntArray = ((rows > own) | ((rows == own) & self._earlier)).sum(axis=1) + 1
        return ahead

    def _all_ranks(self, scores: FloatArray) -> IntArray:
        order = np.argsort(-self._padded(scores), axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(1, self._shape[1] + 1)[np.newaxis], axis=1)
        found: IntArray = ranks[self._place]
        return found

    def _padded(self, scores: FloatArray) -> FloatArray:
        padded = np.full(self._shape, -np.inf)
        padded[self._place] = scores
        return padded

    def _over(self, ranks: IntArray) -> FloatArray:
        """The discounted gains of each list, over the most that they could be."""
        worth = np.where(ranks <= self._k, self._gains / np.log2(ranks + 1.0), 0.0)
        found = np.bincount(self._lists, worth, self._shape[0])
        nothing = np.full(len(found), np.nan)
        values: FloatArray = np.divide(found, self._best, out=nothing, where=self._best > 0)
        return values

    def _ideal(self) -> FloatArray:
        padded = np.sort(-self._padded(self._pools.gains), axis=1)[:, : self._k]
        gains = np.where(np.isfinite(padded), -padded, 0.0)
        best: FloatArray = gains @ (1.0 / np.log2(np.arange(2.0, gains.shape[1] + 2.0)))
        return best
