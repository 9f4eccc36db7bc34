"""Scores between a list's smallest and largest, as 16-bit integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.methods.levels import SCALE, normalize

FINITE = st.floats(allow_nan=False, allow_infinity=False)
LISTS = st.lists(FINITE, min_size=1, max_size=30)


@given(scores=LISTS)
def test_the_best_has_the_full_level_and_the_worst_of_unequal_ones_none(
    scores: list[float],
) -> None:
    levels, minimum, maximum = normalize(np.array(scores))
    assert (minimum, maximum) == (min(scores), max(scores))
    assert int(levels[np.argmax(scores)]) == SCALE
    if minimum < maximum:
        assert int(levels[np.argmin(scores)]) == 0


@given(scores=LISTS)
def test_a_better_score_never_has_a_lower_level(scores: list[float]) -> None:
    ascending = np.sort(np.array(scores))
    levels = normalize(ascending).levels.astype(int)
    assert (np.diff(levels) >= 0).all()


@given(scores=st.lists(st.integers(-10_000, 10_000), min_size=2, max_size=30))
def test_levels_are_the_nearest_to_the_exact_share(scores: list[int]) -> None:
    levels = normalize(np.array(scores, dtype=float)).levels.astype(int)
    width = max(scores) - min(scores)
    for score, level in zip(scores, levels.tolist(), strict=True):
        exact = SCALE * (score - min(scores)) / width if width else SCALE
        assert abs(level - exact) <= 0.5 + 1e-9


@given(score=FINITE, n=st.integers(1, 5))
def test_equal_scores_are_all_as_good_as_the_best(score: float, n: int) -> None:
    assert normalize(np.full(n, score)).levels.tolist() == [SCALE] * n


@pytest.mark.parametrize(
    "scores",
    [
        [1.7e308, 0.0, -1.7e308],  # their difference is not finite
        [1e-323, 5e-324, 0.0],  # the smallest there are
        [2e-308, 1e-308, 0.0],
        [1e15 + 2, 1e15 + 1, 1e15],
    ],
)
def test_huge_and_tiny_scores(scores: list[float]) -> None:
    assert normalize(np.array(scores)).levels.tolist() == [SCALE, 32768, 0]
