"""Funnels: how many go how far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.groups import with_group
from desirepath.analysis.log import Log
from desirepath.domain.acts import TYPE_TO_BIT
from desirepath.domain.grouping import Grouping

__all__ = ["document_funnel", "session_funnel"]

_SHOWN = "impression"


def document_funnel(log: Log, steps: Sequence[str], grouping: Grouping | None = None) -> Table:
    """How many impressions had each step and all before it: ``group``, ``step_0``, ``step_1`` …

    Parameters
    ----------
    steps
        Interaction types. ``impression`` is every impression that rates count; without it, all
        documents that something was done with are looked at, counted or not.
    """
    rows = log.counted if _SHOWN in steps else log.impressions
    return _reached(with_group(rows.mutate(**_taken(rows, steps)), grouping), steps)


def session_funnel(log: Log, steps: Sequence[str], grouping: Grouping | None = None) -> Table:
    """The same of sessions, in which each step may have been taken with another document.

    A session whose searches are of several groups counts in each of them, by what was done there.
    """
    keys = ["group", "session_id"]
    rows = with_group(log.impressions.filter(_.session_id.notnull()), grouping)
    rows = rows.mutate(**_taken(rows, steps))
    sessions = rows.group_by(keys).agg(
        **{_did(number): rows[_did(number)].max() for number in range(len(steps))}
    )
    if _SHOWN in steps:
        shown = with_group(log.counted.filter(_.session_id.notnull()), grouping)
        sessions = sessions.semi_join(shown, keys)
    return _reached(sessions, steps)


def _taken(rows: Table, steps: Sequence[str]) -> dict[str, Any]:
    """Whether each step was taken; being shown always was."""
    return {
        _did(number): ibis.literal(True) if step == _SHOWN else (rows.acts & TYPE_TO_BIT[step]) != 0
        for number, step in enumerate(steps)
    }


def _reached(rows: Table, steps: Sequence[str]) -> Table:
    counts: dict[str, Any] = {}
    so_far: Any = ibis.literal(True)
    for number in range(len(steps)):
        so_far = so_far & rows[_did(number)]
        counts[f"step_{number}"] = so_far.sum()
    return rows.group_by("group").agg(**counts)


def _did(number: int) -> str:
    return f"did_{number}"
