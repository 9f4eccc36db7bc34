"""What every estimator takes in and gives back: counts by document and rank, and propensities.

All of them rest on the examination hypothesis: a document is clicked when it is looked at *and*
attracts, and whether it is looked at depends on its rank alone::

    P(click on document d of query q at rank k) = propensity(k) · relevance(q, d)

Only the product is ever seen, so propensities are relative: that of rank 1 is 1.

References
----------
Richardson, Dominowska & Ragno (2007), Predicting Clicks (the examination hypothesis).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = [
    "MAX_RANK",
    "PRECISION",
    "BoolArray",
    "Estimator",
    "FloatArray",
    "IntArray",
    "Propensities",
    "RankCounts",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MAX_RANK = 10
"""How many ranks are told apart unless one says otherwise."""

PRECISION = 0.1
"""The widest interval that is answered, as ± on a propensity, unless one says otherwise."""


class RankCounts(Struct, frozen=True, kw_only=True, eq=False):
    """How often documents were shown and clicked, by rank.

    One entry a cell: a document of a query at a rank. A cell may come in several entries, and
    their order does not matter.

    Parameters
    ----------
    pair : shape (n_entries,)
        Code of the (query, document), at least 0.
    cluster : shape (n_entries,)
        Code of what may make clicks alike, and whose number decides how sure one can be: the query.
        Where there are no queries, the document. A pair has one cluster.
    rank : shape (n_entries,)
        From 1.
    n, c : shape (n_entries,)
        Impressions, and how many of them were clicked.
    """

    pair: IntArray
    cluster: IntArray
    rank: IntArray
    n: IntArray
    c: IntArray


class Propensities(Struct, frozen=True, kw_only=True, eq=False):
    """Chance that a rank is looked at, relative to rank 1, with intervals.

    Parameters
    ----------
    values : shape (K,)
        Of ranks 1 to K; the first is 1. More than 1: looked at more often than rank 1.
    lower, upper : shape (K,)
        Each propensity by itself lies between them in ``level`` of all samples; both are 1 at
        rank 1.
    level
        0.95, say.
    errors : shape (K,)
        Standard errors of the logarithms of ``values``; 0 at rank 1.
    degrees_of_freedom : shape (K,)
        As many clusters of one size would be as sure. Of rank 1, those of the others at least.
    influence : shape (G, K)
        By how much each cluster moved the logarithms, its residual times its leverage; their
        squares add up to the variances. Row g is the g-th smallest code of ``clusters``.
    clusters : shape (G,)
        Their codes, ascending.
    last_is_shared
        Whether the last rank stands for all that follow, too.
    """

    values: FloatArray
    lower: FloatArray
    upper: FloatArray
    level: float
    errors: FloatArray
    degrees_of_freedom: FloatArray
    influence: FloatArray
    clusters: IntArray
    last_is_shared: bool

    @property
    def half_widths(self) -> FloatArray:
        """Half the width of each interval, shape (K,)."""
        return (self.upper - self.lower) / 2.0


class Estimator(Protocol):
    """Makes propensities of counts."""

    def __call__(
        self,
        counts: RankCounts,
        *,
        max_rank: int = MAX_RANK,
        share_last: bool = True,
        precision: float = PRECISION,
        level: float = 0.95,
    ) -> Propensities:
        """Estimate, or say what is missing.

        Parameters
        ----------
        max_rank
            Ranks that are told apart, at least 2.
        share_last
            Whether what stood further down counts for the last rank, or is left out.
        precision
            The widest interval to answer with, as ± on a propensity.
        level
            Of the intervals, between 0 and 1.

        Raises
        ------
        NotEnoughData
            The counts do not say, or not to that precision. It tells how much more would.
        """
        ...
