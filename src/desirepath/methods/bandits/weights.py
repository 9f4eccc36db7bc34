"""From effects to weights: nothing below 0, and all of them 1 together."""

from __future__ import annotations

import numpy as np

from desirepath.methods.levels import FloatArray

__all__ = ["uniform", "weights_of", "weights_of_each"]


def weights_of(effects: FloatArray, bounds: tuple[float, float] | None = None) -> FloatArray:
    """Weights in proportion to effects.

    Parameters
    ----------
    effects : shape (F,)
        What is below 0 gets no weight; where none is above 0 the weights are equal.
    bounds
        Smallest and largest weight, such that F weights between them can sum to 1: then the nearest
        weights within them.

    Returns
    -------
    FloatArray
        Shape (F,); they sum to 1.

    Examples
    --------
    >>> weights_of(np.array([0.3, -0.1, 0.1])).round(2).tolist()
    [0.75, 0.0, 0.25]
    >>> weights_of(np.array([0.3, -0.1, 0.1]), (0.1, 0.6)).round(2).tolist()
    [0.6, 0.1, 0.3]
    """
    positive = np.maximum(effects, 0.0)
    total = positive.sum()
    weights = positive / total if total > 0 else uniform(len(effects))
    return weights if bounds is None else _projected(weights, *bounds)


def weights_of_each(effects: FloatArray, bounds: tuple[float, float] | None = None) -> FloatArray:
    """:func:`weights_of` for each of many draws, shape (n, F)."""
    if bounds is not None:
        return np.array([weights_of(one, bounds) for one in effects])
    positive = np.maximum(effects, 0.0)
    totals = positive.sum(axis=1, keepdims=True)
    equal = uniform(effects.shape[1])
    return np.where(totals > 0, positive / np.where(totals > 0, totals, 1.0), equal)


def uniform(n_features: int) -> FloatArray:
    """Equal weights."""
    return np.full(n_features, 1.0 / n_features)


def _projected(weights: FloatArray, least: float, most: float) -> FloatArray:
    """The nearest weights within bounds that sum to 1.

    They are the weights moved by one shift and cut off at the bounds. Their sum grows with the
    shift, in straight lines between the shifts at which a weight reaches a bound.
    """
    corners = np.sort(np.concatenate([least - weights, most - weights]))
    sums = np.clip(weights + corners[:, np.newaxis], least, most).sum(axis=1)
    after = min(max(int(np.searchsorted(sums, 1.0)), 1), len(sums) - 1)
    before, rise = after - 1, sums[after] - sums[after - 1]
    share = (1.0 - sums[before]) / rise if rise > 0 else 0.0
    shift = corners[before] + share * (corners[after] - corners[before])
    moved: FloatArray = np.clip(weights + shift, least, most)
    return moved
