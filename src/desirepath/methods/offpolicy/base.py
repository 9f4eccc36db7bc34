"""Logged lists, weighed by how much likelier another policy is to show them."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from desirepath.errors import InvalidInput

__all__ = ["FloatArray", "IntArray", "Terms", "ratios"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What each list adds to an estimate, which is Σ numerators / Σ denominators.

    Parameters
    ----------
    numerators, denominators : shape (n,)
        Denominators are 1 where the estimate is a mean.
    importance : shape (n, w)
        The ratios that the estimate rests on, by which its effective sample is told.
    """

    numerators: FloatArray
    denominators: FloatArray
    importance: FloatArray

    @property
    def value(self) -> float:
        return float(self.numerators.sum() / self.denominators.sum())

    @property
    def effective_sample(self) -> float:
        """The least (Σw)² / Σw² of the columns of importance; 0 where all are 0.

        References
        ----------
        Kong (1992), A Note on Importance Sampling using Standardized Weights.
        """
        largest = self.importance.max(axis=0, initial=0.0)
        scaled = self.importance / np.where(largest > 0.0, largest, 1.0)
        squares = np.square(scaled).sum(axis=0)
        sums = np.square(scaled.sum(axis=0))
        return float(np.divide(sums, squares, out=np.zeros_like(sums), where=squares > 0.0).min())


def ratios(target: FloatArray, logging: FloatArray) -> FloatArray:
    """Divide the target policy's probabilities by the logging policy's, any equal shapes.

    Raises
    ------
    InvalidInput
        A probability lies outside [0, 1], or what was logged had probability 0.
    """
    if target.shape != logging.shape or target.size == 0:
        raise InvalidInput("Both policies must have a probability for each logged action.")
    if not ((target >= 0.0) & (target <= 1.0)).all():
        raise InvalidInput("The new policy's probabilities must lie in [0, 1].")
    if not ((logging > 0.0) & (logging <= 1.0)).all():
        raise InvalidInput("Propensities must lie above 0 and be at most 1.")
    return target / logging
