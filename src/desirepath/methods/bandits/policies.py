"""The policies by the names they have on the wire, with their default priors."""

from __future__ import annotations

from collections.abc import Mapping

from desirepath.methods.bandits.base import Policy
from desirepath.methods.bandits.beta_thompson import BetaThompson
from desirepath.methods.bandits.linear_thompson import LinearThompson

__all__ = ["POLICIES"]

POLICIES: Mapping[str, Policy] = {
    "thompson_sampling": LinearThompson(),
    "beta_thompson_sampling": BetaThompson(),
}
