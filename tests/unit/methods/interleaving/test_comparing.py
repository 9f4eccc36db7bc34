"""Credit, intervals and alarms of an experiment, against enumeration and other computations."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.methods.interleaving.betting import (
    growth_needed,
    mean_interval,
    running_evidence,
)
from desirepath.methods.interleaving.comparing import (
    ExperimentOutcome,
    compare_interleaved,
    compare_split,
)
from desirepath.methods.interleaving.credit import session_credits
from desirepath.methods.interleaving.sample_ratio import sample_ratio
from desirepath.methods.interleaving.split import split_differences
from desirepath.methods.interleaving.wording import Unit, in_words
from desirepath.methods.levels import FloatArray

_NEEDED = math.log(2 / 0.05)
_VALUES = st.lists(st.floats(-1, 1), min_size=1, max_size=60).map(np.array)


# Credit


@pytest.mark.parametrize("team", [1, -1])
def test_a_session_counts_for_three_clicks_at_most(team: int) -> None:
    often = session_credits(np.zeros(10, np.int64), [team] * 10, [1.0] * 10, 1)
    bought = session_credits(np.array([0]), [team], [5.0], 1)
    assert often.tolist() == bought.tolist() == [3.0 * team]


def test_credit_is_what_one_side_earned_more() -> None:
    sessions = np.array([0, 0, 1, 1, 2, 3])
    teams, rewards = [1, -1, 1, -1, -1, 0], [2.0, 0.5, 1.0, 1.0, -2.0, 5.0]
    credits = session_credits(sessions, teams, rewards, 5)
    # 2 − 0.5; a tie; a complaint about the live list; only what belongs to neither; nothing
    np.testing.assert_array_equal(credits, [1.5, 0.0, 2.0, np.nan, np.nan])


# Betting


def test_nobody_gets_richer_on_average_where_the_mean_is_not_above() -> None:
    """By enumeration of a skewed coin of mean 0: the expected wealth after each number is 1."""
    chances = {0.25: 0.8, -1.0: 0.2}
    for n in range(1, 7):
        wealth = 0.0
        for drawn in product(chances, repeat=n):
            chance = math.prod(chances[value] for value in drawn)
            wealth += chance * math.exp(running_evidence(np.array(drawn))[-1])
        assert wealth == pytest.approx(1.0, abs=1e-12)


def test_wealth_is_that_of_ten_bettors() -> None:
    values = [0.5, -0.25, 1.0]
    wealths = [math.prod(1 + 2.0**-k * value for value in values) for k in range(1, 11)]
    assert running_evidence(np.array(values))[-1] == pytest.approx(math.log(sum(wealths) / 10))


@given(_VALUES)
def test_zero_is_outside_the_interval_when_evidence_is_enough(values: FloatArray) -> None:
    values = np.tile(values, 5)
    low, high = mean_interval(values)
    assert (low > 0) == (running_evidence(values)[-1] >= _NEEDED)
    assert (high < 0) == (running_evidence(-values)[-1] >= _NEEDED)


@given(_VALUES)
def test_the_interval_holds_what_was_seen_and_turns_with_the_sides(values: FloatArray) -> None:
    low, high = mean_interval(values)
    assert -1 <= low <= values.mean() + 1e-9
    assert values.mean() - 1e-9 <= high <= 1
    np.testing.assert_allclose(mean_interval(-values), (-high, -low), atol=1e-9)


@given(_VALUES)
def test_order_does_not_matter(values: FloatArray) -> None:
    turned = values[::-1]
    np.testing.assert_allclose(mean_interval(turned), mean_interval(values), atol=1e-9)


def test_nothing_is_known_of_no_numbers() -> None:
    assert mean_interval(np.zeros(0)) == (-1.0, 1.0)
    assert growth_needed(np.zeros(0)) is None


@pytest.mark.parametrize("mean", [0.3, -0.8])
def test_intervals_hold_the_mean_at_all_times_at_once(mean: float) -> None:
    """A simulation of 60 runs, looked at 20 times each: 10 miss in one of 1,000, if 5 % do."""
    rng = np.random.default_rng(7)
    misses = 0
    for _ in range(60):
        values = np.where(rng.random(200) < (1 + mean) / 2, 1.0, -1.0)
        ends = [mean_interval(values[:n]) for n in range(10, 201, 10)]
        misses += any(not low <= mean <= high for low, high in ends)
    assert misses < 10


def test_as_many_more_as_it_says_are_enough() -> None:
    values = np.array([1.0, 1.0, 1.0, -1.0, -1.0] * 8)
    factor = growth_needed(values)
    assert factor is not None
    assert mean_interval(np.tile(values, math.ceil(factor)))[0] > 0
    assert mean_interval(np.tile(values, math.floor(factor)))[0] <= 0


# A plain split


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_a_split_tells_the_difference_of_means_on_average(share: float) -> None:
    """By enumeration of all sides of five users, each with a reward of either side."""
    challenger = np.array([1.0, 0.5, 0.0, 0.75, 1.0])
    live = np.array([0.5, 0.5, 0.25, 0.0, 1.0])
    expected = np.zeros(5)
    for sides in product([False, True], repeat=5):
        side = np.array(sides)
        chance = np.prod(np.where(side, share, 1 - share))
        rewards = np.where(side, challenger, live)
        expected += chance * split_differences(rewards, side, share)
    np.testing.assert_allclose(expected / min(share, 1 - share), challenger - live, atol=1e-12)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.floats(0.01, 0.99))
def test_differences_stay_within_their_bounds(
    users: list[tuple[float, bool]], share: float
) -> None:
    rewards, sides = map(np.array, zip(*users, strict=True))
    assert np.abs(split_differences(rewards, sides, share)).max() <= 1 + 1e-12


# Sample ratio


def test_evidence_against_shares_is_the_ratio_of_two_chances() -> None:
    """Of one order of three users: 50/100 · 50/101 · 51/102 by the prior, 1/8 as meant."""
    expected = math.log((50 / 100) * (50 / 101) * (51 / 102) / (1 / 8))
    assert sample_ratio([2, 1], [0.5, 0.5]).log_evidence == pytest.approx(expected)


def test_a_lost_tenth_of_one_side_is_found_and_chance_is_not() -> None:
    """A simulation: 100 runs of 20,000 users, looked at 100 times."""
    rng = np.random.default_rng(3)
    alarms = {}
    for kept in (1.0, 0.9):
        live = rng.binomial(200, 0.5, (100, 100))
        counts = np.stack([rng.binomial(live, kept), 200 - live], axis=2).cumsum(axis=1)
        seen = [any(sample_ratio(c, [0.5, 0.5]).is_off for c in run.tolist()) for run in counts]
        alarms[kept] = np.mean(seen)
    assert alarms[1.0] <= 0.01
    assert alarms[0.9] == 1.0


# Words


def test_words_of_an_open_comparison_say_how_many_more() -> None:
    comparison = compare_interleaved(np.array([1.0, 1.0, 1.0, -1.0, -1.0, np.nan] * 8))
    assert comparison.outcome is ExperimentOutcome.OPEN
    assert not comparison.may_stop
    assert (comparison.n, comparison.n_all) == (40, 48)
    assert in_words(comparison, Unit.SESSION) == (
        "Nobody is surely ahead. In a session with an opinion the challenger's results earn 0.200 "
        "more (95 % interval -0.824 to +1.219), by 40 of 48 sessions. Do not stop yet; about 310 "
        "more sessions would tell, if the difference stays as it looks."
    )


def test_as_many_sessions_as_the_words_say_are_enough() -> None:
    credits = np.array([1.0, 1.0, 1.0, -1.0, -1.0, np.nan] * 8)
    n_more = compare_interleaved(credits).n_more
    assert n_more is not None
    enough = np.tile(credits, 2 + n_more // len(credits))
    assert compare_interleaved(enough).outcome is ExperimentOutcome.CHALLENGER


def test_words_of_nothing_and_of_two_that_look_alike() -> None:
    assert in_words(compare_interleaved(np.full(3, np.nan)), Unit.SESSION) == (
        "Nothing is known yet: none of 3 sessions has an opinion."
    )
    nobody = compare_split(np.zeros(0), np.zeros(0, bool))
    assert in_words(nobody, Unit.USER) == "Nothing is known yet: none of 0 users has an opinion."
    alike = compare_interleaved(np.array([1.0, -1.0] * 5_000), matters=0.1)
    assert alike.outcome is ExperimentOutcome.ALIKE
    assert "You may stop." in in_words(alike, Unit.SESSION)
    undecided = compare_interleaved(np.array([1.0, -1.0] * 50))
    assert undecided.n_more is None
    assert "no number of more would tell" in in_words(undecided, Unit.SESSION)


def test_words_of_a_split_name_the_side_that_is_ahead() -> None:
    rng = np.random.default_rng(5)
    sides = rng.random(4_000) < 0.5
    rewards = (rng.random(4_000) < np.where(sides, 0.3, 0.5)).astype(np.float64)
    comparison = compare_split(rewards, sides)
    assert comparison.outcome is ExperimentOutcome.LIVE
    assert comparison.low < -0.2 < comparison.high
    said = in_words(comparison, Unit.USER)
    assert said.startswith("The live retriever is ahead. A user of the challenger earns 0.")
    assert f"{comparison.low:+.3f} to {comparison.high:+.3f}), by 4,000 users" in said
