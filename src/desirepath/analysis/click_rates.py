"""Impressions and clicks by position, and by document beside what its positions let expect."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.groups import with_group
from desirepath.analysis.impressions import is_clicked
from desirepath.analysis.log import Log
from desirepath.analysis.searches import ACTED
from desirepath.domain.acts import LEFT_AGAIN, SKIPPED
from desirepath.domain.grouping import Grouping

__all__ = ["document_clicks", "position_clicks"]


def position_clicks(log: Log, grouping: Grouping | None = None) -> Table:
    """Of what rates count: ``group``, ``position``, ``impressions``, ``clicks``."""
    rows = with_group(log.counted, grouping)
    return rows.group_by("group", "position").agg(
        impressions=rows.count(), clicks=is_clicked(rows).sum()
    )


def document_clicks(log: Log, grouping: Grouping | None = None, middle: int | None = None) -> Table:
    """What became of each document.

    Parameters
    ----------
    middle
        Also count what was searched from then on, microseconds since 1970.

    Returns
    -------
    Table
        ``group``, ``document_id``, ``impressions``, ``clicks``, ``skips``, ``returns``, ``acted``,
        ``ranks`` and ``ranks_squared`` (sums), ``expected`` (clicks, if each impression had the
        click-through of its position in this log), ``later_impressions`` and ``later_clicks``.
    """
    rows = with_group(log.counted, grouping)
    is_later: Any = ibis.literal(False) if middle is None else rows.occurred_at >= middle
    rows = rows.mutate(is_later=is_later)
    clicked = is_clicked(rows)
    cells = rows.group_by("group", "document_id", "position").agg(
        impressions=rows.count(),
        clicks=clicked.sum(),
        skips=((rows.acts & SKIPPED) != 0).sum(),
        returns=((rows.acts & LEFT_AGAIN) != 0).sum(),
        acted=((rows.acts & ACTED) != 0).sum(),
        later_impressions=rows.is_later.sum(),
        later_clicks=(rows.is_later & clicked).sum(),
    )
    curve = position_clicks(log).select("position", expected_rate=_.clicks / _.impressions)
    cells = cells.inner_join(curve, "position")
    rank = cells.position.cast("int64") + 1
    return cells.group_by("group", "document_id").agg(
        **{
            name: cells[name].sum()
            for name in (
                "impressions",
                "clicks",
                "skips",
                "returns",
                "acted",
                "later_impressions",
                "later_clicks",
            )
        },
        ranks=(rank * cells.impressions).sum(),
        ranks_squared=(rank * rank * cells.impressions).sum(),
        expected=(cells.impressions * cells.expected_rate).sum(),
    )
