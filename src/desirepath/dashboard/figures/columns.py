"""Rows of figures beneath heads, as in a table, but drawn: names, bars, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
from msgspec import Struct

from desirepath.dashboard.figures.canvas import Canvas, Chart, data

__all__ = [
    "Bars",
    "Cell",
    "Column",
    "Intervals",
    "Mark",
    "Names",
    "draw_columns",
    "head",
    "row_axis",
]

Mark = Literal["plain", "good", "bad"]

_ROW_HEIGHT = 26
_SPACING = 18
_ROOM = 1.5  # of bars, for the number at their end


class Cell(Struct, frozen=True, kw_only=True):
    """What stands in one row of a column; without a value, nothing but ``text``.

    Parameters
    ----------
    text
        A name, or the number at the end of a bar.
    told
        What a tooltip says.
    mark
        How it is drawn: as something usual, something good, or something bad.
    """

    text: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    told: str = ""
    mark: Mark = "good"


class Column(Struct, frozen=True, kw_only=True):
    """A column: its head, its share of the width, and a cell for each row."""

    title: str
    share: float
    cells: Sequence[Cell]


class Names(Column, frozen=True, kw_only=True):
    """Texts."""


class Bars(Column, frozen=True, kw_only=True):
    """Bars from 0, with their texts at the end.

    Parameters
    ----------
    most
        The longest bar there may be; None: that there is.
    """

    most: float | None = None


class Intervals(Column, frozen=True, kw_only=True):
    """Points with intervals.

    Parameters
    ----------
    form
        How numbers are written on the axis.
    line
        Where a line stands to compare with.
    most
        Where the axis ends; None: with the longest interval.
    """

    form: str = "~%"
    line: float | None = None
    most: float | None = None


def draw_columns(canvas: Canvas, columns: Sequence[Column]) -> Chart:
    """Draw columns of equally many rows beside each other."""
    room = canvas.inner_width - _SPACING * (len(columns) - 1)
    total = sum(column.share for column in columns)
    panels = [
        _panel(canvas, column, round(room * column.share / total)).properties(
            title=head(canvas, column.title)
        )
        for column in columns
    ]
    beside = alt.hconcat(*panels, spacing=_SPACING, bounds="flush")
    apart: Chart = beside.resolve_scale(color="independent", shape="independent")
    return apart


def row_axis(n_rows: int) -> alt.Y:
    """The axis that rows stand on, the first at the top; by the field ``row``."""
    scale = alt.Scale(domain=[-0.5, n_rows - 0.5], reverse=True, nice=False, zero=False, padding=0)
    return alt.Y("row:Q", scale=scale, axis=None)


def head(canvas: Canvas, title: str) -> alt.TitleParams:
    """What stands above a column, or another panel."""
    return alt.TitleParams(
        title.split("\n"),
        fontSize=12,
        fontWeight="normal",
        color=canvas.palette.muted,
        lineHeight=15,
        anchor="start",
        frame="group",
        offset=6,
    )


def _panel(canvas: Canvas, column: Column, width: int) -> Chart:
    rows = [
        {
            "row": number,
            "text": cell.text,
            "value": cell.value,
            "end": cell.value or 0,
            "low": cell.low,
            "high": cell.high,
            "told": cell.told,
            "mark": cell.mark,
        }
        for number, cell in enumerate(column.cells)
    ]
    height = _ROW_HEIGHT * len(rows)
    base = alt.Chart(data(rows), width=width, height=height).encode(y=row_axis(len(rows)))
    match column:
        case Bars():
            return _bars(canvas, column, base)
        case Intervals():
            return _intervals(canvas, column, base)
    texts: Chart = base.mark_text(align="left", limit=width).encode(
        x=alt.value(0),
        text="text:N",
        tooltip=alt.Tooltip("told:N", title=" "),
        description="told:N",
    )
    return texts


def _bars(canvas: Canvas, column: Bars, base: alt.Chart) -> Chart:
    longest = max((cell.value or 0.0 for cell in column.cells), default=0.0)
    most = column.most or longest or 1.0
    scale = alt.Scale(domain=[0, most * _ROOM], nice=False)
    x = alt.X("value:Q", scale=scale, axis=None)
    bars = base.mark_bar(height=14, cornerRadiusEnd=3).encode(
        x=x,
        x2=alt.datum(0),
        tooltip=alt.Tooltip("told:N", title=" "),
        description="told:N",
        color=_color(canvas, canvas.palette.shown),
    )
    texts = base.mark_text(align="left", dx=6).encode(
        x=alt.X("end:Q", scale=scale, axis=None), text="text:N", description="told:N"
    )
    return alt.layer(bars, texts)


def _intervals(canvas: Canvas, column: Intervals, base: alt.Chart) -> Chart:
    palette = canvas.palette
    scale = alt.Scale(zero=True, nice=True)
    if column.most is not None:
        scale = alt.Scale(domain=[0, column.most])
    axis = alt.Axis(
        format=column.form, tickCount=3, orient="bottom", labelOverlap=True, labelFlush=True
    )
    x = alt.X("low:Q", scale=scale, axis=axis, title=None)
    value = alt.X("value:Q", scale=scale, axis=axis, title=None)
    told = {"tooltip": alt.Tooltip("told:N", title=" "), "description": alt.Description("told:N")}
    known = base.transform_filter("isValid(datum.value)")
    layers: list[Any] = [
        known.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q", color=_color(canvas), **told),
        known.mark_point(
            filled=True, size=70, opacity=1, stroke=palette.surface, strokeWidth=1
        ).encode(x=value, color=_color(canvas), shape=_shape(), **told),
    ]
    if column.line is not None:
        line = alt.Chart(data([{"at": column.line}])).mark_rule(
            color=palette.muted, strokeDash=[3, 3], aria=False
        )
        layers.insert(0, line.encode(x=alt.X("at:Q", scale=scale, axis=axis, title=None)))
    return alt.layer(*layers)


_MARKS = ["plain", "good", "bad"]


def _color(canvas: Canvas, plain: str | None = None) -> alt.Color:
    colors = [plain or canvas.palette.muted, canvas.palette.good, canvas.palette.bad]
    return alt.Color("mark:N", scale=alt.Scale(domain=_MARKS, range=colors), legend=None)


def _shape() -> alt.Shape:
    shapes = ["circle", "circle", "triangle-down"]
    return alt.Shape("mark:N", scale=alt.Scale(domain=_MARKS, range=shapes), legend=None)
