"""Two estimates of the same ranks, told apart as far as their errors allow.

Every rank beyond the first is compared by itself, and the level is divided by the number of
comparisons (Bonferroni), so that none of them is wrong at more than that level together. One test
of all ranks at once would see small differences everywhere sooner, but needs more queries than logs
have: with a few dozen that carry the traffic, it cries wolf.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.position_bias.base import BoolArray, FloatArray, IntArray, Propensities
from desirepath.methods.position_bias.intervals import student_quantile

__all__ = ["Comparison", "compare"]


class Comparison(Struct, frozen=True, kw_only=True, eq=False):
    """One estimate less another, at ranks 2 to K.

    Parameters
    ----------
    ranks : shape (K - 1,)
    differences : shape (K - 1,)
        Of the propensities.
    errors : shape (K - 1,)
        Standard errors of ``differences``.
    reach : shape (K - 1,)
        How many of its errors a difference must be away from 0 to count at the level of them all.
    """

    ranks: IntArray
    differences: FloatArray
    errors: FloatArray
    reach: FloatArray

    @property
    def distances(self) -> FloatArray:
        """Differences in units of their errors; 0 where there is none, shape (K - 1,)."""
        out = np.zeros_like(self.differences)
        return np.divide(self.differences, self.errors, out=out, where=self.errors > 0.0)

    @property
    def apart(self) -> BoolArray:
        """Where they differ by more than chance, shape (K - 1,)."""
        return np.asarray(np.abs(self.distances) > self.reach)


def compare(
    first: Propensities,
    second: Propensities,
    *,
    same_clicks: bool,
    level: float,
    n_comparisons: int = 1,
) -> Comparison:
    """Compare rank by rank, as far as both go.

    Parameters
    ----------
    same_clicks
        Whether both were made of the same counts, and so err together; else they err by themselves.
    level
        Chance that any rank is called different if none is, 0.05 say.
    n_comparisons
        How many pairs of estimates share the level.
    """
    k = min(len(first.values), len(second.values))
    one, other = first.values[1:k], second.values[1:k]
    if same_clicks:
        variances = _variances_of_difference(first, second)[1:k]
    else:
        variances = np.square(first.errors[1:k]) + np.square(second.errors[1:k])
    freedom = np.minimum(first.degrees_of_freedom[1:k], second.degrees_of_freedom[1:k])
    tail = level / (2.0 * max(k - 1, 1) * n_comparisons)
    return Comparison(
        ranks=np.arange(2, k + 1),
        differences=one - other,
        errors=np.sqrt(variances * one * other),
        reach=student_quantile(1.0 - tail, freedom),
    )


def _variances_of_difference(first: Propensities, second: Propensities) -> FloatArray:
    """Of the logarithms: what moved both alike moves their difference not at all."""
    clusters = np.union1d(first.clusters, second.clusters)
    k = min(len(first.values), len(second.values))
    moved = np.zeros((len(clusters), k))
    moved[np.searchsorted(clusters, first.clusters)] += first.influence[:, :k]
    moved[np.searchsorted(clusters, second.clusters)] -= second.influence[:, :k]
    return np.asarray(np.square(moved).sum(axis=0))
