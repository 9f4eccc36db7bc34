"""Means of bounded numbers that may be looked at whenever one likes: tests by betting.

Somebody bets that the mean is above ``m``, a fixed share of what they have each time, at odds that
are fair if it is not. Then their wealth is above ``1/α`` at any time at all with a chance of α at
most (Ville 1939), however often one looks and whenever one stops. What the mean is not is what they
got rich against.

The share to bet is not known, so wealth is spread over several, in factors of two: the best of
them grows by at least 83 % of what the best share of all would, where differences are small; and
starting with one part of ten costs a delay of log 10 over its growth. As a product, wealth does not
depend on the order of the numbers.
"""

from __future__ import annotations

import math

import numpy as np

from desirepath.methods.levels import FloatArray

__all__ = ["growth_needed", "mean_interval", "running_evidence"]

_BETS = 2.0 ** -np.arange(1, 11)
"""At most 1/2: numbers and means in [-1, 1] differ by 2 at most, so nobody is ruined, whatever the
mean is that is bet against."""

_HALVINGS = 40


def mean_interval(values: FloatArray, level: float = 0.95) -> tuple[float, float]:
    """Ends of a mean's interval, which hold at all times at once with the chance ``level``.

    Parameters
    ----------
    values : shape (n,)
        In [-1, 1]. Each has the same mean, given those before it; they may depend on each other
        otherwise.

    Returns
    -------
    tuple of float
        In [-1, 1]; both ends of that where too little is known.

    References
    ----------
    Waudby-Smith & Ramdas (2024), Estimating means of bounded random variables by betting, section
    4. Differs: a mixture of fixed bets in place of bets that follow the variance, so that the order
    does not matter, and one bettor for each end with half of α.

    Examples
    --------
    >>> low, high = mean_interval(np.array([1.0, 0.0] * 200))
    >>> round(low, 3), round(high, 3)
    (0.415, 0.585)
    """
    distinct, counts = np.unique(values, return_counts=True)
    needed = math.log(2.0 / (1.0 - level))
    return _low_end(distinct, counts, needed), -_low_end(-distinct, counts, needed)


def running_evidence(values: FloatArray) -> FloatArray:
    """Wealth of who bets on a mean above 0, as its logarithm, after each number.

    Above ``log(2 / (1 − level))`` the low end of :func:`mean_interval` is above 0, and the other
    way round.

    Parameters
    ----------
    values : shape (…, n)
        In [-1, 1].

    Returns
    -------
    shape (…, n)
    """
    wealth: FloatArray = np.full(values.shape, -np.inf)
    for bet in _BETS:
        np.logaddexp(wealth, np.log1p(bet * values).cumsum(axis=-1), out=wealth)
    return wealth - math.log(len(_BETS))


def growth_needed(values: FloatArray, level: float = 0.95) -> float | None:
    """By what factor there must be more such numbers until 0 is outside the interval.

    Returns
    -------
    float
        1 if it is outside already; None where no number of them would be enough.
    """
    needed = math.log(2.0 / (1.0 - level))
    distinct, counts = np.unique(values, return_counts=True)
    factors = [_factor(_log_wealths(sign * distinct, counts, 0.0), needed) for sign in (1.0, -1.0)]
    return min((factor for factor in factors if factor is not None), default=None)


def _log_wealths(distinct: FloatArray, counts: np.ndarray, mean: float) -> FloatArray:
    """Of each bet that the mean is above ``mean``."""
    won: FloatArray = np.log1p(np.multiply.outer(_BETS, distinct - mean)) @ counts
    return won


def _mixed(log_wealths: FloatArray) -> float:
    return float(np.logaddexp.reduce(log_wealths)) - math.log(len(_BETS))


def _low_end(distinct: FloatArray, counts: np.ndarray, needed: float) -> float:
    """The largest mean that is bet against with success: wealth falls with the mean."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _mixed(_log_wealths(distinct, counts, middle)) >= needed:
            low = middle
        else:
            high = middle
    return low


def _factor(log_wealths: FloatArray, needed: float) -> float | None:
    if _mixed(log_wealths) >= needed:
        return 1.0
    best = float(log_wealths.max())
    if best <= 0.0:
        return None
    low, high = 1.0, (needed + math.log(len(_BETS))) / best  # by then the best bet does it alone
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _mixed(middle * log_wealths) >= needed:
            high = middle
        else:
            low = middle
    return high
