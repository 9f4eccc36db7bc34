"""Linear Thompson sampling: the regression that it says, and draws that are what it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.methods.bandits.base import REWARD_UNIT, ListOutcome
from desirepath.methods.bandits.evidence import pooled, weighted_sum
from desirepath.methods.bandits.linear_thompson import (
    COUNT_UNIT,
    N_POSITIONS,
    POSITION_RIDGE,
    SCORE_UNIT,
    EffectPosterior,
    LinearThompson,
)
from desirepath.methods.bandits.sums import INFLUENCE_UNIT, add, nothing, scaled_down
from desirepath.methods.bandits.weights import weights_of
from desirepath.methods.levels import SCALE
from tests.unit.methods.outcomes import outcomes, random_outcome

POLICY = LinearThompson()


def plain_design(outcome: ListOutcome) -> tuple[np.ndarray, np.ndarray]:
    """A row a document: list-centred scores and the position; and the rewards. In floats."""
    scores = outcome.levels / SCALE
    n = len(scores)
    positions = np.zeros((n, N_POSITIONS))
    columns = np.minimum(outcome.first_position + np.arange(n), N_POSITIONS - 1)
    positions[np.arange(n), columns] = 1.0
    return np.hstack([scores - scores.mean(axis=0), positions]), outcome.rewards / REWARD_UNIT


def plain_solution(
    weighted: list[tuple[float, ListOutcome]], policy: LinearThompson = POLICY
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance by ordinary least squares on all rows; the priors are rows too."""
    n_features = weighted[0][1].levels.shape[1]
    ridge = np.diag([policy.ridge] * n_features + [POSITION_RIDGE] * N_POSITIONS) ** 0.5
    prior = np.array([policy.prior_effect / n_features] * n_features + [0.0] * N_POSITIONS)
    rows, targets = [ridge], [ridge @ prior]
    for weight, outcome in weighted:
        design, rewards = plain_design(outcome)
        rows.append(design * weight**0.5)
        targets.append(rewards * weight**0.5)
    design = np.vstack(rows)
    solution = np.linalg.lstsq(design, np.concatenate(targets), rcond=None)[0]
    covariance = policy.sampling_variance * np.linalg.inv(design.T @ design)
    return solution[:n_features], covariance[:n_features, :n_features]


@given(
    lists=st.lists(outcomes(n_features=3), min_size=1, max_size=6),
    weights=st.lists(st.floats(0.01, 50.0), min_size=6, max_size=6),
)
def test_the_posterior_is_the_least_squares_solution(
    lists: list[ListOutcome], weights: list[float]
) -> None:
    weighted = list(zip(weights, lists, strict=False))
    evidence = weighted_sum([(weight, POLICY.list_sums(one)) for weight, one in weighted])
    believed = POLICY.posterior(evidence, [0, 1, 2])
    mean, covariance = plain_solution(weighted)
    # Scores are rounded to 1/4096: a row moves by as much, and what is learned from it by that.
    assert believed.mean == pytest.approx(mean, abs=5e-3)
    assert believed.factor @ believed.factor.T == pytest.approx(covariance, rel=5e-3, abs=1e-6)
    assert believed.variances == pytest.approx(np.diag(covariance), rel=5e-3)


def test_a_thousand_lists_differ_from_floats_by_less_than_a_thousandth() -> None:
    rng = np.random.default_rng(5)
    lists = [random_outcome(rng, n_features=4, n_documents=10) for _ in range(1000)]
    sums = nothing()
    for one in lists:
        sums = add(sums, POLICY.list_sums(one))
    believed = POLICY.posterior(weighted_sum([(1.0, sums)]), range(4))
    mean, _ = plain_solution([(1.0, one) for one in lists])
    assert believed.mean == pytest.approx(mean, abs=1e-3)


@given(outcome=outcomes())
def test_sums_are_the_entries_of_the_normal_equations(outcome: ListOutcome) -> None:
    """One list of weight w moves the solution as the rows themselves; read off at the ridge."""
    n_features = outcome.levels.shape[1]
    centred = np.floor(
        (outcome.levels.astype(float) - outcome.levels.mean(axis=0)) / SCALE * SCORE_UNIT + 0.5
    )
    exact = plain_design(outcome)[0][:, :n_features] * SCORE_UNIT
    assert np.abs(centred - exact).max() <= 0.5 + 1e-6
    sums = POLICY.list_sums(outcome).tolist()
    assert sums[0] == 1
    assert sum(sums[2 : 2 + N_POSITIONS]) == len(outcome.rewards) * COUNT_UNIT
    assert sum(sums[2 + N_POSITIONS : 2 + 2 * N_POSITIONS]) == sum(outcome.rewards.tolist())


