"""Maximal marginal relevance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.methods.mmr import cosines, mmr, shared_values

RELEVANCE = np.array([0.9, 1.0, 0.2, 0.6, 0.95])
VECTORS = np.array([[1.0, 0.1], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.99, 0.05]])


def test_only_relevance_is_the_order_of_relevance() -> None:
    rows, scores = mmr(RELEVANCE, cosines(VECTORS), 1.0, 5)
    assert rows == [1, 4, 0, 3, 2]
    assert scores == [1.0, 0.95, 0.9, 0.6, 0.2]


def test_only_variety_takes_the_least_like_those_before() -> None:
    rows, _ = mmr(RELEVANCE, cosines(VECTORS), 0.0, 3)
    assert rows[0] == 0  # all are as unlike nothing
    assert rows[1] == 2  # the opposite
    assert rows[2] == 3  # orthogonal


def test_a_twin_comes_after_something_else() -> None:
    rows, _ = mmr(RELEVANCE, cosines(VECTORS), 0.5, 3)
    assert rows[:2] == [1, 3]


def test_the_most_and_nothing() -> None:
    assert (
        mmr(RELEVANCE, cosines(VECTORS), 0.7, 2)[0]
        == mmr(RELEVANCE, cosines(VECTORS), 0.7, 9)[0][:2]
    )
    assert mmr(np.array([]), cosines(np.zeros((0, 2))), 0.7, 3) == ([], [])


def test_rows_of_zeros_are_like_no_other() -> None:
    likeness = cosines(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]))
    assert likeness(0).tolist() == [0.0, 0.0, 0.0]
    assert likeness(1).tolist() == [0.0, 1.0, 0.0]


def test_what_is_missing_equals_nothing() -> None:
    likeness = shared_values(np.array([[0, -1], [0, -1], [1, 2]]))
    assert likeness(0).tolist() == [0.5, 0.5, 0.0]


@given(
    vectors=st.lists(
        st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3), min_size=1, max_size=8
    ),
    trade_off=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    seed=st.integers(0, 2**16),
)
def test_every_row_is_chosen_once_and_each_is_the_best_left(
    vectors: list[list[float]], trade_off: float, seed: int
) -> None:
    relevance = np.random.default_rng(seed).random(len(vectors))
    likeness = cosines(np.array(vectors))
    rows, scores = mmr(relevance, likeness, trade_off, len(vectors))
    assert sorted(rows) == list(range(len(vectors)))

    def value(row: int, before: list[int]) -> float:
        nearest = max((likeness(other)[row] for other in before), default=0.0)
        return float(trade_off * relevance[row] - (1 - trade_off) * nearest)

    for place, (row, score) in enumerate(zip(rows, scores, strict=True)):
        values = [value(other, rows[:place]) for other in rows[place:]]
        assert score == pytest.approx(value(row, rows[:place]), abs=1e-12)
        assert score == pytest.approx(max(values), abs=1e-12)
