"""Counts laid out as a table: a row for each document of a query, a column for each rank."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.position_bias.base import BoolArray, FloatArray, IntArray, RankCounts

__all__ = ["RankTable", "tabulate"]


class RankTable(Struct, frozen=True, kw_only=True, eq=False):
    """Impressions and clicks of each pair at each rank.

    Parameters
    ----------
    cluster : shape (P,)
    n, c : shape (P, K)
        Whole numbers.
    """

    cluster: IntArray
    n: FloatArray
    c: FloatArray

    @property
    def n_lists(self) -> int:
        """About how many lists were counted: each shows one document at a rank."""
        return int(self.n.sum(axis=0).max(initial=0.0))

    def rows(self, chosen: BoolArray) -> RankTable:
        """Only some pairs."""
        return RankTable(cluster=self.cluster[chosen], n=self.n[chosen], c=self.c[chosen])


def tabulate(counts: RankCounts, *, max_rank: int, share_last: bool) -> RankTable:
    """Add up the entries of each cell. Ranks below the last one that was seen have no column.

    Parameters
    ----------
    max_rank, share_last
        As in :class:`.base.Estimator`.
    """
    kept = counts.n > 0
    if not share_last:
        kept &= counts.rank <= max_rank
    n_ranks = int(min(counts.rank[kept].max(initial=1), max_rank))
    codes, first, row = np.unique(counts.pair[kept], return_index=True, return_inverse=True)
    cell = row * n_ranks + np.minimum(counts.rank[kept], n_ranks) - 1
    shape = len(codes), n_ranks

    def added(values: IntArray) -> FloatArray:
        sums = np.bincount(cell, values[kept], shape[0] * shape[1])
        return sums.astype(np.float64).reshape(shape)

    cluster = counts.cluster[kept][first]
    return RankTable(cluster=cluster, n=added(counts.n), c=added(counts.c))
