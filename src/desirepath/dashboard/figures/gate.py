"""What a gate said of a candidate: each metric beside what was live, and what it may lose."""

from __future__ import annotations

from collections.abc import Iterator

from desirepath.dashboard.figures.canvas import Canvas, Chart
from desirepath.dashboard.figures.columns import (
    Bars,
    Cell,
    Column,
    Mark,
    Names,
    draw_columns,
)
from desirepath.domain.gate import GatedMetric, GateVerdict

__all__ = ["draw_gate"]


def draw_gate(canvas: Canvas, verdict: GateVerdict) -> Chart:
    """Draw a row for each metric, the one that decides first."""
    return draw_columns(canvas, list(_columns(verdict, canvas.is_narrow)))


def _columns(verdict: GateVerdict, is_narrow: bool) -> Iterator[Column]:
    rows = list(verdict.per_metric.items())
    names = [f"{name} (decides)" if name == verdict.primary_metric else name for name, _ in rows]
    tolds = [_told(name, one) for name, one in rows]
    yield Names(
        title="metric",
        share=1.5,
        cells=[Cell(text=name, told=told) for name, told in zip(names, tolds, strict=True)],
    )
    for title, values in (
        ("live", [one.baseline for _, one in rows]),
        ("candidate", [one.candidate for _, one in rows]),
    ):
        yield Bars(
            title=title,
            share=1.5,
            most=1.0,
            cells=[
                Cell(
                    text=_number(value, ".3f"),
                    value=value,
                    told=told,
                    mark=_mark(one) if title == "candidate" else "plain",
                )
                for value, told, (_, one) in zip(values, tolds, rows, strict=True)
            ],
        )
    yield Names(
        title="change",
        share=1.4 if is_narrow else 0.8,
        cells=[
            Cell(text=_change(one), told=told) for (_, one), told in zip(rows, tolds, strict=True)
        ],
    )
    if not is_narrow:
        yield Names(
            title="may lose",
            share=0.7,
            cells=[Cell(text=_may_lose(one)) for _, one in rows],
        )


def _mark(one: GatedMetric) -> Mark:
    if one.delta is None or not (one.regressed or one.delta > 0.0):
        return "plain"
    return "bad" if one.regressed else "good"


def _change(one: GatedMetric) -> str:
    return _number(one.delta, "+.4f") + (" ▼" if one.regressed else "")


def _may_lose(one: GatedMetric) -> str:
    return f"{-one.threshold:.4f}" if one.threshold else "nothing"


def _told(name: str, one: GatedMetric) -> str:
    if one.delta is None:
        return f"{name}: not compared"
    told = f"{name}: {one.candidate:.4f} against {one.baseline:.4f}"
    return f"{told}, regressed" if one.regressed else told


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"
