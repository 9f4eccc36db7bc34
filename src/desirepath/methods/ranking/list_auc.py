"""How well one number alone tells what was clicked from what was left alone beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from desirepath.methods.ranking.matrix import BoolArray, FloatArray, IntArray

__all__ = ["list_auc"]


def list_auc(values: NDArray[np.floating[Any]], clicked: BoolArray, groups: IntArray) -> FloatArray:
    """AUC within each list: of a clicked document and one left alone, how often it has more.

    0.5 is by luck; below it the reversed order is as much better. Equal values count half, and so
    does a pair of which one value is missing: it is neither more nor less.

    Parameters
    ----------
    values, clicked : shape (n_rows,)
        NaN where there is no value.
    groups : shape (n_lists,)
        Sizes of the lists, whose rows follow each other.

    Returns
    -------
    shape (n_lists,)
        NaN where nothing, or everything, was clicked.

    References
    ----------
    Hanley & McNeil (1982), The meaning and use of the area under a receiver operating
    characteristic (ROC) curve; within lists, so that lists are not compared with each other.

    Examples
    --------
    >>> list_auc(np.array([3.0, 1.0, 2.0]), np.array([True, False, False]), np.array([3]))
    array([1.])
    >>> list_auc(np.array([3.0, np.nan, 4.0]), np.array([True, False, False]), np.array([3]))
    array([0.25])
    """
    n_lists = len(groups)
    lists = np.repeat(np.arange(n_lists), groups)
    n_clicked = np.bincount(lists[clicked], minlength=n_lists)
    pairs = n_clicked * (groups - n_clicked)
    known = ~np.isnan(values)
    won, n_compared = _compared(values[known], clicked[known], lists[known], n_lists)
    auc: FloatArray = np.full(n_lists, np.nan)
    np.divide(won + (pairs - n_compared) / 2, pairs, out=auc, where=pairs > 0)
    return auc


def _compared(
    values: NDArray[np.floating[Any]], clicked: BoolArray, lists: IntArray, n_lists: int
) -> tuple[FloatArray, FloatArray]:
    """By list: the pairs whose clicked document has more, equal ones half; and all pairs."""
    if not len(values):
        return np.zeros(n_lists), np.zeros(n_lists)
    order = np.lexsort((values, lists))
    values, clicked, lists = values[order], clicked[order], lists[order]
    is_new = (np.diff(values) != 0) | (np.diff(lists) != 0)
    starts = np.flatnonzero(np.append(True, is_new))  # of equal values in a list
    positive = np.add.reduceat(clicked.astype(np.int64), starts)
    negative = np.add.reduceat((~clicked).astype(np.int64), starts)
    list_of = lists[starts]
    before = np.cumsum(negative) - negative
    first_of_list = np.searchsorted(list_of, list_of)
    below = before - before[first_of_list] + negative / 2
    n_positive = np.bincount(list_of, positive, n_lists)
    n_negative = np.bincount(list_of, negative, n_lists)
    won: FloatArray = np.bincount(list_of, positive * below, n_lists).astype(np.float64)
    return won, (n_positive * n_negative).astype(np.float64)
