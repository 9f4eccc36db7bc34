"""How good recommendations are: what people reacted to later, found among all documents."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["Compared", "compare", "ndcg", "ranked"]

_RESAMPLES = 2_000
_CHUNK = 200  # resamples at a time


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


def ndcg(found: IntArray, relevant: IntArray, cutoff: int = 10) -> float:
    """NDCG of a ranking of all documents: grades 0 and 1, discounts ``1/log₂(rank + 1)``.

    Parameters
    ----------
    found
        Documents, best first.
    relevant
        At least one.

    References
    ----------
    Järvelin & Kekäläinen (2002). All documents are ranked: against a sample of them methods can
    come out in another order (Krichene & Rendle 2020, On Sampled Metrics for Item Recommendation).

    Examples
    --------
    >>> round(ndcg(np.array([7, 4, 9]), np.array([4, 5])), 4)  # (1/log₂3) / (1 + 1/log₂3)
    0.3869
    """
    discounts = 1 / np.log2(np.arange(2, cutoff + 2))
    hits = np.isin(found[:cutoff], relevant)
    best = discounts[: min(cutoff, len(relevant))].sum()
    return float((hits * discounts[: len(hits)]).sum() / best)


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

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3: percentiles of the
    means of 2,000 resamples of people, in pairs.
    """
    first, second = np.asarray(values, float), np.asarray(others, float)
    differences = first - second
    n = len(differences)
    means = np.concatenate(
        [
            differences[rng.integers(n, size=(_CHUNK, n))].mean(axis=1)
            for _ in range(_RESAMPLES // _CHUNK)
        ]
    )
    low, high = np.percentile(means, [2.5, 97.5])
    return Compared(
        n=n,
        mean=float(first.mean()),
        other=float(second.mean()),
        difference=float(differences.mean()),
        low=float(low),
        high=float(high),
    )
