"""How good orders of documents are, list by list; all lists at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from desirepath.methods.ranking.matrix import FloatArray, IntArray

__all__ = ["Empty", "Gain", "ndcg", "ndcg_of_found", "ranks_of", "reciprocal_ranks"]

Grades = NDArray[np.integer[Any]]


class Gain(StrEnum):
    """What a grade is worth."""

    LINEAR = "linear"
    """The grade itself."""
    EXPONENTIAL = "exponential"
    """2^grade − 1. With grades 0 and 1 it is the same as linear."""


class Empty(StrEnum):
    """What a list without any grade above 0 counts as."""

    SKIP = "skip"
    """Nothing: it has no best order. Its measure is NaN."""
    ONE = "one"
    """1, as some tools do: every order of it is the best. It raises all means alike."""


def ndcg(
    scores: ArrayLike,
    grades: Grades,
    groups: IntArray,
    *,
    k: int = 10,
    gain: Gain = Gain.EXPONENTIAL,
    empty: Empty = Empty.SKIP,
) -> FloatArray:
    """nDCG@k of each list, in [0, 1]: discounted gain over that of the best order of the list.

    The discount of rank r is 1 / log₂(r + 1). Documents of equal score stay in the order they have
    in the arrays, and a score NaN stands last.

    Parameters
    ----------
    scores, grades : shape (n_rows,)
    groups : shape (n_lists,)
        Sizes of the lists, whose rows follow each other.

    Returns
    -------
    shape (n_lists,)

    References
    ----------
    Järvelin & Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques, for the idea;
    the discount is that of Burges et al. (2005), which has one at rank 2 already.

    Examples
    --------
    >>> ndcg([3.0, 2.0, 1.0], np.array([0, 1, 0]), np.array([3])).round(4)
    array([0.6309])
    """
    gains = grades.astype(np.float64)
    if gain is Gain.EXPONENTIAL:
        gains = np.exp2(gains) - 1.0
    found = _discounted(ranks_of(scores, groups), gains, groups, k)
    best = _discounted(ranks_of(grades, groups), gains, groups, k)
    nothing = 1.0 if empty is Empty.ONE else np.nan
    values: FloatArray = np.divide(found, best, out=np.full(len(groups), nothing), where=best > 0)
    return values


def ndcg_of_found(found: IntArray, relevant: IntArray, cutoff: int = 10) -> float:
    """NDCG of a ranking of all documents: grades 0 and 1, discounts ``1/log₂(rank + 1)``.

    Parameters
    ----------
    found
        Documents, best first.
    relevant
        At least one.

    References
    ----------
    Järvelin & Kekäläinen (2002). All documents are ranked: against a sample of them methods can
    come out in another order (Krichene & Rendle 2020, On Sampled Metrics for Item Recommendation).

    Examples
    --------
    >>> round(ndcg_of_found(np.array([7, 4, 9]), np.array([4, 5])), 4)  # (1/log₂3) / (1 + 1/log₂3)
    0.3869
    """
    discounts = 1 / np.log2(np.arange(2, cutoff + 2))
    hits = np.isin(found[:cutoff], relevant)
    best = discounts[: min(cutoff, len(relevant))].sum()
    return float((hits * discounts[: len(hits)]).sum() / best)


def reciprocal_ranks(scores: ArrayLike, grades: Grades, groups: IntArray) -> FloatArray:
    """One over the rank of the first document with a grade above 0; NaN where a list has none.

    Returns
    -------
    shape (n_lists,)
    """
    if not len(groups):
        return np.zeros(0)
    reciprocal = np.where(grades > 0, 1.0 / ranks_of(scores, groups), 0.0)
    best: FloatArray = np.maximum.reduceat(reciprocal, _starts(groups))
    return np.where(best > 0, best, np.nan)


def ranks_of(scores: ArrayLike, groups: IntArray) -> IntArray:
    """Rank of each row in its list by falling score, from 1; shape (n_rows,)."""
    falling = -np.asarray(scores, np.float64)
    n = len(falling)
    order = np.lexsort((falling, np.repeat(np.arange(len(groups)), groups)))
    ranks = np.empty(n, np.int64)
    ranks[order] = np.arange(n) - np.repeat(_starts(groups), groups) + 1
    return ranks


def _starts(groups: IntArray) -> IntArray:
    return np.cumsum(groups) - groups


def _discounted(ranks: IntArray, gains: FloatArray, groups: IntArray, k: int) -> FloatArray:
    if not len(groups):
        return np.zeros(0)
    worth = np.where(ranks <= k, gains / np.log2(ranks + 1.0), 0.0)
    found: FloatArray = np.add.reduceat(worth, _starts(groups))
    return found
