"""What-if: another way to rank, and what it would have earned on the log."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from msgspec import Meta, Struct

from desirepath.domain.checks import Id
from desirepath.errors import InvalidSetting

__all__ = [
    "MOST_DRAWS",
    "MOST_K",
    "Interval",
    "LeftOut",
    "NewPolicy",
    "Verdict",
    "WeightBin",
    "WhatIfEstimate",
    "WhatIfResult",
    "WhatIfSettings",
    "check_policy",
]

MOST_K = 100
MOST_DRAWS = 1_000

Verdict = Literal["better", "worse", "cannot tell"]
FusionName = Literal["rrf", "dbsf", "weighted", "max", "learned"]


class NewPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Another way to rank what was found: weights, a fusion or both, a ranker, or a retriever."""

    weights: Annotated[
        Annotated[dict[Id, float], Meta(min_length=1, max_length=256)] | None,
        Meta(description="By feature URI, from 0 on; what is not named has none."),
    ] = None
    fusion: Annotated[
        FusionName | None,
        Meta(description="How to fuse; learned when absent. Weights are the stage's when absent."),
    ] = None
    ranker: Annotated[
        Id | None, Meta(description="A trained ranker that orders each pool of candidates.")
    ] = None
    ranker_version: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Which version of it; the one that is deployed when absent."),
    ] = None
    retriever: Annotated[
        Id | None,
        Meta(description="Fusion and weights of another retriever over the same features."),
    ] = None


class WhatIfSettings(Struct, frozen=True, kw_only=True):
    """How it is found out.

    Parameters
    ----------
    k
        A list earns what its first so many documents earn.
    n_draws
        From each search's posterior; more make propensities exact, and take longer.
    since, before
        Of the searches, microseconds since 1970.
    """

    k: Annotated[int, Meta(ge=1, le=MOST_K, description="First results that count.")] = 10
    n_draws: Annotated[
        int, Meta(ge=2, le=MOST_DRAWS, description="Draws of weights for each search.")
    ] = 50
    seed: Annotated[int, Meta(ge=0, le=2**53, description="Of all that is left to chance.")] = 0
    since: int | None = None
    before: int | None = None


class Interval(Struct, frozen=True, kw_only=True):
    """A mean reward of a list, or a difference of two, with its 95% interval."""

    value: float
    low: float
    high: float


class WeightBin(Struct, frozen=True, kw_only=True):
    """How many lists have a weight from ``low`` on and below ``high``."""

    low: float
    high: float
    n: int


class WhatIfEstimate(Struct, frozen=True, kw_only=True):
    """What one estimator says, or why it does not.

    Parameters
    ----------
    assumes
        In words.
    value
        Of the new policy. What the log cannot tell counts as no change for ``ips`` and ``snips``,
        and is left to a model of rewards by the others.
    difference
        To what was earned.
    told_share
        Of the new policy's lists, beginnings or places, what the log can tell.
    effective_sample, largest_weight, weights
        Of the lists, by the weights that the estimate rests on: of its hardest place.
    lists_needed
        About how many lists it would take to tell, if the difference is as estimated.
    refusal
        Why it is not used, with numbers; then there are no values.
    """

    estimator: str
    assumes: str
    value: Interval | None = None
    difference: Interval | None = None
    verdict: Verdict | None = None
    lists_needed: int | None = None
    told_share: float
    effective_sample: float
    largest_weight: float
    weights: tuple[WeightBin, ...] = ()
    refusal: str | None = None


class LeftOut(Struct, frozen=True, kw_only=True):
    """Searches that could not be used, and why, in words."""

    reason: str
    words: str
    n: int


class WhatIfResult(Struct, frozen=True, kw_only=True):
    """What another way to rank would have earned.

    Parameters
    ----------
    verdict
        Of the estimator that decides: of those that the log has enough for, the one that assumes
        least.
    sentence
        The verdict in words, with its numbers.
    policy
        The new policy in words.
    live
        Mean reward of the lists as they were.
    pool_share
        Of the new policy's results, what is among the logged candidates, as far as it can be known:
        as many may be missed as come from the second half of the pools.
    same_share
        Of its places, where it shows what was shown.
    n_lists, n_people
        What was used: lists, and the people, or sessions, they were for.
    since, before
        Of the lists that were used, the first and the last, microseconds since 1970.
    """

    verdict: Verdict
    sentence: str
    decided_by: str
    policy: str
    live: Interval
    estimates: tuple[WhatIfEstimate, ...]
    pool_share: float
    same_share: float
    n_lists: int
    n_people: int
    left_out: tuple[LeftOut, ...]
    since: int
    before: int
    k: int
    n_draws: int
    seed: int
    notes: tuple[str, ...] = ()


def check_policy(policy: NewPolicy) -> None:
    """Refuse what is no policy, or two.

    Raises
    ------
    InvalidSetting
    """
    by_weights = policy.weights is not None or policy.fusion is not None
    if by_weights + (policy.ranker is not None) + (policy.retriever is not None) != 1:
        raise InvalidSetting(
            "Say one thing to compare with: weights or a fusion (or both), a ranker, or a "
            "retriever.",
            ("policy",),
        )
    if policy.ranker_version is not None and policy.ranker is None:
        raise InvalidSetting("A version of which ranker? Name it too.", ("ranker_version",))
    if policy.weights is not None:
        values = list(policy.weights.values())
        if not all(value >= 0 for value in values) or not 0 < sum(values) < math.inf:
            raise InvalidSetting(
                "Weights are numbers from 0 on, at least one of which is above 0.", ("weights",)
            )
