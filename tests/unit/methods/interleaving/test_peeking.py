"""Looking after every session: how often it deceives, and that a winner is found.

The long forms are in tests/torture/test_interleaving.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import beta

from desirepath.methods.interleaving.split import split_differences
from desirepath.methods.levels import FloatArray
from tests.interleaved_shop import Traffic, alarms, decided_at, make_rankings

_RUNS = 500


def _fractions(rng: np.random.Generator, n: int) -> FloatArray:
    return np.asarray(rng.uniform(-1, 1, (_RUNS, n)))


def _signs(rng: np.random.Generator, n: int) -> FloatArray:
    return np.asarray(rng.choice([-1.0, 0.0, 1.0], (_RUNS, n), p=[0.2, 0.6, 0.2]))


def _skewed(rng: np.random.Generator, n: int) -> FloatArray:
    return np.where(rng.random((_RUNS, n)) < 0.9, 0.1, -0.9)


def _split(rng: np.random.Generator, n: int) -> FloatArray:
    rewards = (rng.random((_RUNS, n)) < 0.1).astype(np.float64)
    return split_differences(rewards, rng.random((_RUNS, n)) < 0.3, 0.3)


@pytest.mark.parametrize("draw", [_fractions, _signs, _skewed, _split])
def test_two_that_are_alike_seldom_alarm_however_often_one_looks(
    draw: Callable[[np.random.Generator, int], FloatArray], figure: Callable[[str], None]
) -> None:
    """A simulation of 500 runs of 1,000 values, looked at after each one; seed 11."""
    told, naive = alarms(draw(np.random.default_rng(11), 1_000))
    figure(_said(told, naive))
    assert _highest(told) <= 0.05
    assert naive > 100  # what looking does to a test that is not made for it


def test_shoppers_of_two_that_are_alike_seldom_alarm(figure: Callable[[str], None]) -> None:
    """A simulation of 500 runs of 100 sessions, looked at after each one; seeds 0 to 499."""
    rankings = make_rankings(0, better=1.0)
    runs = np.array([Traffic(seed).credits(rankings, 100, exchanged=True) for seed in range(_RUNS)])
    told, naive = alarms(runs)
    figure(_said(told, naive))
    assert _highest(told) <= 0.05


def test_a_clear_winner_is_found_by_few_sessions(figure: Callable[[str], None]) -> None:
    """A simulation of 20 runs, the challenger's nDCG@10 being 20 % better; seeds 0 to 19."""
    found = [
        decided_at(Traffic(seed).credits(make_rankings(seed, better=1.2), 1_500))
        for seed in range(20)
    ]
    when = [n for n, is_challenger in found if n is not None and is_challenger]
    figure(f"{len(when)} of 20 found it, by {np.median(when):,.0f} sessions (median)")
    assert len(when) == 20


def _said(told: int, naive: int) -> str:
    return (
        f"{told} of {_RUNS} runs alarmed, the rate is {_highest(told):.1%} at most (99 %); of a "
        f"z-test {naive}"
    )


def _highest(told: int) -> float:
    return float(beta.ppf(0.99, told + 1, _RUNS - told))
