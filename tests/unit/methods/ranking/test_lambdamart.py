"""A ranker finds what people like, the same each time, and does not take looking for liking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from msgspec.structs import replace

from desirepath.errors import InvalidFile, InvalidInput, InvalidSetting, NotEnoughData
from desirepath.methods.ranking.lambdamart import LEAST_LISTS, LambdaMART, Ranker, telling_lists
from desirepath.methods.ranking.matrix import Matrix
from desirepath.methods.ranking.metrics import Gain, ndcg
from desirepath.methods.ranking.trees import TreeSettings
from tests.unit.methods.ranking.made_lists import made_lists

FEW = TreeSettings(trees=60, learning_rate=0.1, threads=1)


def mean_ndcg(ranker: Ranker, matrix: Matrix) -> float:
    found = ndcg(ranker.scores(matrix.values), matrix.grades, matrix.groups)
    return float(np.nanmean(found))


def test_it_finds_what_people_like() -> None:
    fitted = LambdaMART(trees=FEW).fit(made_lists(600, seed=1))
    later = made_lists(400, seed=2)
    of_truth = later.column("taste") * 1.5 + later.column("price") * 0.7
    best = np.nanmean(ndcg(np.nan_to_num(of_truth), later.grades, later.groups))
    by_chance = np.nanmean(ndcg(later.column("noise"), later.grades, later.groups))
    found = mean_ndcg(fitted.ranker, later)
    assert found > by_chance + 0.8 * (best - by_chance)
    gains = fitted.ranker.trees.gains()
    assert gains.argmax() == 0
    assert gains[0] > gains[1] > gains[2]


def test_the_same_seed_gives_the_same_trees_on_any_number_of_threads() -> None:
    matrix = made_lists(200, seed=3)
    one = LambdaMART(trees=FEW).fit(matrix).ranker
    again = LambdaMART(trees=replace(FEW, threads=2)).fit(matrix).ranker
    other = LambdaMART(trees=replace(FEW, seed=7)).fit(matrix).ranker
    assert np.array_equal(one.scores(matrix.values), again.scores(matrix.values))
    assert not np.array_equal(one.scores(matrix.values), other.scores(matrix.values))


def test_where_people_look_is_not_taken_for_what_they_like() -> None:
    """All lists stood in the order of a feature that nobody cares about, and people look down less.

    Measured where everything is looked at, in lists by chance.
    """
    shown = made_lists(1_500, seed=4, looks_down=1.0, shown_by_lie=True)
    fair = made_lists(800, seed=5)
    plain = LambdaMART(trees=FEW, is_position_debiased=False).fit(shown)
    debiased = LambdaMART(trees=FEW).fit(shown)
    assert (plain.is_position_debiased, debiased.is_position_debiased) == (False, True)
    assert mean_ndcg(debiased.ranker, fair) > mean_ndcg(plain.ranker, fair) + 0.02


def test_growing_stops_early_where_lists_can_be_spared_for_it() -> None:
    patient = TreeSettings(trees=400, learning_rate=0.3, patience=5, threads=1)
    fitted = LambdaMART(trees=patient).fit(made_lists(1_000, seed=6))
    assert fitted.is_stopped_early
    assert fitted.n_trees < 400
    assert fitted.ranker.trees.n_trees == fitted.n_trees
    few = LambdaMART(trees=FEW).fit(made_lists(100, seed=6))
    assert not few.is_stopped_early
    assert few.n_trees == FEW.trees


def test_unknown_positions_are_not_corrected_for() -> None:
    matrix = made_lists(100, seed=7)
    unknown = replace(matrix, positions=np.full(matrix.n_rows, -1, np.int32))
    assert not LambdaMART(trees=FEW).fit(unknown).is_position_debiased


def test_gain_decides_what_a_grade_is_worth() -> None:
    matrix = made_lists(150, seed=8)
    graded = replace(matrix, grades=matrix.grades * 3)
    linear = LambdaMART(trees=FEW, gain=Gain.LINEAR).fit(graded).ranker.scores(matrix.values)
    steep = LambdaMART(trees=FEW, gain=Gain.EXPONENTIAL).fit(graded).ranker.scores(matrix.values)
    assert np.isfinite(linear).all()
    assert np.isfinite(steep).all()


def test_a_ranker_is_read_back_from_its_text() -> None:
    matrix = made_lists(100, seed=9)
    ranker = LambdaMART(trees=FEW).fit(matrix).ranker
    again = Ranker(ranker.text)
    assert again.n_features == 4
    assert np.array_equal(again.scores(matrix.values), ranker.scores(matrix.values))
    assert again.scores(matrix.values[:0]).shape == (0,)


def test_threads_may_ask_at_once() -> None:
    matrix = made_lists(100, seed=10)
    ranker = LambdaMART(trees=FEW).fit(matrix).ranker
    lists = np.split(matrix.values, 100)
    alone = [ranker.scores(one) for one in lists]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            together = list(pool.map(ranker.scores, lists))
            assert all(map(np.array_equal, alone, together))


def test_a_model_of_other_features_is_refused() -> None:
    matrix = made_lists(100, seed=11)
    ranker = LambdaMART(trees=FEW).fit(matrix).ranker
    with pytest.raises(InvalidInput, match="4 features"):
        ranker.scores(matrix.values[:, :3])
    with pytest.raises(InvalidFile):
        Ranker("no trees")
    with pytest.raises(InvalidFile):
        Ranker("tree\nversion=v4\n")


def test_too_few_lists_are_refused_with_the_amount() -> None:
    """Lists in which all is clicked, or nothing, say nothing."""
    matrix = made_lists(120, seed=12)
    grades = matrix.grades.reshape(-1, 10).copy()
    grades[:, :] = 0
    grades[:30, 0] = 1
    grades[30:60] = 1
    dull = replace(matrix, grades=grades.ravel())
    assert telling_lists(dull).n_lists == 30
    with pytest.raises(NotEnoughData, match="50 needed, 30 found") as caught:
        LambdaMART(trees=FEW).fit(dull)
    assert (caught.value.needed, caught.value.found) == (LEAST_LISTS, 30)
    with pytest.raises(NotEnoughData, match="0 found"):
        LambdaMART(trees=FEW).fit(matrix.part(np.zeros(120, bool)))


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"leaves": 1}, {"learning_rate": 0.0}, {"l2": -1.0}, {"rows_share": 1.5}):
        with pytest.raises(InvalidSetting, match=next(iter(wrong))):
            LambdaMART(trees=replace(FEW, **wrong)).fit(made_lists(60, seed=1))
