"""Add up amounts by what they belong to."""

from __future__ import annotations

import numpy as np

from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["totals"]


def totals(codes: IntArray, amounts: FloatArray, n: int) -> FloatArray:
    """The sum of amounts for each code from 0 to n − 1, shape (n,).

    Examples
    --------
    >>> totals(np.array([2, 0, 2]), np.array([1.0, 0.5, 3.0]), 4).tolist()
    [0.5, 0.0, 4.0, 0.0]
    """
    added: FloatArray = np.bincount(codes, weights=amounts, minlength=n).astype(
        np.float64, copy=False
    )
    return added
