"""Splits, baselines, intervals and importances."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from desirepath.errors import InvalidSetting
from desirepath.methods.ranking.baselines import Baseline, baseline_scores, random_scores
from desirepath.methods.ranking.comparing import mean_of_lists
from desirepath.methods.ranking.importance import importances
from desirepath.methods.ranking.list_auc import list_auc
from desirepath.methods.ranking.matrix import FloatArray, Matrix
from desirepath.methods.ranking.metrics import ndcg
from desirepath.methods.ranking.splitting import split_by_time
from tests.unit.methods.ranking.made_lists import made_lists


def test_no_list_is_on_both_sides_of_a_split() -> None:
    matrix = made_lists(100, seed=1)
    earlier, later = split_by_time(matrix, 0.2)
    assert (earlier.n_lists, later.n_lists) == (80, 20)
    assert earlier.list_ids is not None
    assert later.list_ids is not None
    assert not set(earlier.list_ids) & set(later.list_ids)
    assert earlier.times.max() < later.times.min()


def test_lists_of_one_moment_stay_together() -> None:
    matrix = made_lists(10, seed=1)
    tied = replace(matrix, times=np.array([0, 1, 2, 3, 4, 5, 6, 6, 6, 7]))
    earlier, later = split_by_time(tied, 0.2)
    assert (earlier.n_lists, later.n_lists) == (6, 4)
    same = replace(matrix, times=np.zeros(10, np.int64))
    assert split_by_time(same, 0.2)[0].n_lists == 0
    for share in (0.0, 1.0, float("nan")):
        with pytest.raises(InvalidSetting):
            split_by_time(matrix, share)


def two_lists(documents: list[str], grades: list[int]) -> Matrix:
    n = len(documents)
    return Matrix(
        names=("one",),
        values=np.zeros((n, 1), np.float32),
        grades=np.array(grades),
        groups=np.array([n // 2, n - n // 2]),
        positions=np.array([*range(n // 2), *range(n - n // 2)], np.int32),
        times=np.array([1, 2]),
        document_ids=np.array(documents, object),
    )


def test_baselines_count_what_was_learned_from_only() -> None:
    earlier = two_lists(["a", "b", "a", "b"], [1, 0, 1, 0])
    later = two_lists(["b", "a", "new", "a"], [1, 1, 1, 1])
    ctr = baseline_scores(Baseline.ITEM_CTR, earlier, later)
    assert ctr is not None
    assert ctr.tolist() == pytest.approx([1 / 7, 3 / 7, 1 / 5, 3 / 7])
    popularity = baseline_scores(Baseline.POPULARITY, earlier, later)
    assert popularity is not None
    assert popularity.tolist() == [0, 2, 0, 2]
    shown = baseline_scores(Baseline.SHOWN, earlier, later)
    assert shown is not None
    assert shown.tolist() == [0, -1, 0, -1]


def test_baselines_that_cannot_be_worked_out_are_none() -> None:
    known = two_lists(["a", "b", "a", "b"], [1, 0, 1, 0])
    bare = replace(known, document_ids=None, positions=np.full(4, -1, np.int32))
    for baseline in (Baseline.SHOWN, Baseline.POPULARITY, Baseline.ITEM_CTR):
        assert baseline_scores(baseline, known, bare) is None


def test_chance_is_drawn_anew_each_round_and_the_same_by_seed() -> None:
    matrix = made_lists(5, seed=1)
    one = random_scores(matrix, seed=1, round=0)
    assert np.array_equal(one, random_scores(matrix, seed=1, round=0))
    assert not np.array_equal(one, random_scores(matrix, seed=1, round=1))


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    """400 samples of 80 skewed numbers whose mean is 1; 95 % ± 4 percentage points. Seed 6."""
    rng = np.random.default_rng(6)
    held = 0
    for seed in range(400):
        found = mean_of_lists(rng.exponential(size=80), seed=seed)
        held += found.low < 1 < found.high
    assert 0.91 <= held / 400 <= 0.99


def test_a_mean_leaves_out_what_counts_for_nothing() -> None:
    found = mean_of_lists(np.array([1.0, np.nan, 3.0]), seed=0)
    assert (found.mean, found.of) == (2.0, 2)
    assert found.is_above_zero
    assert np.isnan(mean_of_lists(np.array([np.nan]), seed=0).mean)


def test_a_feature_that_the_order_rests_on_is_the_most_important() -> None:
    matrix = made_lists(200, seed=2)

    def by_taste(values: NDArray[np.floating[object]]) -> FloatArray:  # type: ignore[type-var]
        return np.nan_to_num(values[:, 0].astype(np.float64))

    def measure(scores: FloatArray, lists: Matrix) -> FloatArray:
        return ndcg(scores, lists.grades, lists.groups)

    gains = np.array([3.0, 1.0, 0.0, 0.0])
    found = importances(by_taste, gains, matrix, measure, seed=1)
    assert found[0].feature == "taste"
    assert found[0].gain_share == 0.75
    assert found[0].loss is not None
    assert found[0].loss.is_above_zero
    others = {one.feature: one.loss for one in found[1:]}
    assert others["price"] is not None
    assert others["price"].mean == pytest.approx(0, abs=1e-12)
    assert others["lie"] is None
    assert found[0].coverage == pytest.approx(0.98, abs=0.01)


def test_auc_within_lists_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(4)
    groups = rng.integers(1, 8, 200)
    n = int(groups.sum())
    values = np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 4, n).astype(float))
    clicked = rng.random(n) < 0.4
    found = list_auc(values, clicked, groups)
    for start, size, auc in zip(np.cumsum(groups) - groups, groups, found, strict=True):
        rows = range(start, start + size)
        worths = [
            0.5
            if np.isnan([values[a], values[b]]).any() or values[a] == values[b]
            else float(values[a] > values[b])
            for a in rows
            for b in rows
            if clicked[a] and not clicked[b]
        ]
        assert (auc == pytest.approx(np.mean(worths))) if worths else np.isnan(auc)
    reverse = list_auc(-values, clicked, groups)
    assert reverse == pytest.approx(1 - found, nan_ok=True)
    assert list_auc(np.zeros(0), np.zeros(0, bool), np.zeros(0, np.int64)).shape == (0,)
