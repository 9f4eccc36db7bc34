"""Beta-Bernoulli Thompson sampling: each feature by itself, as good as its results are liked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from desirepath.methods.bandits.base import REWARD_UNIT, ListOutcome
from desirepath.methods.bandits.evidence import Evidence
from desirepath.methods.bandits.sums import Sums, check_fits, influence_of
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["BetaPosterior", "BetaThompson"]


class BetaPosterior(Struct, frozen=True, kw_only=True, eq=False):
    """A Beta belief about each feature's chance to please.

    Parameters
    ----------
    alpha, beta : shape (F,)
        Above 0.
    """

    alpha: FloatArray
    beta: FloatArray

    @property
    def mean(self) -> FloatArray:
        return self.alpha / (self.alpha + self.beta)

    @property
    def variances(self) -> FloatArray:
        return self.mean * (1.0 - self.mean) / (self.alpha + self.beta + 1.0)

    @property
    def parameters(self) -> FloatArray:
        return np.concatenate([self.alpha, self.beta])

    def sample(self, exploration: float, rng: np.random.Generator) -> FloatArray:
        """Draw from ``Beta(alpha / e, beta / e)``: the same mean, about e times the variance."""
        if exploration == 0.0:
            return self.mean
        return rng.beta(self.alpha / exploration, self.beta / exploration)

    def samples(self, exploration: float, n: int, rng: np.random.Generator) -> FloatArray:
        if exploration == 0.0:
            return np.tile(self.mean, (n, 1))
        return rng.beta(self.alpha / exploration, self.beta / exploration, (n, len(self.alpha)))


class BetaThompson(Struct, frozen=True, kw_only=True):
    """The literal policy of per-feature counts.

    ``alpha = prior_alpha + positive rewards``, ``beta = prior_beta + |negative rewards| + documents
    that were shown and left alone``. A document counts for the feature that its interaction named,
    else for the one with the largest normalised score, the first of equals; where no feature has
    any, it does not count.

    It cannot see that features agree, and how far down people look is all in ``beta``.

    References
    ----------
    Chapelle & Li (2011), An Empirical Evaluation of Thompson Sampling, Algorithm 2. Differs:
    rewards of any size are added as they are; what was shown and left alone counts as a failure.

    Examples
    --------
    >>> policy = BetaThompson()
    >>> shown = np.array([[65535, 0], [0, 65535]], dtype=np.uint16)
    >>> one_click = ListOutcome(levels=shown, rewards=np.array([1_000_000, 0]))
    >>> policy.posterior(1.0 * policy.list_sums(one_click), [0, 1]).parameters.tolist()
    [2.0, 1.0, 1.0, 2.0]
    """

    prior_alpha: float = 1.0
    prior_beta: float = 1.0

    def list_sums(self, outcome: ListOutcome) -> Sums:
        check_fits(outcome.rewards)
        features = _credited(outcome)
        counted = features >= 0
        features, rewards = features[counted], outcome.rewards[counted]
        sums = np.zeros(_size(outcome.levels.shape[1]), np.int64)
        sums[:2] = 1, influence_of(outcome.rewards)
        np.add.at(sums, _FOR + 2 * features, np.maximum(rewards, 0))
        np.add.at(sums, _AGAINST + 2 * features, _held_against(rewards))
        return sums

    def lone_sums(self, feature: int, reward: int) -> Sums:
        rewards = np.array([reward], np.int64)
        check_fits(rewards)
        sums = np.zeros(_size(feature + 1), np.int64)
        sums[:2] = 1, influence_of(rewards)
        sums[_FOR + 2 * feature] = max(reward, 0)
        sums[_AGAINST + 2 * feature] = _held_against(rewards)[0]
        return sums

    def posterior(self, evidence: Evidence, features: Sequence[int]) -> BetaPosterior:
        chosen = np.array(features)
        sums = np.zeros(max(_size(int(chosen.max()) + 1), len(evidence)))
        sums[: len(evidence)] = evidence
        return BetaPosterior(
            alpha=self.prior_alpha + sums[_FOR + 2 * chosen] / REWARD_UNIT,
            beta=self.prior_beta + sums[_AGAINST + 2 * chosen] / REWARD_UNIT,
        )

    def read_posterior(self, parameters: FloatArray) -> BetaPosterior:
        alpha, beta = np.split(parameters, 2)
        return BetaPosterior(alpha=alpha, beta=beta)


# After what all sums begin with, two numbers a feature, in REWARD_UNIT.
_FOR, _AGAINST = 2, 3


def _size(n_features: int) -> int:
    return 2 + 2 * n_features


def _held_against(rewards: IntArray) -> IntArray:
    """What was disliked as much as it was; what was left alone as one whole reward."""
    return np.where(rewards == 0, REWARD_UNIT, np.maximum(-rewards, 0))


def _credited(outcome: ListOutcome) -> IntArray:
    """The ordinal of the feature that each document counts for; -1 for none."""
    levels = outcome.levels
    largest = np.where(levels.any(axis=1), levels.argmax(axis=1), -1)
    if outcome.credited is None:
        return largest
    return np.where(outcome.credited >= 0, outcome.credited, largest)
