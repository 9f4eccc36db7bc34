"""Who is ahead, by how much, and whether one may stop."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from msgspec import Struct

from desirepath.methods.interleaving.betting import growth_needed, mean_interval
from desirepath.methods.interleaving.credit import MOST
from desirepath.methods.interleaving.split import split_differences
from desirepath.methods.levels import FloatArray

__all__ = ["Comparison", "ExperimentOutcome", "compare_interleaved", "compare_split"]


class ExperimentOutcome(StrEnum):
    """What is known by now."""

    CHALLENGER = "challenger"
    LIVE = "live"
    ALIKE = "alike"
    """They differ by less than what matters."""
    OPEN = "open"


class Comparison(Struct, frozen=True, kw_only=True):
    """How a challenger does beside what is live, by the units that are closed.

    Parameters
    ----------
    difference, low, high
        The challenger's mean reward minus the live one's, of a session or a user, with the interval
        that holds at all times at once: it may be looked at after each unit.
    n
        Units that it is over.
    n_all
        Units that were seen; the others had no opinion.
    level
        Chance that the interval holds the mean all along.
    outcome
        Anything but open: one may stop.
    n_more
        About how many more units it would take to tell who wins if the difference stays as it
        looks; 0 when that is told, None where it looks like none.
    """

    difference: float
    low: float
    high: float
    n: int
    n_all: int
    outcome: ExperimentOutcome
    n_more: int | None
    level: float = 0.95

    @property
    def may_stop(self) -> bool:
        return self.outcome is not ExperimentOutcome.OPEN


def compare_interleaved(
    credits: FloatArray, *, level: float = 0.95, matters: float = 0.0
) -> Comparison:
    """Compare by sessions that saw both, team-drafted.

    Parameters
    ----------
    credits : shape (n,)
        Of each closed session: see :func:`.credit.session_credits`.
    level
        Chance that the interval holds the mean all along.
    matters
        A difference in rewards below which it does not matter who wins; 0: each one matters.
    """
    counted = credits[~np.isnan(credits)]
    return _compare(counted / MOST, len(credits), 1 / MOST, level, matters)


def compare_split(
    rewards: FloatArray,
    gets_challenger: np.ndarray,
    *,
    share: float = 0.5,
    level: float = 0.95,
    matters: float = 0.0,
) -> Comparison:
    """Compare by users who saw one or the other; parameters as of :func:`.split.split_differences`.

    Rewards are of whatever unit the caller brought into [0, 1].
    """
    scale = min(share, 1.0 - share)
    differences = split_differences(rewards, gets_challenger, share)
    return _compare(differences, len(rewards), scale, level, matters)


def _compare(
    values: FloatArray, n_all: int, scale: float, level: float, matters: float
) -> Comparison:
    low, high = (end / scale for end in mean_interval(values, level))
    factor = growth_needed(values, level)
    return Comparison(
        difference=float(values.mean()) / scale if len(values) else 0.0,
        low=low,
        high=high,
        n=len(values),
        n_all=n_all,
        outcome=_outcome(low, high, matters),
        n_more=None if factor is None else math.ceil((factor - 1.0) * n_all),
        level=level,
    )


def _outcome(low: float, high: float, matters: float) -> ExperimentOutcome:
    if low > 0.0:
        return ExperimentOutcome.CHALLENGER
    if high < 0.0:
        return ExperimentOutcome.LIVE
    return ExperimentOutcome.ALIKE if -matters < low and high < matters else ExperimentOutcome.OPEN
