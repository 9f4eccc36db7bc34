"""nDCG by hand: discount 1 / log2(rank + 1), as in Burges et al. (2005), for both gains.

The grades are those of Järvelin & Kekäläinen (2002), section 2.2: 3, 2, 3, 0, 0, 1, 2, 2, 3, 0.
Their own discount leaves rank 2 whole, so that their figures are others.
"""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from desirepath.methods.ranking.metrics import Empty, Gain, ndcg, ranks_of, reciprocal_ranks

GRADES = np.array([3, 2, 3, 0, 0, 1, 2, 2, 3, 0])
AS_THEY_STAND = np.arange(10, 0, -1)
TEN = np.array([10])


def test_linear_gain_at_5() -> None:
    found = 3 / log2(2) + 2 / log2(3) + 3 / log2(4) + 0 / log2(5) + 0 / log2(6)
    best = 3 / log2(2) + 3 / log2(3) + 3 / log2(4) + 2 / log2(5) + 2 / log2(6)
    assert ndcg(AS_THEY_STAND, GRADES, TEN, k=5, gain=Gain.LINEAR) == pytest.approx(found / best)


def test_exponential_gain_at_10() -> None:
    found = (
        7 / log2(2)
        + 3 / log2(3)
        + 7 / log2(4)
        + 1 / log2(7)
        + 3 / log2(8)
        + 3 / log2(9)
        + 7 / log2(10)
    )
    best = (
        7 / log2(2)
        + 7 / log2(3)
        + 7 / log2(4)
        + 3 / log2(5)
        + 3 / log2(6)
        + 3 / log2(7)
        + 1 / log2(8)
    )
    assert ndcg(AS_THEY_STAND, GRADES, TEN) == pytest.approx(found / best)


def test_a_list_is_measured_by_itself() -> None:
    """Second of two: 1/log2(3) of a best 1; then the first of three."""
    scores = [2.0, 1.0, 0.1, 0.9, 0.5]
    grades = np.array([0, 1, 0, 1, 0])
    assert ndcg(scores, grades, np.array([2, 3])) == pytest.approx([1 / log2(3), 1.0])
    assert reciprocal_ranks(scores, grades, np.array([2, 3])) == pytest.approx([1 / 2, 1.0])


def test_lists_without_a_positive_grade_are_skipped_or_count_as_1() -> None:
    grades, groups = np.array([0, 0, 1]), np.array([2, 1])
    assert ndcg([1, 2, 3], grades, groups) == pytest.approx([np.nan, 1.0], nan_ok=True)
    assert ndcg([1, 2, 3], grades, groups, empty=Empty.ONE) == pytest.approx([1.0, 1.0])
    assert np.isnan(reciprocal_ranks([1, 2, 3], grades, groups)[0])


def test_what_stands_below_the_cutoff_counts_nothing() -> None:
    grades, groups = np.array([0, 0, 1]), np.array([3])
    assert ndcg([3, 2, 1], grades, groups, k=2) == pytest.approx([0.0])


def test_equal_scores_stay_in_order_and_nan_stands_last() -> None:
    assert ranks_of([1.0, 1.0, np.nan, 5.0, 2.0, 2.0], np.array([4, 2])).tolist() == [
        2,
        3,
        4,
        1,
        1,
        2,
    ]