@pytest.mark.parametrize("n_features", range(1, 11))
def test_before_anything_is_known_the_weights_are_equal(n_features: int) -> None:
    believed = POLICY.posterior(weighted_sum([]), range(n_features))
    assert believed.mean.tolist() == pytest.approx([0.3 / n_features] * n_features)
    assert weights_of(believed.mean).tolist() == pytest.approx([1 / n_features] * n_features)
    assert believed.variances.tolist() == pytest.approx([0.1 / 100] * n_features)


def test_a_list_that_was_left_alone_says_nothing_for_any_feature() -> None:
    """The position columns take up that nothing was chosen."""
    rng = np.random.default_rng(2)
    sums = nothing()
    for _ in range(500):
        outcome = random_outcome(rng, n_features=2, n_documents=10)
        left_alone = ListOutcome(levels=outcome.levels, rewards=np.zeros(10, np.int64))
        sums = add(sums, POLICY.list_sums(left_alone))
    believed = POLICY.posterior(weighted_sum([(1.0, sums)]), [0, 1])
    assert (np.abs(believed.mean) < 0.15).all()
    assert weights_of(believed.mean) == pytest.approx([0.5, 0.5], abs=0.03)


@given(first=outcomes(n_features=4), second=outcomes(n_features=4))
def test_features_can_be_asked_for_in_any_order_and_number(
    first: ListOutcome, second: ListOutcome
) -> None:
    evidence = weighted_sum([(40.0, POLICY.list_sums(one)) for one in (first, second)])
    there, back = POLICY.posterior(evidence, [0, 2]), POLICY.posterior(evidence, [2, 0])
    assert there.mean == pytest.approx(back.mean[::-1], rel=1e-9, abs=1e-12)
    assert there.variances == pytest.approx(back.variances[::-1], rel=1e-9)


def test_a_feature_that_nothing_is_known_of_keeps_its_prior() -> None:
    outcome = ListOutcome(
        levels=np.array([[SCALE, 0], [0, SCALE]], np.uint16), rewards=np.array([REWARD_UNIT, 0])
    )
    evidence = weighted_sum([(100.0, POLICY.list_sums(outcome))])
    believed = POLICY.posterior(evidence, [0, 1, 7])
    assert believed.mean[2] == pytest.approx(0.3 / 3)
    assert believed.variances[2] == pytest.approx(0.1 / 100)
    assert believed.mean[0] > believed.mean[2] > believed.mean[1]


def test_a_list_without_documents_teaches_nothing() -> None:
    empty = ListOutcome(levels=np.zeros((0, 3), np.uint16), rewards=np.zeros(0, np.int64))
    assert not POLICY.list_sums(empty).any()


@pytest.mark.parametrize(
    ("levels", "credited_wins"),
    [([[SCALE, 0], [0, SCALE]], 0), ([[0, SCALE], [SCALE, 0]], 1)],
)
def test_the_feature_that_put_the_choice_first_gains(
    levels: list[list[int]], credited_wins: int
) -> None:
    outcome = ListOutcome(levels=np.array(levels, np.uint16), rewards=np.array([REWARD_UNIT, 0]))
    swapped = ListOutcome(
        levels=np.array(levels[::-1], np.uint16), rewards=np.array([0, REWARD_UNIT])
    )
    sums = add(POLICY.list_sums(outcome), POLICY.list_sums(swapped))
    mean = POLICY.posterior(weighted_sum([(20.0, sums)]), [0, 1]).mean
    assert int(mean.argmax()) == credited_wins
    assert mean.min() < 0.15 < mean.max()


def test_deep_positions_share_a_column() -> None:
    outcome = random_outcome(np.random.default_rng(1), n_documents=14)
    first_page = ListOutcome(levels=outcome.levels, rewards=outcome.rewards)
    shown_at = POLICY.list_sums(first_page)[2 : 2 + N_POSITIONS] / COUNT_UNIT
    assert shown_at.tolist() == [1] * 9 + [5]
    page_two = ListOutcome(levels=outcome.levels, rewards=outcome.rewards, first_position=10)
    shown_at = POLICY.list_sums(page_two)[2 : 2 + N_POSITIONS] / COUNT_UNIT
    assert shown_at.tolist() == [0] * 9 + [14]


# Lone interactions


def lone_mean(*interactions: tuple[int, float], times: int = 1) -> list[float]:
    sums = nothing()
    for feature, reward in interactions * times:
        sums = add(sums, POLICY.lone_sums(feature, round(reward * REWARD_UNIT)))
    believed = POLICY.posterior(weighted_sum([(1.0, sums)]), [0, 1, 2])
    return [float(mean) for mean in believed.mean]


def test_a_lone_click_moves_its_feature_a_little_and_no_other() -> None:
    liked, other, another = lone_mean((0, 1.0))
    assert liked == pytest.approx((100 * 0.1 + 1 * 0.3) / 101)
    assert other == another == pytest.approx(0.1)


