"""Scores between a list's smallest and largest, kept as 16-bit integers.

What is logged is what was ranked by: a list is normalised once, to integers, and everything after
(the fused score, the replay of a logged search, what is learned from it) starts from those. So a
search can be repeated to the bit from its record, and the record is small.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALE", "FloatArray", "IntArray", "Levels", "Normalized", "normalize"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Levels = NDArray[np.uint16]
"""Normalised scores: a level over :data:`SCALE` is a score in [0, 1]."""

SCALE = 65_535
"""The level of the best document of a list."""


class Normalized(NamedTuple):
    """A list's levels, and the scores that its levels 0 and ``SCALE`` stand for; 0 of none."""

    levels: Levels
    minimum: float
    maximum: float


def normalize(scores: FloatArray) -> Normalized:
    """Scale scores to 0 … ``SCALE``, rounded to the nearest integer, halves to even.

    A document that a list does not have gets level 0, so where all of a list score the same they
    get ``SCALE``: being found is better than not.

    Parameters
    ----------
    scores : shape (n,)
        Finite.

    References
    ----------
    Min-max normalisation as for CombSUM: Fox & Shaw (1994), Combination of Multiple Searches; Lee
    (1997), Analyses of Multiple Evidence Combination. Differs: 16 bits.

    Examples
    --------
    >>> normalize(np.array([3.0, 2.0, 1.0])).levels.tolist()
    [65535, 32768, 0]
    >>> normalize(np.array([0.7])).levels.tolist()
    [65535]
    """
    if not scores.size:
        return Normalized(np.zeros(0, np.uint16), 0.0, 0.0)
    minimum, maximum = float(np.minimum.reduce(scores)), float(np.maximum.reduce(scores))
    width = maximum - minimum
    if width == 0.0:
        return Normalized(np.full(scores.shape, SCALE, np.uint16), minimum, maximum)
    if math.isinf(width):  # the difference of two finite numbers; that of their halves is finite
        shares = (scores / 2 - minimum / 2) / (maximum / 2 - minimum / 2)
    else:
        shares = (scores - minimum) / width
    return Normalized(np.rint(shares * SCALE).astype(np.uint16), minimum, maximum)
