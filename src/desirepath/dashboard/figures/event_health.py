"""Event health: which checks failed, on how much of what is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from desirepath.dashboard.figures.canvas import Canvas, Chart
from desirepath.dashboard.figures.columns import Bars, Cell, Column, Names, draw_columns
from desirepath.dashboard.figures.words import counted, percent, shortened
from desirepath.engine.analysing.event_checks import EventCheck, EventHealth

__all__ = ["draw_event_health"]

_LEGEND = (
    "Bars are of what is checked. Strong ones: it teaches nothing, or what is wrong; faint ones: "
    "it does little harm."
)


def draw_event_health(canvas: Canvas, answer: EventHealth) -> Chart:
    """Draw each check: the share that it found, of what, and since when."""
    about = f"{counted(answer.interactions, 'interaction')} and "
    about += counted(answer.executions, "search")
    if answer.first_at is not None and answer.last_at is not None:
        about += f"; {_day(answer.first_at)} – {_day(answer.last_at)} (UTC)"
    n_failed, n_checks = len(answer.failed), len(answer.checks)
    if not answer.interactions:
        return canvas.nothing("Event health", "No events are recorded.", about + ".")
    title = f"All checks of what is sent passed, {n_checks} of them"
    if n_failed:
        title = f"{n_failed} of {n_checks} checks of what is sent failed"
    elif any(check.status == "not_made" for check in answer.checks):
        title = "No check of what is sent failed; some lack what they need"
    return canvas.finish(
        draw_columns(canvas, _columns(answer.checks, canvas.is_narrow)),
        title,
        about + ".",
        f"To mend first: {answer.failed[0].fix}" if n_failed else "",
        _LEGEND if n_failed else "",
    )


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def _columns(checks: Sequence[EventCheck], is_narrow: bool) -> list[Column]:
    columns: list[Column] = [
        Names(
            title="check",
            share=2.0,
            cells=[Cell(text=shortened(check.title, 60), told=_told(check)) for check in checks],
        ),
        Bars(
            title="share of what is checked",
            share=2.4,
            most=1.0,
            cells=[_cell(check) for check in checks],
        ),
    ]
    if not is_narrow:
        cells = [Cell(text=_since(check), told=_told(check)) for check in checks]
        columns.append(Names(title="since", share=0.8, cells=cells))
    return columns


def _since(check: EventCheck) -> str:
    return "" if check.since is None or check.status != "failed" else _day(check.since)


def _cell(check: EventCheck) -> Cell:
    if check.status == "passed":
        return Cell(text="passed", told=_told(check))
    if check.status == "not_made":
        return Cell(text="not made", told=_told(check))
    return Cell(
        text=f"{percent(check.share)} · {check.count:,} of {check.of:,}",
        value=check.share,
        told=_told(check),
        mark="bad" if check.severity == "high" else "plain",
    )


def _told(check: EventCheck) -> str:
    if check.status == "passed":
        return f"{check.title}: passed, none of {check.of:,} {check.of_what}"
    if check.status == "not_made":
        return f"{check.title}: not made. {check.missing or ''}".rstrip()
    told = f"{check.title}: {check.count:,} of {check.of:,} {check.of_what}. "
    return told + (f"{check.detail} " if check.detail else "") + check.fix
