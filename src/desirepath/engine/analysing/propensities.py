"""What a question about position bias is answered with."""

from __future__ import annotations

from msgspec import Struct

from desirepath.engine.reporting import Rate

__all__ = ["BiasEstimate", "GroupBias", "PositionBias", "RankPropensity", "RankRate"]


class RankPropensity(Struct, frozen=True, kw_only=True):
    """How likely a rank (from 1) is looked at, relative to rank 1, with its 95% interval."""

    rank: int
    propensity: float
    low: float
    high: float


class RankRate(Struct, frozen=True, kw_only=True):
    """How often what stands at a rank (from 1) is clicked, uncorrected."""

    rank: int
    click_through: Rate


class BiasEstimate(Struct, frozen=True, kw_only=True):
    """What one estimator says: propensities, or why it cannot say.

    Parameters
    ----------
    last_is_shared
        Whether the last rank stands for all that follow.
    refusal
        What cannot be said and what would help; ``missing`` of which ``needed`` are needed and
        ``found`` there are.
    """

    estimator: str
    ranks: tuple[RankPropensity, ...] = ()
    last_is_shared: bool = False
    refusal: str | None = None
    missing: str | None = None
    needed: int | None = None
    found: int | None = None


class GroupBias(Struct, frozen=True, kw_only=True):
    """Of the lists of one retriever, and of one group of them where they are told apart.

    Parameters
    ----------
    estimates
        The first is the one to use; the others rest on more assumptions.
    agreement
        Whether the others say the same, in words.
    """

    retriever_id: str | None
    group: str | None
    impressions: int
    clicks: int
    rates: tuple[RankRate, ...]
    estimates: tuple[BiasEstimate, ...]
    agreement: tuple[str, ...]


class PositionBias(Struct, frozen=True, kw_only=True):
    """Position bias of every retriever, those with most impressions first.

    Parameters
    ----------
    differences
        Whether groups of one retriever's lists differ, in words.
    n_flagged, flagged_share
        Identities that look like robots and were left out, and their share of the interactions.
    note
        Why there is nothing to say.
    """

    groups: tuple[GroupBias, ...]
    differences: tuple[str, ...]
    max_rank: int
    n_flagged: int
    flagged_share: float
    note: str | None = None
