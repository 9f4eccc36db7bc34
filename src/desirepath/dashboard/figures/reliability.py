"""Reliability of a click-through model: what it predicts beside what was clicked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from desirepath.dashboard.figures.canvas import Canvas, Chart, data
from desirepath.dashboard.figures.words import percent
from desirepath.engine.training.ctr_report import CtrReport
from desirepath.methods.ranking.calibration import ReliabilityBin

__all__ = ["draw_reliability"]

_HEIGHT, _COUNTS_HEIGHT = 340, 54
_LABELS = 46  # width of the labels of values
_AXIS = 72  # the same, with the title
_CALIBRATED, _UNCALIBRATED = "calibrated", "not calibrated"
_ROOM = 1.04  # above the highest mark


def draw_reliability(canvas: Canvas, report: CtrReport) -> Chart:
    """Draw the share that was clicked against the predicted one, with 95 % intervals.

    Each point is a part of the documents with about the same prediction. Beneath stands how many
    documents each is. What was stored before both were kept is drawn with calibration only.
    """
    series = {_UNCALIBRATED: report.reliability_uncalibrated, _CALIBRATED: report.reliability}
    drawn = {name: bins for name, bins in series.items() if bins}
    every = [one for bins in drawn.values() for one in bins]
    top = min(1.0, _ROOM * max(max(one.predicted, one.high) for one in every))
    scale = alt.Scale(domain=[0, top], nice=False, padding=0)
    width = canvas.inner_width - _AXIS
    points = _points(canvas, drawn, scale).properties(width=width, height=_HEIGHT)
    counts = _counts(canvas, report.reliability, scale).properties(width=width)
    chart = alt.vconcat(points, counts.properties(height=_COUNTS_HEIGHT), spacing=8)
    return canvas.finish(chart, _title(report), *_about(report))


def _title(report: CtrReport) -> str:
    error = report.measured[0].measures.calibration_error.mean
    return f"Predicted chances of a click are off by {100 * error:.2g} percentage points on average"


def _about(report: CtrReport) -> Iterator[str]:
    yield (
        f"{report.n_test_impressions:,} documents of the last {report.n_test_lists:,} lists, from "
        f"{report.test_from[:10]}; {percent(report.test_click_rate)} clicked. Learned from "
        f"{report.n_train_lists:,} lists before them; seed {report.seed}."
    )
    yield "Expected calibration error: " + "; ".join(
        f"{one.words} {error.mean:.3f} ({error.low:.3f} – {error.high:.3f})"
        for one in report.measured[:2]
        for error in (one.measures.calibration_error,)
    )
    yield report.verdict
    yield (
        f"Each point is one of {len(report.reliability)} parts of the documents by their "
        "prediction; bars are 95% intervals (Wilson). On the line, as many are clicked as was "
        "predicted."
    )


def _points(
    canvas: Canvas, series: dict[str, tuple[ReliabilityBin, ...]], scale: alt.Scale
) -> Chart:
    palette = canvas.palette
    names = list(reversed(series))  # the legend begins with the model, which is drawn last
    colors = [palette.good, palette.query][: len(names)]
    rows = [_row(name, one) for name, bins in series.items() for one in bins]
    axis = alt.Axis(
        format="~%", tickCount=4 if canvas.is_narrow else 8, grid=False, labelFlush=False
    )
    x = alt.X("predicted:Q", title="predicted chance of a click", scale=scale, axis=axis)
    axis = alt.Axis(format="~%", tickCount=6, minExtent=_LABELS, maxExtent=_LABELS)
    y = alt.Y("rate:Q", title="share clicked", scale=scale, axis=axis)
    legend = None
    if len(names) > 1:
        legend = alt.Legend(values=names, symbolOpacity=1, symbolStrokeWidth=0)
    base = alt.Chart(data(rows)).encode(
        x=x,
        color=alt.Color("series:N", scale=alt.Scale(domain=names, range=colors), legend=legend),
        tooltip=alt.Tooltip("told:N", title=" "),
        description="told:N",
    )
    shapes = ["circle", "square"][: len(names)]
    size = 46 if canvas.is_narrow else 80
    dots = base.mark_point(
        filled=True, size=size, opacity=1, stroke=palette.surface, strokeWidth=1
    ).encode(
        y=y,
        shape=alt.Shape("series:N", scale=alt.Scale(domain=names, range=shapes), legend=legend),
    )
    whiskers = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title="share clicked"))
    return alt.layer(_diagonal(canvas, x, y, scale["domain"]), whiskers.encode(y2="high:Q"), dots)


def _diagonal(canvas: Canvas, x: alt.X, y: alt.Y, ends: Sequence[float]) -> Chart:
    rows = [{"predicted": at, "rate": at} for at in ends]
    line = alt.Chart(data(rows)).mark_line(
        color=canvas.palette.muted, strokeDash=[4, 4], strokeWidth=1.5, aria=False
    )
    diagonal: Chart = line.encode(x=x, y=y)
    return diagonal


def _counts(canvas: Canvas, bins: Sequence[ReliabilityBin], scale: alt.Scale) -> Chart:
    rows = [_row(_CALIBRATED, one) for one in bins]
    axis = alt.Axis(format=",d", tickCount=2, minExtent=_LABELS, maxExtent=_LABELS)
    bars = alt.Chart(data(rows)).mark_bar(size=5, color=canvas.palette.muted)
    counts: Chart = bars.encode(
        x=alt.X("predicted:Q", scale=scale, axis=None),  # that above
        y=alt.Y("of:Q", title="documents", axis=axis),
        tooltip=alt.Tooltip("told:N", title=" "),
        description="told:N",
    )
    return counts


def _row(series: str, one: ReliabilityBin) -> dict[str, Any]:
    told = f"{series}: {one.predicted:.1%} predicted, {one.rate:.1%} clicked "
    told += f"({one.low:.1%} – {one.high:.1%}): {one.clicked:,} of {one.of:,} documents"
    return {
        "series": series,
        "predicted": one.predicted,
        "rate": one.rate,
        "low": one.low,
        "high": one.high,
        "of": one.of,
        "told": told,
    }
