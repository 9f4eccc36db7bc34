"""Chances of a click are as often right as they say."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.metrics import roc_auc_score

from desirepath.errors import NotEnoughData
from desirepath.methods.ranking.calibration import (
    Calibration,
    calibrate,
    log_loss,
    reliability,
)
from desirepath.methods.ranking.click_measures import (
    mean_of_rows,
    measure_clicks,
)
from desirepath.methods.ranking.click_probability import ClickProbability
from desirepath.methods.ranking.click_rates import ClickRate, click_rates
from desirepath.methods.ranking.matrix import BoolArray, FloatArray
from desirepath.methods.ranking.trees import TreeSettings
from tests.unit.methods.ranking.made_lists import made_lists

FEW = TreeSettings(trees=100, learning_rate=0.1, threads=1)


def error_of(chances: FloatArray, clicked: BoolArray) -> float:
    rows = np.arange(len(chances))
    return measure_clicks(chances, clicked, rows, seed=1).calibration_error.mean


def test_probabilities_are_calibrated_and_better_than_rates_of_positions() -> None:
    matrix = made_lists(1_500, seed=1, looks_down=0.5)
    later = made_lists(1_000, seed=2, looks_down=0.5)
    fitted = ClickProbability(trees=FEW).fit(matrix)
    clicked = later.grades > 0
    found = fitted.probabilities(later.values)
    assert ((found > 0) & (found < 1)).all()
    rates = [click_rates(rate, matrix, later) for rate in (ClickRate.POSITION, ClickRate.ALL)]
    losses = [log_loss(one, clicked).mean() for one in (found, *rates) if one is not None]
    assert len(losses) == 3
    assert losses == sorted(losses)
    assert losses[0] < losses[1] - 0.02
    assert error_of(found, clicked) < 0.02


def test_scores_that_are_too_sure_are_put_right() -> None:
    """True chances are the square root of the odds that were said. Seed 3, 20,000 draws."""
    rng = np.random.default_rng(3)
    odds = rng.normal(size=20_000)
    clicked = rng.random(20_000) < 1 / (1 + np.exp(-odds / 2))
    said = 1 / (1 + np.exp(-odds))
    before = error_of(said[10_000:], clicked[10_000:])
    line = calibrate(odds[:10_000], clicked[:10_000])
    after = error_of(line.apply(odds[10_000:]), clicked[10_000:])
    assert before > 0.07
    assert after < 0.02
    assert line.slope == pytest.approx(0.5, abs=0.05)
    assert line.shift == pytest.approx(0.0, abs=0.05)


def test_scores_that_are_worse_than_chance_keep_their_order_and_say_the_rate() -> None:
    scores = np.linspace(-2, 2, 1_000)
    line = calibrate(scores, np.arange(1_000) < 200)
    found = line.apply(scores)
    assert (np.diff(found) > 0).all()
    assert found == pytest.approx(np.full(1_000, 0.2), abs=0.001)


def test_a_chance_is_a_logistic_line_of_the_score() -> None:
    line = Calibration(slope=2.0, shift=-1.0)
    assert line.apply(np.array([0.5, 1.0])).tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-1))])


def test_reliability_counts_each_impression_once() -> None:
    """Three of the four clicked at 0.5: rate 3/4; none of two at 0.1."""
    foretold = np.array([0.1, 0.1, 0.5, 0.5, 0.5, 0.5])
    clicked = np.array([False, False, True, True, True, False])
    bins = reliability(foretold, clicked, n_bins=2)
    assert [one.predicted for one in bins] == pytest.approx([0.1, 0.5])
    assert [(one.clicked, one.of) for one in bins] == [(0, 2), (3, 4)]
    assert bins[1].low < 0.75 < bins[1].high
    assert reliability(np.zeros(0), np.zeros(0, bool)) == ()


def test_log_loss_is_bounded_and_known() -> None:
    found = log_loss(np.array([0.25, 0.25, 0.0]), np.array([True, False, True]))
    assert found.tolist() == pytest.approx([-np.log(0.25), -np.log(0.75), -np.log(1e-6)])


def test_rates_are_counted_and_smoothed_towards_all() -> None:
    """Two lists of ten; 3 clicks of 20, so five impressions more have 5 · 3/20 clicks."""
    matrix = made_lists(2, seed=1)
    grades = np.zeros(20, np.int64)
    grades[[0, 10, 1]] = 1
    documents = np.array([f"d{n % 10}" for n in range(20)], object)
    matrix = replace(matrix, grades=grades, document_ids=documents)
    more = 5 * 3 / 20
    expected = [(2 + more) / (2 + 5), (1 + more) / (2 + 5), more / (2 + 5)]
    for rate in (ClickRate.POSITION, ClickRate.DOCUMENT):
        found = click_rates(rate, matrix, matrix)
        assert found is not None
        assert found[:3].tolist() == pytest.approx(expected)
    elsewhere = replace(
        matrix,
        positions=np.full(20, 99, np.int32),
        document_ids=np.array([f"new{n}" for n in range(20)], object),
    )
    for rate in ClickRate:
        assert click_rates(rate, matrix, elsewhere) == pytest.approx(np.full(20, 3 / 20))
    assert click_rates(ClickRate.DOCUMENT, matrix, replace(matrix, document_ids=None)) is None


def test_measures_hold_what_they_are_with_their_intervals() -> None:
    """1,000 lists of 10 whose chances are true: seed 6."""
    rng = np.random.default_rng(6)
    chances = rng.uniform(0.05, 0.6, 10_000)
    clicked = rng.random(10_000) < chances
    lists = np.repeat(np.arange(1_000), 10)
    found = measure_clicks(chances, clicked, lists, seed=1)
    for one in (found.log_loss, found.brier, found.auc):
        assert one.low < one.mean < one.high
        assert one.of == 1_000
    assert found.brier.mean == pytest.approx(((chances - clicked) ** 2).mean())
    assert found.auc.mean == pytest.approx(roc_auc_score(clicked, chances))
    gaps = [abs(one.predicted - one.rate) * one.of for one in reliability(chances, clicked)]
    assert found.calibration_error.mean == pytest.approx(sum(gaps) / 10_000)
    assert found.calibration_error.mean < 0.02
    constant = measure_clicks(np.full(10_000, clicked.mean()), clicked, lists, seed=1)
    assert (constant.auc.low, constant.auc.mean, constant.auc.high) == (0.5, 0.5, 0.5)
    assert constant.calibration_error.mean == pytest.approx(0.0, abs=1e-12)


def test_rows_of_a_list_are_drawn_together() -> None:
    """Lists of ten equal rows: their mean is as uncertain as that of one row a list."""
    values = np.random.default_rng(7).normal(size=200)
    lists = np.arange(200)
    one = mean_of_rows(values, lists, seed=2)
    ten = mean_of_rows(np.repeat(values, 10), np.repeat(lists, 10), seed=2)
    assert ten.high - ten.low == pytest.approx(one.high - one.low)
    assert ten.of == 200


@pytest.mark.parametrize(
    ("clicked_share", "what"), [(0.0, "were clicked"), (1.0, "left alone"), (0.01, "were clicked")]
)
def test_one_class_only_is_refused_with_the_amount(clicked_share: float, what: str) -> None:
    matrix = made_lists(200, seed=4)
    n = round(clicked_share * matrix.n_rows)
    grades = np.zeros(matrix.n_rows, np.int64)
    grades[:n] = 1
    with pytest.raises(NotEnoughData, match=what) as caught:
        ClickProbability(trees=FEW).fit(replace(matrix, grades=grades))
    assert caught.value.found == min(n, matrix.n_rows - n)


def test_clicks_of_the_first_days_only_are_refused() -> None:
    matrix = made_lists(200, seed=5)
    grades = matrix.grades.copy()
    grades[1_500:] = 0
    with pytest.raises(NotEnoughData, match="each take a part of the time"):
        ClickProbability(trees=FEW).fit(replace(matrix, grades=grades))
