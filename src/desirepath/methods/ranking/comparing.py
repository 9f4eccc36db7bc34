"""Means over lists and how they differ, with intervals by the bootstrap."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.ranking.matrix import FloatArray

__all__ = ["MeanEstimate", "mean_of_lists"]

_DRAWS = 2_000
_AT_ONCE = 1 << 22  # numbers drawn at once: 32 MB


class MeanEstimate(Struct, frozen=True, kw_only=True):
    """A mean over lists with its 95 % interval.

    Parameters
    ----------
    of
        How many lists it is over.
    """

    mean: float
    low: float
    high: float
    of: int

    @property
    def is_above_zero(self) -> bool:
        """Whether all of the interval is."""
        return self.low > 0


def mean_of_lists(values: FloatArray, *, seed: int, draws: int = _DRAWS) -> MeanEstimate:
    """Mean of one number a list, with the percentile interval of resampled lists.

    Given the differences of two rankers list by list, that is the paired bootstrap. Lists are
    resampled whole, but as if people had made one each.

    Parameters
    ----------
    values : shape (n_lists,)
        NaN where a list counts for nothing.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; paired for rankings:
    Sakai (2006), Evaluating Evaluation Metrics based on the Bootstrap.
    """
    kept = values[~np.isnan(values)]
    n = len(kept)
    if not n:
        return MeanEstimate(mean=float("nan"), low=float("nan"), high=float("nan"), of=0)
    rng = np.random.default_rng(seed)
    per_round = max(1, _AT_ONCE // n)
    means = np.concatenate(
        [
            kept[rng.integers(0, n, (min(per_round, draws - done), n))].mean(axis=1)
            for done in range(0, draws, per_round)
        ]
    )
    low, high = np.quantile(means, (0.025, 0.975))
    return MeanEstimate(mean=float(kept.mean()), low=float(low), high=float(high), of=n)
