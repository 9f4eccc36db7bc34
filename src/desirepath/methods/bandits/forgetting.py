"""How much what was learned on a day still counts: less with its age, and with what came after."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from desirepath.methods.levels import FloatArray

__all__ = ["MEMORY_LISTS", "day_weights"]

MEMORY_LISTS = 1_000.0
"""Later lists after which a day counts 1/e of what it did."""


def day_weights(
    days: Sequence[int],
    lists_per_day: Sequence[float],
    today: int,
    *,
    decay_factor: float,
    window_days: int,
    memory_lists: float = MEMORY_LISTS,
) -> FloatArray:
    """``decay_factor^age · exp(-lists of later days / memory_lists)``; 0 beyond the window.

    Days alone forget too slowly: at .995 a day a shop with a hundred searches a day still believes
    next month what stopped being true this month.

    With each list of today the weights of all earlier days fall by the same ``exp(-1 /
    memory_lists)``, so their weighted sum can be kept until the day ends.

    Parameters
    ----------
    days : length n
        Numbers of distinct days, in any order.
    lists_per_day : length n
        What was learned from on each.
    today
        A later day counts as today.
    decay_factor
        Of a day, in (0, 1]; 1 forgets nothing by age.
    window_days
        Days older than this count nothing.
    memory_lists
        Above 0; ``math.inf`` forgets nothing by volume.

    Returns
    -------
    FloatArray
        Shape (n,), each in [0, 1].

    Examples
    --------
    >>> day_weights(
    ...     [10, 9], [500, 800], today=10, decay_factor=0.5, window_days=365, memory_lists=500
    ... ).round(3).tolist()
    [1.0, 0.184]
    """
    weights = np.zeros(len(days))
    later = 0.0
    for index in sorted(range(len(days)), key=days.__getitem__, reverse=True):  # most are few
        age = max(today - days[index], 0)
        if age <= window_days:
            weights[index] = decay_factor**age * math.exp(-later / memory_lists)
        later += lists_per_day[index]
    return weights
