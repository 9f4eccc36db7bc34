"""What an experiment has come to: who is ahead by how much, and the evidence as it grew."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt

from desirepath.dashboard.figures.canvas import Canvas, Chart, data, stacked
from desirepath.dashboard.figures.columns import Cell, Intervals, Mark, Names, draw_columns
from desirepath.dashboard.figures.words import shortened
from desirepath.domain.experiment import Mode
from desirepath.engine.comparing.results import Side
from desirepath.engine.proof_reports import ExperimentReport
from desirepath.methods.interleaving.comparing import ExperimentOutcome

__all__ = ["draw_experiment"]

_HEIGHT = 240
_LABELS = 46  # width of the labels of values
_AXIS = 72  # the same, with the title
_OUTCOME_TO_MARK: dict[ExperimentOutcome, Mark] = {
    ExperimentOutcome.CHALLENGER: "good",
    ExperimentOutcome.LIVE: "bad",
}
_MODE_TO_WORDS = {
    Mode.INTERLEAVE: "Interleaved: everybody saw results of both in one list, and an act counts "
    "for the one that the result came from.",
    Mode.SPLIT: "Split: each user saw one of both.",
    Mode.OFF: "",
}


def draw_experiment(canvas: Canvas, report: ExperimentReport) -> Chart:
    """Draw the difference with its interval, both sides, and the evidence over closed units."""
    found = report.result
    is_narrow = canvas.is_narrow
    panels = [draw_columns(canvas, [*_difference(report, is_narrow), *_sides(report, is_narrow)])]
    if found.path:
        panels.append(_evidence(canvas, report))
    title, _, rest = found.words.partition(". ")
    return canvas.finish(stacked(panels), f"{title.rstrip('.')}.", *_about(report, rest))


def _about(report: ExperimentReport, rest: str) -> Iterator[str]:
    found = report.result
    live, challenger = (_named(name) for name in (report.live_name, report.challenger_name))
    yield (
        f"{challenger}, the challenger, against {live} on live traffic, "
        f"{_day(found.began_at)} to {_day(found.ended_at)}: {found.n_searches:,} searches. "
        + _MODE_TO_WORDS[found.mode]
    )
    yield rest
    if found.decided_at is not None and found.decision is not None:
        yield f"Decided on {_day(found.decided_at)}: {found.decision['outcome']}."
    if not found.sample_ratio.is_off:  # else it is the title
        yield found.sample_ratio.words
    yield (
        f"The line is the {100 * found.level:g} % interval of the difference, which holds at all "
        "times at once: looking often does no harm. Green: the challenger is ahead. Triangle: the "
        "live retriever is. Grey: nobody surely is."
    )


def _difference(report: ExperimentReport, is_narrow: bool) -> Iterator[Names | Intervals]:
    found = report.result
    mark = "plain" if found.outcome is None else _OUTCOME_TO_MARK.get(found.outcome, "plain")
    told = f"{found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
    names = (("live", report.live_name), ("challenger", report.challenger_name))
    yield Names(
        title="retriever",
        share=1.8,
        cells=[
            Cell(text=role if is_narrow else f"{shortened(name, 24)} ({role})", told=name)
            for role, name in names
        ],
    )
    yield Intervals(
        title="ahead, in reward" if is_narrow else "ahead, in reward of a unit",
        share=2.0,
        form="+.2f",
        line=0,
        cells=[
            Cell(),
            Cell(value=found.difference, low=found.low, high=found.high, told=told, mark=mark),
        ],
    )


def _sides(report: ExperimentReport, is_narrow: bool) -> Iterator[Names]:
    found = report.result
    sides: tuple[Side, Side] = (found.live, found.challenger)
    yield Names(title="units", share=0.7, cells=[Cell(text=f"{one.n_units:,}") for one in sides])
    if not is_narrow:
        yield Names(
            title="acted on", share=0.8, cells=[Cell(text=f"{s.n_acted_on:,}") for s in sides]
        )
    yield Names(title="reward", share=0.8, cells=[Cell(text=f"{one.reward:,.1f}") for one in sides])


def _evidence(canvas: Canvas, report: ExperimentReport) -> Chart:
    """Two lines over closed units, and what either is to reach."""
    found, palette = report.result, canvas.palette
    names = ["challenger ahead", "live ahead"]
    rows = [
        {"n": point.n, "evidence": value, "series": name}
        for point in found.path
        for name, value in zip(names, (point.evidence_challenger, point.evidence_live), strict=True)
    ]
    axis = alt.Axis(format="~g", tickCount=6, minExtent=_LABELS, maxExtent=_LABELS)
    y = alt.Y("evidence:Q", title="evidence", axis=axis)
    width = canvas.inner_width - _AXIS
    lines = (
        alt.Chart(data(rows), width=width, height=_HEIGHT)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X(
                "n:Q",
                title="closed units with an opinion",
                axis=alt.Axis(tickCount=4 if canvas.is_narrow else 8, grid=False),
            ),
            y=y,
            color=alt.Color(
                "series:N", scale=alt.Scale(domain=names, range=[palette.good, palette.bad])
            ),
            strokeDash=alt.StrokeDash(
                "series:N", scale=alt.Scale(domain=names, range=[[1, 0], [6, 4]]), legend=None
            ),
            description=alt.value("evidence"),
        )
    )
    needed = alt.Chart(data([{"needed": found.evidence_needed}])).mark_rule(
        color=palette.muted, strokeDash=[3, 3], aria=False
    )
    drawn: Chart = alt.layer(lines, needed.encode(y=alt.Y("needed:Q", title="evidence", axis=axis)))
    return drawn


def _named(name: str) -> str:
    return shortened(name, 60)


def _day(at: str | None) -> str:
    return "now" if at is None else at[:10]
