"""The policies by the names they have on the wire."""

from __future__ import annotations

from desirepath.domain.learning_config import BETA, LINEAR, LearningConfig
from desirepath.methods.bandits.base import Policy
from desirepath.methods.bandits.beta_thompson import BetaThompson
from desirepath.methods.bandits.linear_thompson import LinearThompson

__all__ = ["ALGORITHMS", "policy_of", "summing_policy"]

_SUMMING: dict[str, Policy] = {LINEAR: LinearThompson(), BETA: BetaThompson()}

ALGORITHMS = tuple(_SUMMING)


def summing_policy(algorithm: str) -> Policy:
    """The policy that adds up lists: priors have no part in it."""
    return _SUMMING[algorithm]


def policy_of(config: LearningConfig) -> Policy:
    """The policy that a retriever asked for, with its priors."""
    if config.algorithm == BETA:
        return BetaThompson(prior_alpha=config.prior_alpha, prior_beta=config.prior_beta)
    return _SUMMING[LINEAR]
