"""How good recommendations are: by hand, and whether an interval holds what it should."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.ranking.metrics import ndcg_of_found
from desirepath.methods.recommending.evaluating import compare, ranked


def test_ranked_leaves_out_and_breaks_ties_by_number() -> None:
    scores = np.array([1.0, 5.0, 1.0, 1.0, 0.0])
    assert ranked(scores, np.array([1]), 3).tolist() == [0, 2, 3]
    assert ranked(scores, np.array([], dtype=int), 1).tolist() == [1]
    assert ranked(scores, np.arange(5), 3).tolist() == []
    assert ranked(scores, np.array([0]), 99).tolist() == [1, 2, 3, 4]
    assert scores.tolist() == [1.0, 5.0, 1.0, 1.0, 0.0]  # untouched


def test_ndcg_by_hand() -> None:
    found = np.array([7, 4, 9, 5])
    # Hits at ranks 2 and 4 of three relevant ones.
    expected = (1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3) + 1 / np.log2(4))
    assert ndcg_of_found(found, np.array([4, 5, 100])) == pytest.approx(expected)
    assert ndcg_of_found(found, np.array([1])) == 0.0
    assert ndcg_of_found(np.arange(10), np.arange(50)) == pytest.approx(1.0)
    assert ndcg_of_found(np.arange(20), np.array([10])) == 0.0  # below the cutoff
    assert ndcg_of_found(np.array([], dtype=int), np.array([3])) == 0.0


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(300):
        common = rng.random(80)
        first = common + rng.normal(0.1, 0.5, 80)
        found = compare(first, common, rng)
        held += found.low <= 0.1 <= found.high
    assert 0.90 <= held / 300 <= 0.985


def test_verdicts() -> None:
    rng = np.random.default_rng(1)
    base = rng.random(200)
    assert compare(base + 0.1, base, rng).verdict == "better"
    assert compare(base - 0.1, base, rng).verdict == "worse"
    assert compare(base + rng.normal(0, 1, 200), base, rng).verdict == "cannot tell"
    alike = compare([0.5], [0.5], rng)
    assert (alike.n, alike.difference, alike.verdict) == (1, 0.0, "cannot tell")
