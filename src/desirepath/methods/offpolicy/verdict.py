"""How sure an estimate is, whether the target policy is better, and when the log cannot say."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np

from desirepath.errors import NotEnoughData
from desirepath.methods.offpolicy.base import FloatArray, IntArray, Terms

__all__ = ["WhatIf", "check_overlap", "compare"]

# Below, a few lists decide, and a bootstrap of them does not know what it has not seen.
LEAST_EFFECTIVE_SAMPLE = 100.0
# A document that was not in the pool has no score: its reward is unknown, and at worst all of it.
LEAST_POOL_SHARE = 0.9
# What the log cannot tell is left to a model, which is no evidence.
LEAST_TOLD_SHARE = 0.7
# Percentiles of fewer independent draws are too narrow.
LEAST_CLUSTERS = 30

# Poisson counts of mean 1 by 16 random bits, several times as fast as exact draws.
_CHANCES = np.exp(-1.0) / np.array([math.factorial(k) for k in range(9)])
_ENDS = np.rint(np.cumsum(_CHANCES) * 2**16).astype(np.int64)
_COUNTS = np.searchsorted(_ENDS, np.arange(2**16), side="right").astype(np.float64)

_RESAMPLES = 1_000
_TAILS = (0.025, 0.975)
_AT_ONCE = 1 << 21  # counts drawn at once: 16 MB
_MOST_DRAWN = 1 << 14
"""Clusters that are drawn one by one. Of more, some at random are put together: sums of independent
clusters are independent too, and have the variance and the skewness of all of them."""


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """The value of the target policy beside what was earned, with 95% intervals.

    Parameters
    ----------
    logged, logged_lower, logged_upper, value, lower, upper
        Mean reward of a list: as it was, and as it would have been.
    gain, gain_lower, gain_upper
        ``value - logged``, from the same resamples.
    lists_needed
        About how many lists it would take for the interval to leave 0 out if the gain is as
        estimated; none where the verdict stands, or where the gain is 0.
    """

    logged: float
    logged_lower: float
    logged_upper: float
    value: float
    lower: float
    upper: float
    gain: float
    gain_lower: float
    gain_upper: float
    effective_sample: float
    verdict: Literal["better", "worse", "cannot tell"]
    lists_needed: int | None


def check_overlap(terms: Terms, pool_share: float = 1.0) -> None:
    """Refuse a log that shows too little of what the target policy would do.

    Parameters
    ----------
    pool_share
        Of the target policy's top k, what lies in the logged pools, in [0, 1].

    Raises
    ------
    NotEnoughData
        What is too thin.
    """
    if not pool_share >= LEAST_POOL_SHARE:
        raise NotEnoughData(
            "percent of the new results in the logged pools",
            needed=round(100 * LEAST_POOL_SHARE),
            found=math.floor(100 * pool_share),
            why="Too many of the new results were never candidates.",
        )
    effective = terms.effective_sample
    if not effective >= LEAST_EFFECTIVE_SAMPLE:
        raise NotEnoughData(
            "lists of effective sample",
            needed=round(LEAST_EFFECTIVE_SAMPLE),
            found=math.floor(effective),
            why="The log rarely shows what the new policy would.",
        )


def compare(
    terms: Terms, rewards: FloatArray, clusters: IntArray, rng: np.random.Generator
) -> WhatIf:
    """Compare an estimate with what the same lists earned.

    Parameters
    ----------
    rewards : shape (n,)
        What each list earned.
    clusters : shape (n,)
        Of each list: itself or its user, whichever is independent of the others.

    Raises
    ------
    NotEnoughData
        There are too few clusters.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap (percentile intervals). Differs:
    each cluster is drawn a Poisson number of times (Chamandy et al. 2012).
    """
    names, of_list = np.unique(clusters, return_inverse=True)
    if len(names) < LEAST_CLUSTERS:
        raise NotEnoughData("independent lists or users", needed=LEAST_CLUSTERS, found=len(names))
    sums = np.column_stack(
        [
            np.bincount(of_list, weights=column)
            for column in (terms.numerators, terms.denominators, rewards, np.ones_like(rewards))
        ]
    ).astype(np.float64)
    drawn = _resampled(_put_together(sums, rng), rng)
    values, earned = drawn[:, 0] / drawn[:, 1], drawn[:, 2] / drawn[:, 3]
    lower, upper = np.quantile(values, _TAILS)
    logged_lower, logged_upper = np.quantile(earned, _TAILS)
    gain_lower, gain_upper = np.quantile(values - earned, _TAILS)
    gain = terms.value - float(rewards.mean())
    verdict: Literal["better", "worse", "cannot tell"] = (
        "better" if gain_lower > 0.0 else "worse" if gain_upper < 0.0 else "cannot tell"
    )
    half = float(gain_upper - gain_lower) / 2.0
    unsure = verdict == "cannot tell" and gain != 0.0
    needed = math.ceil(len(rewards) * max((half / gain) ** 2, 1.05)) if unsure else None
    return WhatIf(
        logged=float(rewards.mean()),
        logged_lower=float(logged_lower),
        logged_upper=float(logged_upper),
        value=terms.value,
        lower=float(lower),
        upper=float(upper),
        gain=gain,
        gain_lower=float(gain_lower),
        gain_upper=float(gain_upper),
        effective_sample=terms.effective_sample,
        verdict=verdict,
        lists_needed=needed,
    )


def _put_together(sums: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Sums of at most ``_MOST_DRAWN`` groups of clusters, which chance puts together."""
    if len(sums) <= _MOST_DRAWN:
        return sums
    groups = rng.permutation(len(sums)) % _MOST_DRAWN
    return np.column_stack(
        [np.bincount(groups, weights=column, minlength=_MOST_DRAWN) for column in sums.T]
    ).astype(np.float64)


def _resampled(sums: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Sums over resampled clusters, shape (resamples, columns)."""
    rows = max(1, _AT_ONCE // len(sums))
    counts = (min(rows, _RESAMPLES - start) for start in range(0, _RESAMPLES, rows))
    return np.concatenate(
        [_COUNTS[rng.integers(0, 2**16, (n, len(sums)), dtype=np.uint16)] @ sums for n in counts]
    )