def test_any_number_of_lone_clicks_counts_for_thirty() -> None:
    assert lone_mean((0, 1.0), times=1000)[0] == pytest.approx((100 * 0.1 + 30 * 0.3) / 130)
    assert lone_mean((0, 1.0), times=30) == pytest.approx(lone_mean((0, 1.0), times=1000))


def test_lone_rewards_count_by_their_mean_cut_off_at_one() -> None:
    assert lone_mean((1, 5.0), times=40) == pytest.approx(lone_mean((1, 1.0), times=40))
    assert lone_mean((1, 1.0), (1, 0.0), times=40)[1] == pytest.approx(
        (100 * 0.1 + 30 * 0.15) / 130
    )
    assert lone_mean((1, -2.0), times=40)[1] == pytest.approx((100 * 0.1 - 30 * 0.3) / 130)


def test_lists_outweigh_lone_interactions() -> None:
    """Lists that speak for one feature win over any number of lone clicks on the other."""
    rng = np.random.default_rng(3)
    sums = nothing()
    for _ in range(1000):
        levels = rng.integers(0, SCALE + 1, (10, 2)).astype(np.uint16)
        rewards = np.where(levels[:, 1] > 0.8 * SCALE, REWARD_UNIT, 0)
        sums = add(sums, POLICY.list_sums(ListOutcome(levels=levels, rewards=rewards)))
        sums = add(sums, POLICY.lone_sums(0, REWARD_UNIT))
    weights = weights_of(POLICY.posterior(weighted_sum([(1.0, sums)]), [0, 1]).mean)
    assert weights[1] > 0.9


def test_lone_interactions_are_no_lists() -> None:
    lone = weighted_sum([(1.0, POLICY.lone_sums(0, REWARD_UNIT))])
    of_all = weighted_sum([(200.0, POLICY.list_sums(random_outcome(np.random.default_rng(0))))])
    assert pooled([of_all, lone])[0] == 200.0


# Draws


def test_draws_have_the_mean_and_the_covariance_of_the_posterior() -> None:
    """100,000 draws, seed 7: within five standard errors, that is wrong once in a million."""
    rng = np.random.default_rng(7)
    sums = nothing()
    for _ in range(50):
        sums = add(sums, POLICY.list_sums(random_outcome(rng, n_features=3, n_documents=10)))
    believed = POLICY.posterior(weighted_sum([(1.0, sums)]), [0, 1, 2])
    exploration, n = 2.0, 100_000
    draws = np.array([believed.sample(exploration, rng) for _ in range(n)])

    covariance = exploration * believed.factor @ believed.factor.T
    errors = np.sqrt(np.diag(covariance) / n)
    assert (np.abs(draws.mean(axis=0) - believed.mean) < 5 * errors).all()
    spread = np.sqrt((np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / n)
    assert (np.abs(np.cov(draws.T) - covariance) < 5 * spread).all()
    assert np.diag(covariance) == pytest.approx(exploration * believed.variances)


def test_without_exploration_the_draw_is_the_mean() -> None:
    believed = POLICY.posterior(weighted_sum([]), range(4))
    assert believed.sample(0.0, np.random.default_rng(0)).tolist() == believed.mean.tolist()


def test_the_same_seed_draws_the_same() -> None:
    believed = POLICY.posterior(weighted_sum([]), range(4))
    draws = [believed.sample(1.0, np.random.default_rng(11)).tolist() for _ in range(2)]
    assert draws[0] == draws[1]


@given(outcome=outcomes())
def test_a_posterior_can_be_written_down(outcome: ListOutcome) -> None:
    features = range(outcome.levels.shape[1])
    believed = POLICY.posterior(weighted_sum([(1.0, POLICY.list_sums(outcome))]), features)
    read = POLICY.read_posterior(np.frombuffer(believed.parameters.tobytes()))
    assert isinstance(read, EffectPosterior)
    assert read.mean.tobytes() == believed.mean.tobytes()
    assert read.factor.tobytes() == believed.factor.tobytes()


def test_lists_that_are_scaled_down_teach_the_same_and_count_for_less() -> None:
    """However small their share: of a list with forty rewards one twentieth."""
    levels = np.array([[SCALE, 0], [SCALE // 2, SCALE], [0, SCALE // 3]], np.uint16)
    rewards = np.array([30, -5, 5]) * REWARD_UNIT
    whole = POLICY.list_sums(ListOutcome(levels=levels, rewards=rewards))
    scaled = scaled_down(whole, 2 * INFLUENCE_UNIT)
    believed = POLICY.posterior(weighted_sum([(20.0, scaled)]), [0, 1])
    expected = POLICY.posterior(weighted_sum([(1.0, whole)]), [0, 1])
    assert believed.parameters == pytest.approx(expected.parameters, abs=2e-3)
