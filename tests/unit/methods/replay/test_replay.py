"""Measures of replayed sessions, against sums worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from desirepath.methods.replay.aligning import align, measure
from desirepath.methods.replay.measures import ndcg_by_session, recall_by_session
from desirepath.methods.replay.paired import paired_t
from desirepath.methods.replay.reactions import Reactions

ABSENT = 101
THIRD = 1 / math.log2(4)  # the discount of rank 3
SECOND = 1 / math.log2(3)


@pytest.fixture
def reactions() -> Reactions:
    """Two sessions: one of two searches (a click; a click and a purchase), one of one search."""
    return Reactions(
        gains=np.array([1.0, 1.0, 5.0, 2.0]),
        purchased=np.array([False, False, True, False]),
        searches=np.array([0, 1, 1, 2]),
        sessions=np.array([0, 0, 1]),
    )


def test_ndcg_of_a_session_is_the_mean_of_its_searches(reactions: Reactions) -> None:
    found = ndcg_by_session(reactions, np.array([2, 1, 3, ABSENT]), 10)
    first, second = SECOND / 1, (1 + 5 * THIRD) / (5 + SECOND)
    assert found == pytest.approx([(first + second) / 2, 0.0], abs=1e-15)


def test_the_best_order_has_all_that_was_reacted_to(reactions: Reactions) -> None:
    best = np.array([1, 2, 1, 1])
    for k in (1, 2, 10):
        assert ndcg_by_session(reactions, best, k) == pytest.approx([1.0, 1.0], abs=1e-15)


def test_ndcg_knows_nothing_below_its_cutoff(reactions: Reactions) -> None:
    here, there = np.array([2, 1, 6, 6]), np.array([2, 1, 60, ABSENT])
    assert ndcg_by_session(reactions, here, 5).tolist() == (
        ndcg_by_session(reactions, there, 5).tolist()
    )


def test_ndcg_agrees_with_a_plain_computation() -> None:
    draw = np.random.default_rng(7)
    sizes = draw.integers(1, 6, 40)
    searches = np.repeat(np.arange(40), sizes)
    sessions = np.sort(np.r_[np.arange(15), draw.integers(0, 15, 25)])
    gains = draw.choice([0.5, 1.0, 2.0, 5.0], len(searches))
    ranks = np.concatenate([draw.permutation(30)[:size] + 1 for size in sizes])
    everything = Reactions(
        gains=gains, purchased=gains == 5.0, searches=searches, sessions=sessions
    )

    def plain(search: int, k: int) -> float:
        of = searches == search
        order = sorted(zip(gains[of], ranks[of], strict=True), key=lambda pair: -pair[0])
        best = sum(g / math.log2(place + 2) for place, (g, _) in enumerate(order[:k]))
        return float(sum(g / math.log2(r + 1) for g, r in order if r <= k) / best)

    for k in (1, 5, 10):
        expected = [
            np.mean([plain(int(search), k) for search in np.flatnonzero(sessions == session)])
            for session in range(15)
        ]
        assert ndcg_by_session(everything, ranks, k) == pytest.approx(expected, abs=1e-12)


def test_recall_counts_documents_alike(reactions: Reactions) -> None:
    found = recall_by_session(reactions, np.array([2, 1, 30, ABSENT]), 10)
    assert found.tolist() == [(1 + 1 / 2) / 2, 0.0]


def test_an_order_is_summed_up_against_the_baseline(reactions: Reactions) -> None:
    every = np.array([True, True])
    baseline = measure(reactions, np.array([2, 1, 3, 4]), every)
    order = measure(reactions, np.array([1, 1, 5, ABSENT]), every)
    found = align(reactions, order, baseline)
    assert found.mean_rank_clicked == (1 + 1 + 5 + 101) / 4
    assert found.mean_rank_purchased == 5.0
    assert found.avg_position_delta == (-1 + 0 + 2 + 97) / 4
    assert (found.items_promoted, found.items_demoted) == (1, 2)
    # The first session: 1 and (1 + 5/log₂6)/(5 + 1/log₂3), before 1/log₂3 and as above.
    gained = (1 + (1 + 5 / math.log2(6)) / (5 + SECOND)) / 2
    had = (SECOND + (1 + 5 * THIRD) / (5 + SECOND)) / 2
    assert gained - had > 0.01
    assert (found.sessions_improved, found.sessions_degraded, found.sessions_neutral) == (1, 1, 0)
    assert found.ndcg_at_k["10"] == pytest.approx(gained / 2, abs=1e-15)
    assert found.recall_at_k == {"1": 0.375, "5": 0.5, "10": 0.5, "20": 0.5}


def test_the_baseline_is_neutral_against_itself(reactions: Reactions) -> None:
    own = measure(reactions, np.array([2, 1, 3, 4]), np.array([True, True]))
    found = align(reactions, own, own)
    assert (found.avg_position_delta, found.items_promoted, found.items_demoted) == (0.0, 0, 0)
    assert found.sessions_neutral == 2


def test_a_failed_session_counts_for_nothing(reactions: Reactions) -> None:
    baseline = measure(reactions, np.array([2, 1, 3, 4]), np.array([True, True]))
    order = measure(reactions, np.array([ABSENT, ABSENT, ABSENT, 1]), np.array([False, True]))
    found = align(reactions, order, baseline)
    assert found.ndcg_at_k["10"] == 1.0
    assert found.mean_rank_clicked == 1.0
    assert found.mean_rank_purchased is None
    assert (found.items_promoted, found.items_demoted, found.avg_position_delta) == (1, 0, -3.0)
    assert found.sessions_improved + found.sessions_degraded + found.sessions_neutral == 1


def test_where_nothing_counts_all_is_zero(reactions: Reactions) -> None:
    none = measure(reactions, np.full(4, ABSENT), np.array([False, False]))
    found = align(reactions, none, none)
    assert set(found.ndcg_at_k.values()) == {0.0}
    assert found.mean_rank_clicked == 0.0


def test_the_paired_test_is_that_of_scipy() -> None:
    draw = np.random.default_rng(3)
    first, second = draw.random(50), draw.random(50)
    expected = stats.ttest_rel(first, second)
    interval = expected.confidence_interval(0.95)
    found = paired_t(first - second)
    assert (found.p_value, found.low, found.high) == pytest.approx(
        (expected.pvalue, interval.low, interval.high), rel=1e-12
    )


def test_the_paired_test_knows_differences_without_spread() -> None:
    alike = paired_t(np.zeros(9))
    assert (alike.p_value, alike.low, alike.high, alike.detectable) == (1.0, 0.0, 0.0, 0.0)
    shifted = paired_t(np.full(9, 0.1))
    assert shifted.p_value == 0.0
    assert (shifted.low, shifted.high) == pytest.approx((0.1, 0.1))


def test_one_pair_tells_nothing() -> None:
    found = paired_t(np.array([0.3]))
    assert (found.mean, found.low, found.p_value, found.detectable) == (0.3, None, None, None)
    assert paired_t(np.zeros(0)).n == 0


def test_what_is_detectable_is_found_four_times_out_of_five() -> None:
    """Over 4,000 tests of 200 pairs, seed 11: the share lies within 0.8 ± 0.02 (3 errors)."""
    draw = np.random.default_rng(11)
    spread, n, runs = 0.2, 200, 4_000
    shift = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * spread / math.sqrt(n)
    samples = draw.normal(shift, spread, (runs, n))
    tests = [paired_t(sample) for sample in samples]
    found = np.mean([one.p_value is not None and one.p_value < 0.05 for one in tests])
    assert found == pytest.approx(0.8, abs=0.02)
    said = np.mean([one.detectable or 0.0 for one in tests])
    assert said == pytest.approx(shift, rel=0.01)
