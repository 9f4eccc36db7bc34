"""What was learned, when it is asked for: days weighted, contexts pooled, weights within bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.methods.bandits.evidence import pooled, weighted_sum
from desirepath.methods.bandits.exploration import effective_exploration
from desirepath.methods.bandits.forgetting import day_weights
from desirepath.methods.bandits.weights import uniform, weights_of

# Days


@given(
    days=st.lists(st.integers(19_000, 21_000), unique=True, min_size=1, max_size=20),
    seed=st.integers(0, 99),
    decay_factor=st.floats(0.9, 1.0),
    window_days=st.integers(1, 3650),
    memory_lists=st.sampled_from([10.0, 1000.0, math.inf]),
)
def test_a_day_weighs_by_its_age_and_by_what_came_after(
    days: list[int], seed: int, decay_factor: float, window_days: int, memory_lists: float
) -> None:
    lists = np.random.default_rng(seed).integers(0, 500, len(days)).tolist()
    weights = day_weights(
        days,
        lists,
        20_000,
        decay_factor=decay_factor,
        window_days=window_days,
        memory_lists=memory_lists,
    )
    for day, weight in zip(days, weights.tolist(), strict=True):
        age = max(20_000 - day, 0)
        later = sum(n for other, n in zip(days, lists, strict=True) if other > day)
        expected = decay_factor**age * math.exp(-later / memory_lists)
        assert weight == pytest.approx(expected if age <= window_days else 0.0, rel=1e-9)
        assert 0.0 <= weight <= 1.0


def test_no_days_have_no_weights() -> None:
    assert day_weights([], [], 1, decay_factor=0.9, window_days=1).tolist() == []


@given(n=st.integers(1, 400))
def test_what_is_remembered_is_bounded_by_the_memory(n: int) -> None:
    """However many days of a hundred lists: about a memory's worth counts in all."""
    weights = day_weights(range(n), [100] * n, n, decay_factor=1.0, window_days=3650)
    assert 100 * weights.sum() <= 1000 + 100


# Pooling


def test_days_are_added_with_their_weights() -> None:
    days = [(1.0, np.array([2, 10, 4])), (0.25, np.array([4, 8])), (0.0, np.array([9, 9, 9, 9]))]
    assert weighted_sum(days).tolist() == [3.0, 12.0, 4.0, 0.0]


@given(numbers=st.lists(st.tuples(st.floats(0, 500), st.floats(-9, 9)), min_size=1, max_size=4))
def test_pooling_is_the_rule_that_it_says(numbers: list[tuple[float, float]]) -> None:
    n, value = 0.0, 0.0
    for more_n, more_value in numbers:
        share = min(1.0, 30.0 / n) if n > 0 and more_n > 0 else 1.0
        n, value = share * n + more_n, share * value + more_value
    assert pooled([np.array(context) for context in numbers]) == pytest.approx([n, value])


def test_an_empty_context_changes_nothing() -> None:
    of_all = np.array([500.0, 7.0])
    assert pooled([of_all, np.zeros(1)]).tolist() == [500.0, 7.0]
    assert pooled([np.zeros(1), of_all]).tolist() == [500.0, 7.0]
    assert pooled([]).tolist() == [0.0]


def test_wider_contexts_count_for_thirty_lists_beside_a_narrower_one() -> None:
    of_all, of_segment, of_person = (np.array([n, n * y]) for n, y in [(600, 1), (90, 2), (6, 3)])
    # 600 → 30, + 90 = 120 → 30, + 6
    assert pooled([of_all, of_segment, of_person]).tolist() == pytest.approx(
        [30 + 6, (30 * 1 + 90 * 2) / 120 * 30 + 6 * 3]
    )


# Exploration


@pytest.mark.parametrize(
    ("n", "expected"),
    [(0, 2.0), (1, 1.8), (10, 2.0 * 0.9**10), (100, 0.1), (10**6, 0.1)],
)
def test_exploration_falls_with_experience_to_its_floor(n: int, expected: float) -> None:
    assert effective_exploration(n, bonus=2.0, decay=0.9, floor=0.1) == pytest.approx(expected)


# Weights

EFFECTS = st.lists(st.floats(-10, 10), min_size=1, max_size=10).map(np.array)


@st.composite
def bounded(draw: st.DrawFn) -> tuple[np.ndarray, tuple[float, float]]:
    effects = draw(EFFECTS)
    least = draw(st.floats(0.0, 1.0 / len(effects)))
    most = draw(st.floats(1.0 / len(effects), 1.0))
    return effects, (least, most)


@given(effects=EFFECTS)
def test_weights_are_proportional_to_what_is_above_zero(effects: np.ndarray) -> None:
    weights = weights_of(effects)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    positive = np.maximum(effects, 0.0)
    if positive.sum() > 0:
        assert weights * positive.sum() == pytest.approx(positive, rel=1e-9)
    else:
        assert weights.tolist() == uniform(len(effects)).tolist()


@given(case=bounded())
def test_bounded_weights_sum_to_one_within_their_bounds(
    case: tuple[np.ndarray, tuple[float, float]],
) -> None:
    effects, (least, most) = case
    weights = weights_of(effects, (least, most))
    assert weights.sum() == pytest.approx(1.0, abs=1e-9)
    assert weights.min() >= least
    assert weights.max() <= most


@given(case=bounded(), seed=st.integers(0, 99))
def test_no_weights_within_the_bounds_are_nearer(
    case: tuple[np.ndarray, tuple[float, float]], seed: int
) -> None:
    effects, bounds = case
    free, weights = weights_of(effects), weights_of(effects, bounds)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        other = weights_of(rng.random(len(effects)) ** 3, bounds)
        assert np.square(weights - free).sum() <= np.square(other - free).sum() + 1e-9


def test_bounds_that_hold_already_change_nothing() -> None:
    assert weights_of(np.array([3.0, 1.0]), (0.05, 0.95)) == pytest.approx([0.75, 0.25])
