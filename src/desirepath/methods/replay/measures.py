"""nDCG and recall of orders, by the gains of what people did; all searches at once."""

from __future__ import annotations

import numpy as np

from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.replay.reactions import Reactions, mean_by

__all__ = ["ndcg_by_session", "recall_by_session"]


def ndcg_by_session(reactions: Reactions, ranks: IntArray, k: int) -> FloatArray:
    """nDCG@k of each session: the mean of its searches.

    The gain is what was done itself, not ``2^gain − 1``, for it is a worth and no grade; the
    discount of rank r is ``1 / log₂(r + 1)``. The best order has all documents of the search that
    something was done with, the most gainful first.

    Parameters
    ----------
    ranks : shape (R,)
        Where the order has each document, from 1; beyond k where it does not.

    Returns
    -------
    shape (V,)
        In [0, 1].

    References
    ----------
    Järvelin & Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques, for the idea;
    the discount is that of Burges et al. (2005), which has one at rank 2 already.

    Examples
    --------
    >>> one = Reactions(
    ...     gains=np.array([1.0, 5.0]),
    ...     purchased=np.array([False, True]),
    ...     searches=np.array([0, 0]),
    ...     sessions=np.array([0]),
    ... )
    >>> ndcg_by_session(one, np.array([1, 3]), 10).round(4).item()  # (1 + 5/2) / (5 + 1/log₂3)
    0.6216
    """
    found = _discounted(reactions, ranks, k)
    best = _discounted(reactions, _best_ranks(reactions), k)
    return reactions.by_session(found / best)


def recall_by_session(reactions: Reactions, ranks: IntArray, k: int) -> FloatArray:
    """Recall@k of each session, the mean of its searches: which share of the documents that
    something was done with is among the first k. Each counts alike.

    Returns
    -------
    shape (V,)
        In [0, 1].
    """
    found = mean_by(reactions.searches, (ranks <= k).astype(float), reactions.n_searches)
    return reactions.by_session(found)


def _discounted(reactions: Reactions, ranks: IntArray, k: int) -> FloatArray:
    """The discounted gain of each search, shape (S,)."""
    worth = np.where(ranks <= k, reactions.gains / np.log2(ranks + 1.0), 0.0)
    sums = np.bincount(reactions.searches, worth, reactions.n_searches)
    return sums.astype(np.float64)


def _best_ranks(reactions: Reactions) -> IntArray:
    """The rank of each document in the best order of its search, shape (R,)."""
    order = np.lexsort((-reactions.gains, reactions.searches))
    sizes = np.bincount(reactions.searches, minlength=reactions.n_searches)
    first = np.cumsum(sizes) - sizes
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(first, sizes) + 1
    return ranks
