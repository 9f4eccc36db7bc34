"""Chances of a click are as often right as they say."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from desirepath.errors import NotEnoughData
from desirepath.methods.ranking.calibration import (
    Calibration,
    calibrate,
    expected_error,
    log_loss,
    reliability,
)
from desirepath.methods.ranking.click_probability import ClickProbability, PositionRates
from desirepath.methods.ranking.trees import TreeSettings
from tests.unit.methods.ranking.made_lists import made_lists

FEW = TreeSettings(trees=100, learning_rate=0.1, threads=1)


def test_probabilities_are_calibrated_and_better_than_rates_of_positions() -> None:
    matrix = made_lists(1_500, seed=1, looks_down=0.5)
    later = made_lists(1_000, seed=2, looks_down=0.5)
    fitted = ClickProbability(trees=FEW).fit(matrix)
    clicked = later.grades > 0
    found = fitted.probabilities(later.values)
    assert ((found > 0) & (found < 1)).all()
    constant = np.full(later.n_rows, (matrix.grades > 0).mean())
    losses = [
        log_loss(one, clicked).mean()
        for one in (found, PositionRates.fit(matrix).probabilities(later), constant)
    ]
    assert losses == sorted(losses)
    assert losses[0] < losses[1] - 0.02
    assert expected_error(reliability(found, clicked)) < 0.02


def test_scores_that_are_too_sure_are_put_right() -> None:
    """True chances are the square root of the odds that were said. Seed 3, 20,000 draws."""
    rng = np.random.default_rng(3)
    odds = rng.normal(size=20_000)
    clicked = rng.random(20_000) < 1 / (1 + np.exp(-odds / 2))
    said = 1 / (1 + np.exp(-odds))
    before = expected_error(reliability(said[10_000:], clicked[10_000:]))
    line = calibrate(odds[:10_000], clicked[:10_000])
    after = expected_error(reliability(line.apply(odds[10_000:]), clicked[10_000:]))
    assert before > 0.08
    assert after < 0.02
    assert np.all(np.diff(line.probabilities) >= 0)
    assert len(line.scores) <= 1_000


def test_a_line_is_level_beyond_its_ends() -> None:
    line = Calibration(scores=(0.0, 1.0), probabilities=(0.2, 0.6))
    assert line.apply(np.array([-5.0, 0.5, 9.0])).tolist() == pytest.approx([0.2, 0.4, 0.6])


def test_reliability_counts_each_impression_once() -> None:
    """Three of the four clicked at 0.5: rate 3/4; none of two at 0.1."""
    foretold = np.array([0.1, 0.1, 0.5, 0.5, 0.5, 0.5])
    clicked = np.array([False, False, True, True, True, False])
    bins = reliability(foretold, clicked, n_bins=2)
    assert [(one.predicted, one.clicked, one.of) for one in bins] == [
        (pytest.approx(0.1), 0, 2),
        (pytest.approx(0.5), 3, 4),
    ]
    assert bins[1].low < 0.75 < bins[1].high
    assert expected_error(bins) == pytest.approx((2 * 0.1 + 4 * 0.25) / 6)
    assert reliability(np.zeros(0), np.zeros(0, bool)) == ()


def test_log_loss_is_bounded_and_known() -> None:
    found = log_loss(np.array([0.25, 0.25, 0.0]), np.array([True, False, True]))
    assert found.tolist() == pytest.approx([-np.log(0.25), -np.log(0.75), -np.log(1e-6)])


def test_rates_of_positions_are_counted() -> None:
    """Overall 1/2, so a position gets one click in two impressions on top: (1+1)/(2+2)."""
    matrix = made_lists(2, seed=1)
    grades = np.zeros(20, np.int64)
    grades[[0, 10, 1]] = 1
    rates = PositionRates.fit(replace(matrix, grades=grades))
    overall = 3 / 20
    assert rates.rates[:3].tolist() == pytest.approx(
        [3 / (2 + 1 / overall), 2 / (2 + 1 / overall), 1 / (2 + 1 / overall)]
    )
    deeper = replace(matrix, positions=np.full(20, 99, np.int32))
    assert rates.probabilities(deeper) == pytest.approx(np.full(20, overall))


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
