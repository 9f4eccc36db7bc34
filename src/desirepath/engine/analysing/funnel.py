"""Funnels: from being shown to being bought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ibis.expr.types import Table

from desirepath.analysis.funnels import document_funnel, session_funnel
from desirepath.analysis.log import Log
from desirepath.domain.grouping import Grouping, group_name
from desirepath.engine.analysing.comparing import BEFORE, Compared, with_before
from desirepath.engine.analysing.coverage import coverage_of
from desirepath.engine.analysing.figures import Share, amount, share
from desirepath.engine.analysing.relevance import Funnel, Funnels, FunnelStep, Unit

__all__ = ["funnels"]


def funnels(asked: Compared, steps: Sequence[str], grouping: Grouping | None = None) -> Funnels:
    """Count how many go how far.

    Parameters
    ----------
    steps
        Interaction types, first the first; ``impression`` is being shown, or returned where no
        impressions are sent. The order in time is not looked at.
    """
    counted = asked.part.log.counted
    lacking = counted.agg(n=counted.session_id.isnull().sum().fill_null(0))
    return Funnels(
        coverage=coverage_of(asked.part),
        without_session=asked.part.engine.arrow(lacking).to_pylist()[0]["n"],
        results=(
            *_of_unit("documents", document_funnel, asked, steps, grouping),
            *_of_unit("sessions", session_funnel, asked, steps, grouping),
        ),
    )


def _of_unit(
    unit: Unit,
    counts: Callable[[Log, Sequence[str], Grouping | None], Table],
    asked: Compared,
    steps: Sequence[str],
    grouping: Grouping | None,
) -> list[Funnel]:
    table = counts(asked.part.log, steps, grouping)
    if asked.earlier is not None:
        table = with_before(table, counts(asked.earlier.log, steps, grouping), ("group",))
    return [
        Funnel(unit=unit, group=group_name(row["group"], grouping), steps=_steps(row, steps))
        for row in asked.part.engine.arrow(table.order_by("group")).to_pylist()
    ]


def _steps(row: Mapping[str, Any], steps: Sequence[str]) -> tuple[FunnelStep, ...]:
    now = [row[f"step_{number}"] for number in range(len(steps))]
    then = [row.get(f"{BEFORE}step_{number}") or 0 for number in range(len(steps))]
    is_compared = f"{BEFORE}step_0" in row

    def of(number: int, other: int) -> Share | None:
        before = (then[number], then[other]) if is_compared else None
        return share(now[number], now[other], before) if number else None

    return tuple(
        FunnelStep(
            step=step,
            reached=amount(now[number], then[number] if is_compared else None),
            of_former=of(number, number - 1),
            of_first=of(number, 0),
        )
        for number, step in enumerate(steps)
    )
