"""Weighted sum of scores as they are (CombSUM)."""

from __future__ import annotations

import numpy as np

from desirepath.methods.fusion.candidates import Scored
from desirepath.methods.levels import FloatArray

__all__ = ["weighted"]

_LARGEST = 1e300
"""Larger scores count as this, so that no sum of them is infinite."""


def weighted(candidates: Scored, weights: FloatArray) -> FloatArray:
    """``weight · score``: for scores that are on one scale already.

    References
    ----------
    Fox & Shaw (1994), Combination of Multiple Searches, CombSUM; with a weight for each feature.
    """
    return np.clip(candidates.scores, -_LARGEST, _LARGEST) * weights
