"""Intervals, against published figures, exact limits and the share of times that they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from desirepath.engine.reporting import wilson_rate
from desirepath.methods.intervals import (
    bootstrap_of_means,
    difference_of_counts,
    difference_of_means,
    newcombe,
    observed_over_expected,
    wilson,
)


@pytest.mark.parametrize(("count", "of"), [(0, 1), (1, 1), (0, 50), (10, 50), (50, 50), (3, 9_999)])
def test_wilson_is_that_of_a_rate(count: int, of: int) -> None:
    low, high = wilson(count, of)
    rate = wilson_rate(count, of)
    assert (float(low), float(high)) == pytest.approx((rate.low, rate.high), abs=1e-15)


def test_wilson_of_nothing_says_nothing() -> None:
    low, high = wilson([0, 1], [0, 2])
    assert (low[0], high[0]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("counts", "limits"),
    [  # Newcombe (1998), table II, method 10, examples (a), (b), (d) and (h)
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((10, 10, 0, 10), (0.6075, 1.0000)),
    ],
)
def test_newcombe_is_as_published(
    counts: tuple[int, int, int, int], limits: tuple[float, float]
) -> None:
    low, high = newcombe(*counts)
    assert (round(float(low), 4), round(float(high), 4)) == limits


def _binomial(n: int, p: float) -> list[float]:
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


@pytest.mark.parametrize(("share", "other"), [(0.1, 0.1), (0.2, 0.35), (0.02, 0.05), (0.5, 0.9)])
def test_newcombe_holds_as_often_as_it_says(share: float, other: float) -> None:
    """Summed over all outcomes of 40 and 60 trials: no sampling."""
    first, second = np.arange(41)[:, None], np.arange(61)[None, :]
    low, high = newcombe(first, 40, second, 60)
    holds = (low <= share - other) & (share - other <= high)
    chance = np.outer(_binomial(40, share), _binomial(60, other))
    assert 0.93 <= float((chance * holds).sum()) <= 0.99


def _poisson_at_most(count: int, mean: float) -> float:
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


@pytest.mark.parametrize("count", [5, 12, 40, 200])
def test_byar_is_close_to_the_exact_limits(count: int) -> None:
    """At the exact limits the tails have 2.5% each; at Byar's nearly so."""
    low, high = observed_over_expected(count, 1.0)
    assert 1 - _poisson_at_most(count - 1, float(low)) == pytest.approx(0.025, abs=0.0025)
    assert _poisson_at_most(count, float(high)) == pytest.approx(0.025, abs=0.0025)


def test_no_click_where_some_were_expected() -> None:
    low, high = observed_over_expected([0, 0], [10.0, 1.0])
    assert low.tolist() == [0.0, 0.0]
    assert high[0] == pytest.approx(0.369, abs=0.01)  # exact: -ln(0.025) / 10
    assert high[0] * 10 == pytest.approx(high[1])


def test_differences_of_counts_and_means() -> None:
    assert difference_of_counts(60, 40) == pytest.approx((0.4004, 39.5996), abs=1e-4)
    assert difference_of_means(3.0, 0.04, 2.0, 0.05) == pytest.approx((0.4120, 1.5880), abs=1e-4)


def test_resampled_shares_are_binomial() -> None:
    """The share of ones in a resample is Binomial(n, p) / n, whatever else is resampled with it."""
    cases = np.array([[n < 30, n < 120] for n in range(150)], float)
    low, high = bootstrap_of_means(cases, np.random.default_rng(0))
    wanted = binom.ppf([[0.025], [0.975]], 150, [30 / 150, 120 / 150]) / 150
    assert np.array([low, high]) == pytest.approx(wanted, abs=1.01 / 150)


def test_means_of_measures_lie_in_their_resampled_interval() -> None:
    """Simulated, seed 5: 300 times 100 queries whose measures are Beta(2, 1) and Beta(1, 4)."""
    rng = np.random.default_rng(5)
    held = np.zeros(2)
    for _ in range(300):
        values = np.column_stack([rng.beta(2, 1, 100), rng.beta(1, 4, 100)])
        low, high = bootstrap_of_means(values, rng)
        held += (low <= [2 / 3, 1 / 5]) & (high >= [2 / 3, 1 / 5])
    assert np.all(held / 300 >= 0.91)
    assert np.all(held / 300 <= 0.98)
