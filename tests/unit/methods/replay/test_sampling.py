"""Which sessions are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.benchmark import SampleStrategy
from desirepath.methods.levels import IntArray
from desirepath.methods.replay.sampling import sample


def drawn(
    strategy: SampleStrategy, most: int, ended_at: IntArray, strata: IntArray, seed: int = 0
) -> list[int]:
    found: list[int] = sample(
        strategy, most, ended_at, strata, np.random.default_rng(seed)
    ).tolist()
    return found


@given(
    strategy=st.sampled_from(SampleStrategy),
    most=st.integers(10, 60),
    strata=st.lists(st.integers(0, 2), min_size=1, max_size=100),
    seed=st.integers(0, 5),
)
def test_as_many_as_wanted_are_drawn_once_each(
    strategy: SampleStrategy, most: int, strata: list[int], seed: int
) -> None:
    n = len(strata)
    found = drawn(strategy, most, np.arange(n)[::-1], np.array(strata), seed)
    assert len(found) == len(set(found)) == min(n, most)
    assert found == sorted(found)
    assert set(found) <= set(range(n))


@given(
    most=st.integers(10, 60),
    strata=st.lists(st.integers(0, 2), min_size=61, max_size=200),
)
def test_a_stratum_has_its_share_but_at_least_one(most: int, strata: list[int]) -> None:
    codes = np.array(strata)
    found = codes[drawn(SampleStrategy.STRATIFIED, most, codes, codes)]
    for stratum in set(strata):
        exact = most * strata.count(stratum) / len(strata)
        n = int((found == stratum).sum())
        assert n >= 1
        # Others that are rounded up to one take at most two from it.
        assert exact - 3 < n < max(exact + 1, 1.0 + 1e-9)


def test_recent_ones_are_those_that_ended_last() -> None:
    ended_at = np.array([5, 50, 7, 40, 30])
    assert drawn(SampleStrategy.RECENT, 3, ended_at, np.zeros(5, np.int64)) == [1, 3, 4]


def test_the_seed_decides() -> None:
    ended_at = np.arange(100)
    strata = ended_at % 3
    for strategy in (SampleStrategy.RANDOM, SampleStrategy.STRATIFIED):
        first, again, other = (drawn(strategy, 20, ended_at, strata, seed) for seed in (1, 1, 2))
        assert first == again
        assert first != other


def test_a_random_draw_prefers_nobody() -> None:
    """Over 4,000 draws of 10 from 40, each is drawn in a quarter: 1,000 ± 5 errors of 27."""
    counts = np.zeros(40)
    for seed in range(4_000):
        counts[drawn(SampleStrategy.RANDOM, 10, np.arange(40), np.zeros(40, np.int64), seed)] += 1
    assert counts == pytest.approx(np.full(40, 1_000.0), abs=5 * 27.4)
