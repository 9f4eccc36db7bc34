"""Where documents usually stand: what can be known of relevance without looking at clicks.

Rankers put better documents higher, so documents at rank 1 are better than those at rank 9, and
comparing the two ranks without asking which documents stood there blames the rank for it. Documents
that usually stand at the same place, and move as much, have been judged alike by the ranker;
whichever of them moved up or down in one search did so by chance.

References
----------
Mundlak (1978), On the Pooling of Time Series and Cross Section Data (a group's mean as what stands
for what is not seen of it).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from desirepath.methods.position_bias.base import FloatArray, IntArray
from desirepath.methods.position_bias.tables import RankTable

__all__ = ["N_LEAVES", "Leaves", "leaves_of", "spread_of"]

N_LEAVES = 192
"""At most so many kinds of documents are told apart by where they stand."""

_CLICKS_PER_LEAF = 25
_MOST_BY_MOVES = 6
_LEAVES_BEFORE_MOVES = 8


class Leaves(NamedTuple):
    """Pairs that usually stand alike, in leaves of about as many impressions each.

    Parameters
    ----------
    of_pair : shape (P,)
        The leaf of each pair, from 0.
    n : int
        How many leaves there are.
    """

    of_pair: IntArray
    n: int

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum the rows of each leaf.

        Parameters
        ----------
        values : shape (P, m)
        """
        columns = [np.bincount(self.of_pair, column, self.n) for column in values.T]
        return np.stack(columns, axis=1)


def leaves_of(table: RankTable, most: int = N_LEAVES) -> Leaves:
    """Cut pairs by where they usually stand, and those again by how much they move.

    The first is the mean logarithm of the rank, where a list of its query that leaves the document
    out counts as one rank below the last; the second its standard deviation. Each cut makes parts
    with about as many impressions; fewer where clicks are few.
    """
    shown = table.n.sum(axis=1)
    logs = np.log(np.arange(1, table.n.shape[1] + 2))
    absent = np.maximum(_lists_of_cluster(table) - shown, 0.0)
    usual = (table.n @ logs[:-1] + absent * logs[-1]) / (shown + absent)
    mean = table.n @ logs[:-1] / shown
    moves = np.sqrt(np.maximum(table.n @ np.square(logs[:-1]) / shown - np.square(mean), 0.0))

    wanted = int(np.clip(table.c.sum() // _CLICKS_PER_LEAF, 1, most))
    by_moves = int(np.clip(wanted // _LEAVES_BEFORE_MOVES, 1, _MOST_BY_MOVES))
    by_usual = _parts(np.argsort(usual, kind="stable"), shown, max(wanted // by_moves, 1))
    leaf = by_usual * by_moves + _parts_within(by_usual, moves, shown, by_moves)
    codes, of_pair = np.unique(leaf, return_inverse=True)
    return Leaves(of_pair, len(codes))


def _lists_of_cluster(table: RankTable) -> FloatArray:
    """How many lists the query of each pair had: as many as documents at its fullest rank."""
    codes, of_pair = np.unique(table.cluster, return_inverse=True)
    columns = [np.bincount(of_pair, column, len(codes)) for column in table.n.T]
    return np.asarray(np.max(columns, axis=0)[of_pair])


def _parts(order: IntArray, weight: FloatArray, n: int) -> IntArray:
    """Cut an order into n parts of about the same weight; the part of each row."""
    before = np.cumsum(weight[order]) - weight[order] / 2.0
    part = np.empty(len(order), np.int64)
    part[order] = before * n // weight.sum()
    return part


def _parts_within(group: IntArray, key: FloatArray, weight: FloatArray, n: int) -> IntArray:
    """Cut each group by a key into n parts of about the same weight; the part of each row."""
    order = np.lexsort([key, group])
    total = np.bincount(group, weight)
    start = np.cumsum(total) - total
    before = np.cumsum(weight[order]) - weight[order] / 2.0 - start[group[order]]
    part = np.empty(len(order), np.int64)
    part[order] = np.clip(before * n // total[group[order]], 0, n - 1)
    return part


def spread_of(clicks: FloatArray, expected: FloatArray) -> float:
    """How much documents differ: the variance of their relevance over the square of its mean.

    Clicks scatter by their expected number, and by ``spread`` times its square on top of that. Each
    document counts by its expected clicks. At least 0.

    Parameters
    ----------
    clicks, expected : shape (P,)
        ``expected`` above 0.

    Examples
    --------
    >>> spread_of(np.array([20.0, 0.0]), np.array([10.0, 10.0]))
    0.9
    """
    excess = (np.square(clicks - expected) / expected - 1.0).sum()
    return float(max(excess / expected.sum(), 0.0))
