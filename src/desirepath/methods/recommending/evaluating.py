"""How good recommendations are: what people reacted to later, found among all documents."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

from desirepath.methods.intervals import bootstrap_of_mean
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["Compared", "compare", "ranked"]


def ranked(scores: FloatArray, left_out: IntArray, most: int) -> IntArray:
    """The documents of the best scores, best first; of equal ones the first document.

    Parameters
    ----------
    scores : shape (n_documents,)
    left_out
        Documents that are not to be recommended.

    Examples
    --------
    >>> ranked(np.array([0.5, 2.0, 1.0, 1.0]), np.array([1]), 2)
    array([2, 3])
    """
    scores = scores.copy()
    scores[left_out] = -np.inf
    most = min(most, int(np.isfinite(scores).sum()))
    if most <= 0:
        return np.empty(0, dtype=np.int64)
    least = np.partition(scores, -most)[-most]
    found = np.flatnonzero(scores >= least)
    return found[np.argsort(-scores[found], kind="stable")][:most]


class Compared(Struct, frozen=True, kw_only=True):
    """Means of two methods over the same people, and the 95% interval of how they differ.

    ``n`` people; ``difference`` is the first minus the other.
    """

    n: int
    mean: float
    other: float
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``cannot tell``."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "cannot tell"


def compare(values: ArrayLike, others: ArrayLike, rng: np.random.Generator) -> Compared:
    """Compare two methods by values of the same people, person by person.

    Parameters
    ----------
    values, others : shape (n,)
        At least one.
    """
    first, second = np.asarray(values, float), np.asarray(others, float)
    differences = first - second
    low, high = bootstrap_of_mean(differences, rng)
    return Compared(
        n=len(differences),
        mean=float(first.mean()),
        other=float(second.mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
    )
