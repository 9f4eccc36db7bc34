"""Click-through by position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desirepath.analysis.click_rates import position_clicks
from desirepath.domain.grouping import Grouping, group_name
from desirepath.engine.analysing.comparing import BEFORE, Compared, with_before
from desirepath.engine.analysing.coverage import coverage_of
from desirepath.engine.analysing.figures import Share, share
from desirepath.engine.analysing.propensities import RankPropensity
from desirepath.engine.analysing.relevance import Debiased, PositionRate, PositionRates

__all__ = ["Propensity", "position_rates"]

Propensity = Callable[[int], RankPropensity | None]
"""How likely a position is looked at, relative to the first; None: not known."""


def position_rates(
    asked: Compared, grouping: Grouping | None = None, propensity: Propensity | None = None
) -> PositionRates:
    """Count impressions and clicks at each position.

    Parameters
    ----------
    propensity
        Of each position, to tell what a document would get wherever it stood.
    """
    table = position_clicks(asked.part.log, grouping)
    if asked.earlier is not None:
        before = position_clicks(asked.earlier.log, grouping)
        table = with_before(table, before, ("group", "position"))
    rows = asked.part.engine.arrow(table.order_by("group", "position")).to_pylist()
    return PositionRates(
        coverage=coverage_of(asked.part),
        results=tuple(_rate(row, grouping, propensity) for row in rows),
    )


def _rate(
    row: dict[str, Any], grouping: Grouping | None, propensity: Propensity | None
) -> PositionRate:
    before = None
    if row.get(f"{BEFORE}impressions") is not None:
        before = (row[f"{BEFORE}clicks"], row[f"{BEFORE}impressions"])
    click_through = share(row["clicks"], row["impressions"], before)
    assert click_through is not None  # a position without impressions has no row
    examined = None if propensity is None else propensity(row["position"])
    return PositionRate(
        group=group_name(row["group"], grouping),
        position=row["position"],
        click_through=click_through,
        debiased=_debiased(click_through, examined) if examined else None,
    )


def _debiased(click_through: Share, examined: RankPropensity) -> Debiased:
    """Both intervals together, so that it is wider than it need be rather than narrower."""
    return Debiased(
        rate=min(1.0, click_through.rate / examined.propensity),
        low=min(1.0, click_through.low / examined.high),
        high=min(1.0, click_through.high / examined.low),
        propensity=examined.propensity,
    )
