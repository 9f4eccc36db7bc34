"""What was learned, when it is asked for: days weighted, contexts pooled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from desirepath.methods.bandits.sums import Sums
from desirepath.methods.levels import FloatArray

__all__ = ["POOLED_LISTS", "Evidence", "pooled", "weighted_sum"]

Evidence = FloatArray
"""Weighted sums, laid out as the sums are; the first number counts lists."""

POOLED_LISTS = 30.0
"""Lists that all wider contexts together count for beside a narrower one."""


def weighted_sum(parts: Iterable[tuple[float, Sums | Evidence]]) -> Evidence:
    """Add up sums, each times its weight, one after the other.

    Parameters
    ----------
    parts
        (weight, sums or sums of that kind): for a context, one a day with its weight of
        :func:`.forgetting.day_weights`. None at all is no evidence.

    Examples
    --------
    >>> weighted_sum([(1.0, np.array([4, 10])), (0.5, np.array([2, 4, 6]))]).tolist()
    [5.0, 12.0, 3.0]
    """
    total = np.zeros(1)
    for weight, sums in parts:
        total = _added(total, sums * np.float64(weight))
    return total


def pooled(contexts: Sequence[Evidence], pooled_lists: float = POOLED_LISTS) -> Evidence:
    """Pool contexts, the widest first: global, segment, personal, session.

    ``E ← min(1, pooled_lists / n) · E + context`` with n the lists in E: what is known of many
    counts for so many lists at most once something is known of fewer.

    Parameters
    ----------
    contexts
        One without lists does not shrink the wider ones.

    Examples
    --------
    >>> of_all, of_one = np.array([300.0, 30.0]), np.array([5.0, 2.0])
    >>> pooled([of_all, of_one]).tolist()
    [35.0, 5.0]
    """
    total = np.zeros(1)
    for context in contexts:
        share = pooled_lists / total[0] if context[0] > 0 and total[0] > pooled_lists else 1.0
        total = _added(share * total, context)
    return total


def _added(left: FloatArray, right: FloatArray) -> FloatArray:
    if len(left) == len(right):  # nearly always
        return left + right
    total = np.zeros(max(len(left), len(right)))
    total[: len(left)] = left
    total[: len(right)] += right
    return total
