"""Documents: which stand too high, and which too low."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from desirepath.dashboard.figures.canvas import Canvas, Chart, data, stacked
from desirepath.dashboard.figures.columns import (
    Bars,
    Cell,
    Column,
    Intervals,
    Mark,
    Names,
    draw_columns,
    head,
)
from desirepath.dashboard.figures.words import counted, shortened, told_of
from desirepath.engine.analysing.relevance import DocumentRates, DocumentRow

__all__ = ["draw_documents"]

_MOST_ROWS = 20
_MOST_NAMED = 8
_SAME_LINE = 1.2  # ratios nearer than this would write on one line
_HEIGHT = 300
_LEAST_RATIO, _MOST_RATIO = 0.1, 10.0
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10)
_MARKS = ["loved: stands too low", "skipped: stands too high", "neither"]


def draw_documents(canvas: Canvas, answer: DocumentRates) -> Chart:
    """Draw where documents stand against what they get there, and a row of figures for each."""
    about = tuple(told_of(answer.coverage))
    if not answer.results:
        return canvas.nothing("Documents", "No such document.", *about)
    rows = answer.results[:_MOST_ROWS]
    table = draw_columns(canvas, _columns(rows, canvas.is_narrow))
    placed = [row for row in answer.results if row.clicks_over_expected and row.average_position]
    parts = [_places(canvas, placed)] if placed else []
    few = "fewer than 1" if answer.by_chance < 1 else f"about {answer.by_chance:,.0f}"
    return canvas.finish(
        stacked([*parts, table]),
        _title(answer),
        *about,
        f"{len(answer.results):,} of {counted(answer.n_documents, 'document')}; expected is what "
        f"others get in the same places. Lines are 95% intervals; {few} of each finding would be "
        "there by chance.",
    )


def _title(answer: DocumentRates) -> str:
    loved = answer.finding_to_n.get("low_rank_loved", 0)
    skipped = answer.finding_to_n.get("high_rank_skipped", 0)
    if not loved and not skipped:
        return "No document stands clearly too high or too low"
    stand = "stands" if skipped == 1 else "stand"
    return (
        f"{counted(skipped, 'document')} {stand} high and {'is' if skipped == 1 else 'are'} "
        f"skipped, {loved:,} {'stands' if loved == 1 else 'stand'} low and "
        f"{'is' if loved == 1 else 'are'} loved"
    )


def _finding(row: DocumentRow) -> str:
    if "low_rank_loved" in row.findings:
        return _MARKS[0]
    return _MARKS[1] if "high_rank_skipped" in row.findings else _MARKS[2]


def _places(canvas: Canvas, placed: Sequence[DocumentRow]) -> Chart:
    palette = canvas.palette
    middle = _middle(placed)
    named = _named(placed)
    rows = [_place(row, row in named) for row in placed]
    low, high = _domain(placed)
    scale = alt.Scale(type="log", domain=[low, high], clamp=True, nice=False)
    axis = alt.Axis(
        values=[at for at in _TICKS if low <= at <= high],
        format="~g",
        labelAlign="left",  # within the panel, so that it starts where the rows beneath it do
        labelPadding=0,
        labelOffset=-9,
    )
    y = alt.Y("ratio:Q", scale=scale, axis=axis, title=None)
    base = alt.Chart(data(rows), width=canvas.inner_width, height=_HEIGHT).encode(
        x=alt.X(
            "position:Q",
            title="mean position (0 is the first)",
            scale=alt.Scale(zero=False, nice=False, padding=32),
            axis=alt.Axis(tickCount=6, grid=False),
        ),
        color=alt.Color(
            "finding:N",
            scale=alt.Scale(domain=_MARKS, range=[palette.good, palette.bad, palette.muted]),
            legend=alt.Legend(
                symbolOpacity=1,
                symbolStrokeWidth=0,
                direction="vertical" if canvas.is_narrow else "horizontal",
            ),
        ),
        tooltip=alt.Tooltip("told:N", title=" "),
        description="told:N",
    )
    shape = alt.Shape(
        "finding:N",
        scale=alt.Scale(domain=_MARKS, range=["triangle-up", "triangle-down", "circle"]),
    )
    one = alt.Chart(data([{"at": 1}])).mark_rule(color=palette.muted, strokeDash=[3, 3], aria=False)
    layers = alt.layer(
        one.encode(y=alt.Y("at:Q", scale=scale)),
        base.mark_rule(opacity=0.45, strokeWidth=1.5).encode(
            y=alt.Y("low:Q", scale=scale), y2="high:Q"
        ),
        base.mark_point(filled=True, opacity=1, stroke=palette.surface, strokeWidth=1).encode(
            y=y,
            shape=shape,
            size=alt.condition(alt.datum.finding == _MARKS[2], alt.value(45), alt.value(110)),
        ),
        *(
            base.transform_filter(
                alt.datum.position < middle if is_left else alt.datum.position >= middle
            )
            .mark_text(align="left" if is_left else "right", dx=9 if is_left else -9, limit=140)
            .encode(y=y, text="name:N", color=alt.value(palette.ink))
            for is_left in (True, False)
        ),
    )
    over = head(canvas, "clicks over those expected: 2 is twice as many (log)")
    titled: Chart = layers.properties(title=over)
    return titled


def _middle(placed: Sequence[DocumentRow]) -> float:
    positions = [row.average_position.mean for row in placed if row.average_position is not None]
    return (min(positions) + max(positions)) / 2


def _named(placed: Sequence[DocumentRow]) -> list[DocumentRow]:
    """Those whose name fits: the most often shown with a finding, far enough from each other."""
    named: list[DocumentRow] = []
    positions = [row.average_position.mean for row in placed if row.average_position is not None]
    reach = (max(positions) - min(positions)) / 6
    for row in sorted(placed, key=lambda row: -row.impressions.count):
        if _finding(row) != _MARKS[2] and not any(_is_near(row, other, reach) for other in named):
            named.append(row)
    return named[:_MOST_NAMED]


def _is_near(row: DocumentRow, other: DocumentRow, reach: float) -> bool:
    one, two = row.clicks_over_expected, other.clicks_over_expected
    at, there = row.average_position, other.average_position
    if one is None or two is None or at is None or there is None:
        return False
    few = min(one.ratio, two.ratio)
    is_level = few <= 0 or max(one.ratio, two.ratio) / few < _SAME_LINE
    return is_level and abs(at.mean - there.mean) < reach


def _domain(placed: Sequence[DocumentRow]) -> list[float]:
    overs = [row.clicks_over_expected for row in placed if row.clicks_over_expected is not None]
    low = min(over.low for over in overs)
    high = max(over.high for over in overs)
    return [max(min(low, 0.5), _LEAST_RATIO), min(max(high, 2.0), _MOST_RATIO)]


def _place(row: DocumentRow, is_named: bool) -> dict[str, object]:
    over, at = row.clicks_over_expected, row.average_position
    assert over is not None
    assert at is not None
    return {
        "position": at.mean,
        "ratio": over.ratio,
        "low": max(over.low, 1e-9),
        "high": max(over.high, 1e-9),
        "finding": _finding(row),
        "name": shortened(_name(row), 24) if is_named else "",
        "told": _told(row),
    }


def _columns(rows: Sequence[DocumentRow], is_narrow: bool) -> list[Column]:
    columns: list[Column] = [
        Names(
            title="document",
            share=2.0,
            cells=[Cell(text=_name(row), told=_told(row)) for row in rows],
        ),
        Bars(title="impressions", share=1.4, cells=[_volume(row) for row in rows]),
        Intervals(
            title="impressions\nclicked", share=1.6, cells=[_click_through(row) for row in rows]
        ),
    ]
    if not is_narrow:
        columns.append(
            Intervals(
                title="change, later less\nearlier, % points",
                share=1.6,
                form="+d",
                line=0,
                cells=[_trend(row) for row in rows],
            )
        )
    return columns


def _name(row: DocumentRow) -> str:
    name = shortened(row.document_id, 40)
    return name if row.group is None else f"{name} · {shortened(row.group, 20)}"


def _told(row: DocumentRow) -> str:
    over, at = row.clicks_over_expected, row.average_position
    told = f"{_name(row)}: {counted(row.impressions.count, 'impression')}"
    if at is not None:
        told += f" at position {at.mean:.1f} on average"
    if over is not None:
        told += f", {counted(over.clicks, 'click')} where {over.expected:,.1f} are expected"
        told += f": {over.ratio:.2f} ({over.low:.2f} – {over.high:.2f})"
    return told


def _volume(row: DocumentRow) -> Cell:
    n = row.impressions.count
    return Cell(text=f"{n:,}", value=n, told=_told(row), mark="plain")


def _click_through(row: DocumentRow) -> Cell:
    share = row.click_through
    if share is None:
        return Cell()
    told = f"{_name(row)}: {share.count:,} of {share.of:,} clicked, {share.rate:.1%}"
    told += f" ({share.low:.1%} – {share.high:.1%})"
    mark: Mark = "bad" if "high_rank_skipped" in row.findings else "good"
    return Cell(value=share.rate, low=share.low, high=share.high, told=told, mark=mark)


def _trend(row: DocumentRow) -> Cell:
    change = row.trend.change
    if change is None:
        return Cell()
    mark: Mark = "plain"
    if "rising" in row.findings:
        mark = "good"
    elif "fading" in row.findings:
        mark = "bad"
    told = f"{_name(row)}: {100 * change.difference:+.1f} percentage points of click-through "
    told += f"({100 * change.low:+.1f} … {100 * change.high:+.1f})"
    return Cell(
        value=100 * change.difference,
        low=100 * change.low,
        high=100 * change.high,
        told=told,
        mark=mark,
    )
