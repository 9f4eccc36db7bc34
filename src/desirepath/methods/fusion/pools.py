"""Logged pools, to be fused again: what a search wrote down of its candidates."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from msgspec import Struct

from desirepath.methods.fusion.base import Fusion, total
from desirepath.methods.levels import SCALE, FloatArray, IntArray, Levels

__all__ = ["Pools", "fused_rows", "largest_outside"]


class Pools(Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """The pools of n searches over the same features, filled up to the same length.

    A level of 0 is the worst of a list or absent from it, which the log does not tell apart: here
    it is absent.

    Parameters
    ----------
    by_search : shape (n, P, F)
        Levels, rows in the order of the documents' ids; 0 in rows that only fill up.
    sizes : shape (n,)
        How many rows are documents.
    minima, maxima : shape (n, F)
        Scores that level 0 and the largest level stand for.
    """

    by_search: Levels
    sizes: IntArray
    minima: FloatArray
    maxima: FloatArray

    @property
    def levels(self) -> Levels:
        """Shape (n · P, F), as all that fusions look at."""
        return self.by_search.reshape(-1, self.by_search.shape[2])

    @cached_property
    def scores(self) -> FloatArray:
        width = (self.maxima - self.minima)[:, None, :]
        scores = self.minima[:, None, :] + width * (self.by_search / SCALE)
        return np.where(self.by_search > 0, scores, 0.0).reshape(self.levels.shape)

    @cached_property
    def ranks(self) -> IntArray:
        order = (-self.by_search.astype(np.int64)).argsort(axis=1, kind="stable")
        ranks = np.empty(order.shape, np.int64)
        places = np.arange(1, order.shape[1] + 1)[None, :, None]
        np.put_along_axis(ranks, order, np.broadcast_to(places, order.shape), axis=1)
        return np.where(self.by_search > 0, ranks, 0).reshape(self.levels.shape)


def fused_rows(pools: Pools, fusion: Fusion, weights: FloatArray, most: int) -> IntArray:
    """The first documents of each pool by a fusion.

    Parameters
    ----------
    weights : shape (F,)
    most
        How many, at most P.

    Returns
    -------
    IntArray
        Rows, shape (n, most), best first; rows that only fill up come last.
    """
    n, n_rows, _ = pools.by_search.shape
    scores = total(fusion(pools, weights)).reshape(n, n_rows)
    scores[np.arange(n_rows) >= pools.sizes[:, None]] = -np.inf
    rows: IntArray = (-scores).argsort(axis=1, kind="stable")[:, :most]
    return rows


def largest_outside(served: FloatArray, cut: FloatArray, weights: FloatArray) -> FloatArray:
    """The largest score that a document outside of a pool can have by other weights.

    All that is known of it is that by the weights that were served it has no more than the last
    document of the pool. It is a knapsack of fractions: what gains most for its cost goes in first.

    Parameters
    ----------
    served : shape (n, F)
    cut : shape (n,)
        The least score in each pool.
    weights : shape (F,)
        At least 0, as those that were served.

    Examples
    --------
    >>> largest_outside(np.array([[0.5, 0.5]]), np.array([0.25]), np.array([0.9, 0.1])).tolist()
    [0.45]
    """
    gains = np.where(served > 0, weights / np.where(served > 0, served, 1.0), np.inf)
    order = (-gains).argsort(axis=1, kind="stable")
    costs = np.take_along_axis(served, order, axis=1)
    left, best = cut.copy(), np.zeros(len(cut))
    for place in range(costs.shape[1]):
        cost = costs[:, place]
        share = np.where(cost > 0, np.minimum(left / np.where(cost > 0, cost, 1.0), 1.0), 1.0)
        best += share * weights[order[:, place]]
        left = np.maximum(left - share * cost, 0.0)
    return best
