"""Beta-Bernoulli Thompson sampling, as the contract spells it."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.bandits.base import REWARD_UNIT, ListOutcome
from desirepath.methods.bandits.beta_thompson import BetaPosterior, BetaThompson
from desirepath.methods.bandits.evidence import weighted_sum
from desirepath.methods.bandits.sums import add, nothing
from desirepath.methods.levels import SCALE

POLICY = BetaThompson(prior_alpha=1.0, prior_beta=2.0)
LEVELS = np.array([[SCALE, 10], [0, SCALE], [5, 5], [0, 0]], np.uint16)


def learned(
    rewards: list[float], credited: list[int] | None = None
) -> tuple[list[float], list[float]]:
    """Alpha and beta beyond their priors after one list."""
    outcome = ListOutcome(
        levels=LEVELS[: len(rewards)],
        rewards=np.array([round(reward * REWARD_UNIT) for reward in rewards]),
        credited=None if credited is None else np.array(credited),
    )
    believed = POLICY.posterior(weighted_sum([(1.0, POLICY.list_sums(outcome))]), [0, 1])
    return (believed.alpha - 1.0).tolist(), (believed.beta - 2.0).tolist()


@pytest.mark.parametrize(
    ("rewards", "alpha", "beta"),
    [
        ([1.0, 0.0], [1.0, 0.0], [0.0, 1.0]),  # a click; the other left alone
        ([5.0, -2.0], [5.0, 0.0], [0.0, 2.0]),  # a purchase; disliked
        ([-0.3, 0.5], [0.0, 0.5], [0.3, 0.0]),
        ([0.0, 0.0, 1.0], [1.0, 0.0], [1.0, 1.0]),  # equal levels: the first feature
        ([0.0, 0.0, 0.0, 1.0], [0.0, 0.0], [2.0, 1.0]),  # found by none: not counted
    ],
)
def test_rewards_count_for_and_against_the_feature_with_the_largest_score(
    rewards: list[float], alpha: list[float], beta: list[float]
) -> None:
    learned_alpha, learned_beta = learned(rewards)
    assert learned_alpha == pytest.approx(alpha)
    assert learned_beta == pytest.approx(beta)


def test_the_feature_that_was_named_is_credited() -> None:
    alpha, beta = learned([1.0, 0.0, 0.0, 1.0], credited=[1, -1, 1, 0])
    assert (alpha, beta) == ([1.0, 1.0], [0.0, 2.0])


def test_lone_interactions_count_as_much_as_listed_ones() -> None:
    sums = nothing()
    for feature, reward in [(0, 1.0), (0, 0.0), (2, -0.5)]:
        sums = add(sums, POLICY.lone_sums(feature, round(reward * REWARD_UNIT)))
    believed = POLICY.posterior(weighted_sum([(1.0, sums)]), [0, 1, 2])
    assert believed.alpha.tolist() == pytest.approx([2.0, 1.0, 1.0])
    assert believed.beta.tolist() == pytest.approx([3.0, 2.0, 2.5])
    assert sums[0] == 3


def test_mean_and_variance_are_those_of_the_distribution() -> None:
    believed = BetaPosterior(alpha=np.array([2.0, 1.0]), beta=np.array([6.0, 1.0]))
    assert believed.mean.tolist() == pytest.approx([2 / 8, 1 / 2])
    assert believed.variances.tolist() == pytest.approx([2 * 6 / (8**2 * 9), 1 / 12])


@pytest.mark.parametrize("exploration", [0.1, 1.0, 4.0])
def test_draws_keep_the_mean_and_widen_with_exploration(exploration: float) -> None:
    """100,000 draws, seed 3: within five standard errors."""
    rng = np.random.default_rng(3)
    believed = BetaPosterior(alpha=np.array([20.0, 4.0]), beta=np.array([60.0, 4.0]))
    n = 100_000
    draws = np.array([believed.sample(exploration, rng) for _ in range(n)])
    pseudo = (believed.alpha + believed.beta) / exploration
    variance = believed.mean * (1 - believed.mean) / (pseudo + 1)
    assert (np.abs(draws.mean(axis=0) - believed.mean) < 5 * np.sqrt(variance / n)).all()
    assert draws.var(axis=0) == pytest.approx(variance, rel=0.03)
    assert draws.min() >= 0.0
    assert draws.max() <= 1.0


def test_without_exploration_the_draw_is_the_mean() -> None:
    believed = POLICY.posterior(weighted_sum([]), [0, 1])
    assert believed.sample(0.0, np.random.default_rng(0)).tolist() == [1 / 3, 1 / 3]


def test_a_posterior_can_be_written_down() -> None:
    believed = BetaPosterior(alpha=np.array([2.0, 1.5]), beta=np.array([6.0, 1.0]))
    read = POLICY.read_posterior(np.frombuffer(believed.parameters.tobytes()))
    assert read.alpha.tolist() == [2.0, 1.5]
    assert read.beta.tolist() == [6.0, 1.0]
