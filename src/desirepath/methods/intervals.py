"""95% intervals of shares, counts, ratios and means, and of how they differ; arrays throughout."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "bootstrap_of_mean",
    "bootstrap_of_means",
    "difference_of_counts",
    "difference_of_means",
    "newcombe",
    "observed_over_expected",
    "wilson",
]

Floats = NDArray[np.float64]

_RESAMPLES = 2_000
_AT_ONCE = 1 << 22  # numbers drawn at once: 32 MB
_Z = 1.959963984540054  # two-sided 95%


def wilson(counts: ArrayLike, of: ArrayLike) -> tuple[Floats, Floats]:
    """Low and high end of shares, by Wilson's score.

    Parameters
    ----------
    counts, of : shapes that broadcast
        Successes and trials; where there are no trials, the ends are 0 and 1.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    k, n = np.broadcast_arrays(np.asarray(counts, float), np.asarray(of, float))
    trials = np.maximum(n, 1.0)
    share = k / trials
    spread = _Z * np.sqrt(share * (1 - share) / trials + (_Z / (2 * trials)) ** 2)
    middle, scale = share + _Z * _Z / (2 * trials), 1 + _Z * _Z / trials
    low = np.where((n == 0) | (k == 0), 0.0, (middle - spread) / scale)
    high = np.where((n == 0) | (k == n), 1.0, (middle + spread) / scale)
    return low, high


def newcombe(
    counts: ArrayLike, of: ArrayLike, other_counts: ArrayLike, other_of: ArrayLike
) -> tuple[Floats, Floats]:
    """Low and high end of the difference of two independent shares, the first minus the other.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions:
    comparison of eleven methods; method 10, from the two Wilson intervals.

    Examples
    --------
    >>> low, high = newcombe(56, 70, 48, 80)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0524, 0.3339)
    """
    share = np.asarray(counts, float) / np.maximum(of, 1.0)
    other = np.asarray(other_counts, float) / np.maximum(other_of, 1.0)
    low, high = wilson(counts, of)
    other_low, other_high = wilson(other_counts, other_of)
    difference = share - other
    below = np.sqrt((share - low) ** 2 + (other_high - other) ** 2)
    above = np.sqrt((high - share) ** 2 + (other - other_low) ** 2)
    return difference - below, difference + above


def observed_over_expected(counts: ArrayLike, expected: ArrayLike) -> tuple[Floats, Floats]:
    """Low and high end of a count over what was expected, which is taken as known.

    Parameters
    ----------
    counts : shape (n,)
        Taken as Poisson.
    expected : shape (n,)
        Above 0.

    References
    ----------
    Breslow & Day (1987), Statistical Methods in Cancer Research II, p. 69: Byar's approximation
    to the exact limits. It is good from a count of about 5 on, and somewhat wide below.
    """
    k, mean = np.asarray(counts, float), np.asarray(expected, float)
    some, more = np.maximum(k, 1.0), k + 1
    low = some * np.maximum(1 - 1 / (9 * some) - _Z / (3 * np.sqrt(some)), 0.0) ** 3
    high = more * (1 - 1 / (9 * more) + _Z / (3 * np.sqrt(more))) ** 3
    return np.where(k == 0, 0.0, low) / mean, high / mean


def difference_of_counts(count: float, other: float) -> tuple[float, float]:
    """Low and high end of the difference of two independent Poisson counts, by the normal law."""
    spread = _Z * float(np.sqrt(count + other))
    return count - other - spread, count - other + spread


def difference_of_means(
    mean: float, variance: float, other_mean: float, other_variance: float
) -> tuple[float, float]:
    """Low and high end of the difference of two independent means, by the normal law.

    Parameters
    ----------
    mean, variance
        A mean and the variance *of that mean* (of the values, over their number).
    """
    spread = _Z * float(np.sqrt(variance + other_variance))
    return mean - other_mean - spread, mean - other_mean + spread


def bootstrap_of_mean(
    values: Floats, rng: np.random.Generator, groups: NDArray[np.int64] | None = None
) -> tuple[float, float]:
    """Low and high end of a mean: the percentiles of the means of 2,000 resamples.

    Given the differences of two methods, case by case, it is the paired bootstrap.

    Parameters
    ----------
    values : shape (n,)
        At least one.
    groups : shape (n,)
        Cases that depend on each other, which are drawn together; None: none do.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3; paired for rankings:
    Sakai (2006), Evaluating Evaluation Metrics based on the Bootstrap.
    """
    codes = np.arange(len(values)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(codes, values), np.bincount(codes)
    n = len(sums)
    per_round = max(1, _AT_ONCE // n)
    means = []
    for done in range(0, _RESAMPLES, per_round):
        drawn = rng.integers(0, n, (min(per_round, _RESAMPLES - done), n))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return float(low), float(high)


def bootstrap_of_means(values: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Low and high end of several means over the same cases, which are resampled together.

    See :func:`bootstrap_of_mean`.

    Parameters
    ----------
    values : shape (n, m)
        At least one case; of one alone the ends are its values.

    Returns
    -------
    two of shape (m,)
    """
    n = len(values)
    per_round = max(1, _AT_ONCE // n)
    means = []
    for done in range(0, _RESAMPLES, per_round):
        times = rng.multinomial(n, np.full(n, 1 / n), min(per_round, _RESAMPLES - done))
        means.append(times @ values / n)
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975), axis=0)
    return low, high
