"""Grades from relevance, their intervals, and what to have checked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from desirepath.methods.click_models.models import CLICK_MODELS, JUDGING_MODELS
from desirepath.methods.click_models.rates import Rates
from desirepath.methods.judgments import (
    THRESHOLDS,
    Evidence,
    Grading,
    evidence_of,
    interval,
    judge,
    most_worth_labelling,
)
from tests.unit.methods.click_models.worlds import (
    N_DOCUMENTS,
    N_PAIRS,
    sessions_of,
    shuffled_lists,
    truths,
)


def rates(mean: list[float], trials: float = 1_000.0) -> Rates:
    values = np.array(mean)
    return Rates(mean=values, variance=values * (1.0 - values) / trials, prior=0.1)


def seen(n: int, impressions: float = 1_000.0, clicks: float = 100.0) -> Evidence:
    return Evidence(np.full(n, impressions), np.full(n, clicks), np.full(n, impressions / 2))


def test_the_grade_is_that_of_the_nearest_gain() -> None:
    """Gains over 7: 0, 1/7, 3/7, 7/7."""
    relevance = np.linspace(0.0, 1.0, 1_000)  # none of them halfway
    judged = judge(
        rates(relevance.tolist()), seen(1_000), np.zeros(1_000, np.int64), Grading(of_best=False)
    )
    gains = np.array([0, 1, 3, 7]) / 7
    nearest = np.abs(relevance[:, np.newaxis] - gains).argmin(axis=1)
    assert judged.grades.tolist() == nearest.tolist()
    assert pytest.approx([(0 + 1) / 14, (1 + 3) / 14, (3 + 7) / 14]) == THRESHOLDS


def test_relevance_counts_as_a_share_of_the_best_of_its_query() -> None:
    relevance = rates([0.10, 0.06, 0.02, 0.002, 0.8, 0.10])
    queries = np.array([0, 0, 0, 0, 1, 1])
    shares = judge(relevance, seen(6), queries)
    assert shares.grades.tolist() == [3, 2, 1, 0, 3, 1]  # shares 1, .6, .2, .02; 1, .125
    absolute = judge(relevance, seen(6), queries, Grading(of_best=False))
    assert absolute.grades.tolist() == [1, 0, 0, 0, 3, 1]


def test_a_query_that_nobody_clicked_has_no_best() -> None:
    judged = judge(rates([0.01, 0.02]), seen(2, clicks=0.0), np.array([0, 0]))
    assert judged.grades.tolist() == [0, 0]


def test_what_was_shown_too_little_is_neither_judged_nor_the_best() -> None:
    evidence = Evidence(np.array([9.9, 10.0, 50.0]), np.ones(3), np.ones(3))
    judged = judge(rates([0.9, 0.1, 0.05]), evidence, np.array([0, 0, 0]))
    assert judged.pairs.tolist() == [1, 2]
    assert judged.grades.tolist() == [3, 2]
    assert judged.impressions.tolist() == [10.0, 50.0]
    strict = Grading(minimum_impressions=100.0)
    assert judge(rates([0.9, 0.1, 0.05]), evidence, np.array([0, 0, 0]), strict).pairs.size == 0


def test_grades_at_the_ends_of_the_interval_show_what_is_open() -> None:
    judged = judge(
        rates([0.3, 0.15], trials=20.0), seen(2), np.array([0, 1]), Grading(of_best=False)
    )
    assert (judged.low_grades <= judged.grades).all()
    assert (judged.high_grades >= judged.grades).all()
    assert judged.low_grades[0] < judged.high_grades[0]


def test_the_interval_is_that_of_wilson() -> None:
    """50 of 100: (.5 + z²/200 ± z·√(.25/100 + z²/40,000)) / (1 + z²/100) = .4038 and .5962."""
    low, high = interval(rates([0.5], trials=100.0))
    assert low == pytest.approx([0.4038], abs=1e-4)
    assert high == pytest.approx([0.5962], abs=1e-4)
    low, high = interval(Rates.known(np.array([0.0, 0.3, 1.0])))
    assert low.tolist() == high.tolist() == [0.0, 0.3, 1.0]


def test_evidence_is_counted_in_weights() -> None:
    sessions = sessions_of([[0, 1], [1]], [[1, 0], [1]], n_pairs=3, weights=[1.0, 0.5])
    evidence = evidence_of(sessions)
    assert evidence.impressions.tolist() == [1.0, 1.5, 0.0]
    assert evidence.clicks.tolist() == [1.0, 0.5, 0.0]
    assert evidence.prominence == pytest.approx([1.0, 1 / math.log2(3) + 0.5, 0.0])


def test_a_label_is_worth_what_it_is_expected_to_change() -> None:
    """400,000 true relevances around what is believed, seed 8: the mean change of DCG.

    Pair 0 is shown 3 times at rank 1 and once at rank 3, its best query relevance is .5.
    """
    relevance = rates([0.25, 0.5], trials=300.0)
    lists = [[0, 1]] * 3 + [[1, 2, 0]]
    evidence = evidence_of(sessions_of(lists, [[1, 1]] * 3 + [[1, 0, 1]]))
    evidence = Evidence(*(amounts[:2] for amounts in evidence))
    queries = np.array([0, 0])
    grading = Grading(minimum_impressions=1.0)
    pairs, worth = most_worth_labelling(relevance, evidence, queries, 2, grading)

    true = np.random.default_rng(8).normal(0.25, np.sqrt(relevance.variance[0]), 400_000)
    gain_change = 7.0 * np.abs(true - 0.25) / 0.5
    expected = gain_change.mean() * (3 / math.log2(2) + 1 / math.log2(4))
    assert worth[pairs.tolist().index(0)] == pytest.approx(expected, rel=0.01)


def test_uncertain_high_and_frequent_pairs_come_first() -> None:
    relevance = Rates(
        mean=np.full(5, 0.3), variance=np.array([0.01, 0.0001, 0.01, 0.01, 0.0]), prior=0.1
    )
    prominence = np.array([50.0, 100.0, 100.0, 0.0, 100.0])
    evidence = Evidence(np.full(5, 100.0), np.full(5, 30.0), prominence)
    pairs, worth = most_worth_labelling(relevance, evidence, np.zeros(5, np.int64), 5)
    assert pairs.tolist() == [2, 0, 1]  # the fourth was never shown, the fifth is known
    assert (np.diff(worth) < 0).all()
    few, _ = most_worth_labelling(relevance, evidence, np.zeros(5, np.int64), 1)
    assert few.tolist() == [2]


@pytest.mark.parametrize("name", JUDGING_MODELS)
def test_grades_from_simulated_clicks_are_mostly_those_of_the_truth(name: str) -> None:
    """100,000 sessions, seed 9. By the rate of clicks alone, whatever the rank, fewer are right."""
    rng = np.random.default_rng(9)
    truth = truths(rng)[name]
    sessions = truth.simulate(shuffled_lists(100_000, rng), rng)
    queries, evidence = np.arange(N_PAIRS) // N_DOCUMENTS, evidence_of(sessions)
    right = judge(truth.relevance, evidence, queries)

    def share(model: str) -> float:
        found = judge(CLICK_MODELS[model].fit(sessions).relevance, evidence, queries)
        assert found.pairs.tolist() == right.pairs.tolist()
        weights = evidence.impressions[right.pairs]
        return float(np.average(found.grades == right.grades, weights=weights))

    assert share(name) > 0.8
    if name != "dctr":
        assert share(name) > share("dctr")
