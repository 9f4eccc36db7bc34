"""Figures with intervals by position, several series beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
from msgspec import Struct

from desirepath.dashboard.figures.canvas import Canvas, Chart, data

__all__ = ["MOST_SERIES", "Point", "draw_series"]

MOST_SERIES = 4

_SHAPES = ("circle", "square", "triangle-up", "diamond")
_DASHES = ((1, 0), (6, 4), (2, 3), (8, 3, 2, 3))
_HEIGHT = 300
_LABELS = 40  # width of the labels of values
_AXIS = 66  # the same, with the title


class Point(Struct, frozen=True, kw_only=True):
    """A figure of a series at a position.

    Parameters
    ----------
    told
        What a tooltip says.
    """

    series: str
    position: str
    value: float
    low: float
    high: float
    told: str


def draw_series(
    canvas: Canvas,
    points: Sequence[Point],
    *,
    place: str,
    title: str,
    form: str,
    top: float | None = None,
) -> Chart:
    """Draw points with their intervals, each series in a shape, a dash and a colour of its own.

    Parameters
    ----------
    points
        Of at most ``MOST_SERIES`` series, in the order of the legend and of the axis.
    place
        What positions are: the title of their axis.
    title, form
        Of the axis of values: what it is, and how numbers are written there.
    top
        Where that axis ends; beyond it, intervals are cut off. None: where the longest ends.
    """
    palette = canvas.palette
    names = list(dict.fromkeys(point.series for point in points))
    colors = (palette.good, palette.query, palette.bad, palette.muted)[: len(names)]
    legend = _legend(canvas, names) if len(names) > 1 else None
    rows = [
        {
            "series": point.series,
            "position": point.position,
            "value": point.value,
            "low": point.low,
            "high": point.high,
            "told": point.told,
        }
        for point in points
    ]
    positions = list(dict.fromkeys(point.position for point in points))
    scale = alt.Scale(zero=True, nice=top is None, clamp=top is not None)
    if top is not None:
        scale.domain = [0, top]
    width = canvas.inner_width - _AXIS
    base = alt.Chart(data(rows), width=width, height=_HEIGHT).encode(
        x=alt.X(
            "position:O",
            sort=positions,
            title=place,
            axis=alt.Axis(labelAngle=0, labelOverlap=True),
        ),
        xOffset=alt.XOffset("series:N", sort=names, scale=alt.Scale(paddingOuter=_outer(names))),
        color=alt.Color(
            "series:N", sort=names, scale=alt.Scale(domain=names, range=colors), legend=legend
        ),
        tooltip=alt.Tooltip("told:N", title=" "),
        description="told:N",
    )
    axis = alt.Axis(format=form, tickCount=6, minExtent=_LABELS, maxExtent=_LABELS)
    y = alt.Y("value:Q", title=title, scale=scale, axis=axis)
    lines = base.mark_line(strokeWidth=1.5, opacity=0.55).encode(
        y=y,
        strokeDash=alt.StrokeDash(
            "series:N", scale=alt.Scale(domain=names, range=_DASHES[: len(names)]), legend=None
        ),
        description=alt.value("line"),
    )
    whiskers = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    size = 46 if canvas.is_narrow else 80
    dots = base.mark_point(
        filled=True, size=size, opacity=1, stroke=palette.surface, strokeWidth=1
    ).encode(
        y=y,
        shape=alt.Shape(
            "series:N", scale=alt.Scale(domain=names, range=_SHAPES[: len(names)]), legend=legend
        ),
    )
    return alt.layer(lines, whiskers, dots)


def _legend(canvas: Canvas, names: Sequence[str]) -> alt.Legend:
    return alt.Legend(
        values=list(names),
        symbolOpacity=1,
        symbolDash=[1, 0],
        symbolStrokeWidth=0,
        direction="vertical" if canvas.is_narrow else "horizontal",
    )


def _outer(names: Sequence[str]) -> float:
    return 0.5 if len(names) == 1 else 1.0
