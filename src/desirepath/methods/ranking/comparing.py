"""Means over lists and how they differ, with intervals by the bootstrap."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.intervals import bootstrap_of_mean
from desirepath.methods.ranking.matrix import FloatArray

__all__ = ["MeanEstimate", "mean_of_lists"]


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


def mean_of_lists(values: FloatArray, *, seed: int) -> MeanEstimate:
    """Mean of one number a list, with the percentile interval of resampled lists.

    Given the differences of two rankers list by list, that is the paired bootstrap. Lists are
    resampled whole, but as if people had made one each; see
    :func:`~desirepath.methods.intervals.bootstrap_of_mean`.

    Parameters
    ----------
    values : shape (n_lists,)
        NaN where a list counts for nothing.
    """
    kept = values[~np.isnan(values)]
    n = len(kept)
    if not n:
        return MeanEstimate(mean=float("nan"), low=float("nan"), high=float("nan"), of=0)
    low, high = bootstrap_of_mean(kept, np.random.default_rng(seed))
    return MeanEstimate(mean=float(kept.mean()), low=low, high=high, of=n)
