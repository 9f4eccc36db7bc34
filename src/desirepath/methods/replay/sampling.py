"""Which sessions are replayed, where there are more than are wanted."""

from __future__ import annotations

import numpy as np

from desirepath.domain.benchmark import SampleStrategy
from desirepath.methods.levels import IntArray

__all__ = ["sample"]


def sample(
    strategy: SampleStrategy,
    most: int,
    ended_at: IntArray,
    strata: IntArray,
    rng: np.random.Generator,
) -> IntArray:
    """Choose sessions without replacement, ``most`` of them or all.

    Parameters
    ----------
    ended_at : shape (n,)
        When each was over; of those at the same moment, the later in the array is more recent.
    strata : shape (n,)
        What each is one of, a code from 0.

    Returns
    -------
    shape (min(most, n),)
        Indices, rising.

    Examples
    --------
    >>> ends, kinds = np.array([30, 10, 20, 40]), np.array([0, 0, 0, 1])
    >>> sample(SampleStrategy.RECENT, 2, ends, kinds, np.random.default_rng(0)).tolist()
    [0, 3]
    >>> 3 in sample(SampleStrategy.STRATIFIED, 2, ends, kinds, np.random.default_rng(0))
    True
    """
    n = len(ended_at)
    if n <= most:
        return np.arange(n)
    match strategy:
        case SampleStrategy.RECENT:
            chosen = np.argsort(ended_at, kind="stable")[n - most :]
        case SampleStrategy.STRATIFIED:
            sizes = _shares(np.bincount(strata), most)
            chosen = np.concatenate(
                [
                    rng.choice(np.flatnonzero(strata == stratum), size, replace=False)
                    for stratum, size in enumerate(sizes)
                ]
            )
        case SampleStrategy.RANDOM:
            chosen = rng.choice(n, most, replace=False)
    return np.sort(chosen)


def _shares(sizes: IntArray, most: int) -> IntArray:
    """How many of each stratum are drawn: in proportion, by largest remainders, but at least one.

    There are no more strata that have any than ``most``.
    """
    least = (sizes > 0).astype(np.int64)
    exact = sizes / sizes.sum() * most
    shares: IntArray = np.maximum(np.floor(exact).astype(np.int64), least)
    while shares.sum() > most:  # the ones that were rounded up to one
        shares[np.argmax(np.where(shares > least, shares - exact, -np.inf))] -= 1
    while shares.sum() < most:
        shares[np.argmax(np.where(shares < sizes, exact - shares, -np.inf))] += 1
    return shares
