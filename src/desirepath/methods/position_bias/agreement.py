"""Do two estimators agree? They rest on different assumptions, so it is news if they do not.

Two estimates of the same clicks err together, and their difference is surer than either. That
joint error is computed query by query, not guessed from the two intervals.

References
----------
Hausman (1978), Specification Tests in Econometrics (the idea: an estimate that needs an assumption
beside one that does not). Differs: the variance of the difference is that of what each query adds
to it, which may not be the difference of the variances.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from msgspec import Struct

from desirepath.methods.position_bias.base import Propensities
from desirepath.methods.position_bias.comparing import Comparison, compare

__all__ = ["TOLERANCE", "Agreement", "Verdict", "agreement"]

TOLERANCE = 0.05
"""Propensities that differ by no more are as good as equal."""


class Verdict(StrEnum):
    """What can be said of two estimates."""

    AGREE = "agree"
    DISAGREE = "disagree"
    CANNOT_TELL = "cannot tell"


class Agreement(Struct, frozen=True, kw_only=True, eq=False):
    """How far two estimates are apart.

    Parameters
    ----------
    verdict
        Agree: every difference is surely below the tolerance. Disagree: some difference is surely
        not chance, and not surely below it. Cannot tell: neither.
    rank
        Where they are farthest apart, in units of their joint error.
    comparison
        Rank by rank.
    """

    verdict: Verdict
    rank: int
    comparison: Comparison

    @property
    def sentence(self) -> str:
        """It in words."""
        at = int(self.rank - 2)
        difference = abs(float(self.comparison.differences[at]))
        distance = abs(float(self.comparison.distances[at]))
        apart = f"{difference:.3f} at rank {self.rank}, {distance:.1f} times their joint error"
        return f"{_VERDICT_TO_WORDS[self.verdict]}: at most {apart}."


_VERDICT_TO_WORDS = {
    Verdict.AGREE: "They agree",
    Verdict.DISAGREE: "They disagree",
    Verdict.CANNOT_TELL: "It cannot be told whether they agree",
}


def agreement(
    first: Propensities,
    second: Propensities,
    *,
    tolerance: float = TOLERANCE,
    level: float = 0.05,
) -> Agreement:
    """Compare two estimates of the same counts.

    Parameters
    ----------
    tolerance
        A difference of propensities that does not matter.
    level
        Chance to call estimates different that only chance has parted.
    """
    found = compare(first, second, same_clicks=True, level=level)
    at_most = np.abs(found.differences) + found.reach * found.errors
    if (at_most <= tolerance).all():
        verdict = Verdict.AGREE
    elif (found.apart & (at_most > tolerance)).any():
        verdict = Verdict.DISAGREE
    else:
        verdict = Verdict.CANNOT_TELL
    rank = int(found.ranks[np.argmax(np.abs(found.distances))])
    return Agreement(verdict=verdict, rank=rank, comparison=found)
