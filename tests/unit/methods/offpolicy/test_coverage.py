"""How often the 95% intervals hold the true value, in simulated logs of 500 lists."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import beta

from desirepath.methods.offpolicy.base import FloatArray, Terms, ratios
from desirepath.methods.offpolicy.estimators import doubly_robust, ips
from desirepath.methods.offpolicy.verdict import compare
from tests.unit.methods.offpolicy.worlds import N_POLICIES, World

N_LISTS = 500
SEED = 20


@pytest.mark.parametrize(
    "repetitions", [20, pytest.param(2_000, marks=[pytest.mark.torture, pytest.mark.timeout(7200)])]
)
def test_intervals_hold_the_truth(repetitions: int, figure: Callable[[str], None]) -> None:
    world = World(SEED)
    rng = np.random.default_rng(SEED)
    held: dict[str, FloatArray] = {}
    errors: dict[str, FloatArray] = {}
    for _ in range(repetitions):
        rewards, by_target = world.log(N_LISTS, rng)
        for target, of_estimator in enumerate(by_target):
            truth = world.values[target]
            for name, terms in of_estimator.items():
                found = compare(terms, rewards, np.arange(N_LISTS), rng)
                held.setdefault(name, np.zeros(N_POLICIES))[target] += (
                    found.lower <= truth <= found.upper
                )
                errors.setdefault(name, np.zeros(N_POLICIES))[target] += (found.value - truth) ** 2
    for name, counts in held.items():
        rates = counts / repetitions
        error = np.sqrt(errors[name] / repetitions).mean()
        figure(
            f"{name}: {repetitions} repetitions, seed {SEED}, coverage {rates.min():.3f} to"
            f" {rates.max():.3f}, root mean squared error {error:.4f}"
        )
        lower, upper = _binomial(counts, repetitions)
        assert (upper >= 0.93).all(), name
        assert (lower <= 0.97).all(), name


def test_doubly_robust_varies_less_than_ips_by_a_good_model() -> None:
    """By enumeration, as a few simulated logs are too few to tell for each policy.

    The noise of clicks is weighed alike by both, so what differs is the variance over lists.
    """
    world = World(SEED)
    expected = world.clicks.sum(axis=1)
    model = 0.8 * expected
    for target in world.targets:
        weights = ratios(target, world.logging)
        plain = ips(weights, expected)
        robust = doubly_robust(weights, expected, model, np.full(len(model), target @ model))
        assert _variance(robust, world.logging) < _variance(plain, world.logging)


def _variance(terms: Terms, chances: FloatArray) -> float:
    mean = chances @ terms.numerators
    return float(chances @ np.square(terms.numerators - mean))


def _binomial(counts: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Clopper-Pearson at 99%, shared out over the policies."""
    tail = 0.01 / N_POLICIES / 2
    lower = np.where(counts > 0, beta.ppf(tail, counts, n - counts + 1), 0.0)
    upper = np.where(counts < n, beta.ppf(1 - tail, counts + 1, n - counts), 1.0)
    return lower, upper
