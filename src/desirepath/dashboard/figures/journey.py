"""A session's journey: what somebody did, step by step, from top to bottom."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import altair as alt
from msgspec import Struct

from desirepath.dashboard.figures.canvas import Canvas, Chart, data
from desirepath.dashboard.figures.words import counted, elapsed, shortened
from desirepath.domain.interaction import SHOWN_TYPES
from desirepath.engine.analysing.session_answers import Journey, JourneyVisit, Step

__all__ = ["draw_journey"]

_MOST_STEPS = 40
_LINE, _GAP, _HEAD = 18, 10, 34
_TIMES, _PATH, _TEXTS = 0, 82, 102
_LETTER = 6.0  # width, pixels
_ASKS, _ACTS, _TURNS_AWAY, _OTHER = (
    "searches",
    "acts on a document",
    "finds nothing, turns away",
    "filters",
)
_KINDS = [_ASKS, _ACTS, _TURNS_AWAY, _OTHER]
_SEARCHES = ("search", "refinement", "page")
_AWAY = ("skip", "return_to_results", "negative_feedback")
_ABOUT_QUERY = ("filter_toggle", "query_refinement", "zero_results")


class _Placed(Struct, frozen=True, kw_only=True):
    """A step, and how far from the top it is drawn."""

    at: float
    time: str
    lines: Sequence[str]
    kind: str


def draw_journey(canvas: Canvas, journey: Journey) -> Chart:
    """Draw the visits of a session, the first at the top."""
    steps = [step for visit in journey.visits for step in visit.steps]
    named = f"Session {shortened(journey.session_id, 48)}."
    if not steps:
        return canvas.nothing("A session's journey", "Nothing was done that can be told.", named)
    heads, placed, paths, height = _lay_out(canvas, journey.visits)
    left_out = len(steps) - len(placed) + journey.left_out
    visits = counted(len(journey.visits), "visit")
    about = f"{named} {visits}, from {_moment(journey.visits[0].started_at)} (UTC)."
    if left_out:
        about += f" {counted(left_out, 'later step')} not drawn."
    chart = _draw(canvas, heads, placed, paths, height)
    return canvas.finish(chart, _title(journey, steps), about)


def _title(journey: Journey, steps: Sequence[Step]) -> str:
    searches = sum(step.kind in _SEARCHES for step in steps)
    acts = sum(_kind(step) == _ACTS for step in steps)
    seconds = sum(visit.seconds for visit in journey.visits)
    did = f"{counted(searches, 'search')} and {counted(acts, 'act')} on documents"
    return f"{did}, in {elapsed(seconds)}" if seconds else did


def _kind(step: Step) -> str:
    if step.kind in _SEARCHES:
        return _TURNS_AWAY if step.documents == 0 else _ASKS
    if step.kind in _AWAY:
        return _TURNS_AWAY
    return _OTHER if step.kind in _ABOUT_QUERY or step.kind in SHOWN_TYPES else _ACTS


def _lay_out(
    canvas: Canvas, visits: Sequence[JourneyVisit]
) -> tuple[list[_Placed], list[_Placed], list[tuple[float, float]], float]:
    """Heads of visits, steps, from where to where each path goes, and the height of it all."""
    letters = int((canvas.inner_width - _TEXTS) / _LETTER)
    heads: list[_Placed] = []
    placed: list[_Placed] = []
    paths: list[tuple[float, float]] = []
    y = 0.0
    for number, visit in enumerate(visits):
        steps = visit.steps[: _MOST_STEPS - len(placed)]
        if not steps:
            break
        if len(visits) > 1:
            head = f"Visit {number + 1}, {_moment(visit.started_at)}"
            heads.append(_Placed(at=y + _HEAD / 2, time=head, lines=(), kind=""))
            y += _HEAD
        start = y + _LINE / 2
        for step in steps:
            lines = textwrap.wrap(step.text, letters, max_lines=4, placeholder=" …")
            after = (step.at - visit.started_at).total_seconds()
            time = f"+ {elapsed(after)}" if after > 0 else f"{step.at:%H:%M:%S}"
            at = y + _LINE / 2
            placed.append(_Placed(at=at, time=time, lines=lines, kind=_kind(step)))
            y += _LINE * len(lines) + _GAP
        paths.append((start, placed[-1].at))
        y += _GAP
    return heads, placed, paths, y


def _moment(at: datetime) -> str:
    return f"{at.day} {at:%b %Y %H:%M}"


def _draw(
    canvas: Canvas,
    heads: Sequence[_Placed],
    placed: Sequence[_Placed],
    paths: Sequence[tuple[float, float]],
    height: float,
) -> Chart:
    palette = canvas.palette
    scale = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False, padding=0)
    y = alt.Y("at:Q", scale=scale, axis=None)

    def chart(rows: Sequence[dict[str, Any]]) -> alt.Chart:
        return alt.Chart(data(rows), width=canvas.inner_width, height=height)

    path = chart([{"at": start, "to": end} for start, end in paths])
    steps = chart(list(_rows(placed)))
    colors = [palette.query, palette.good, palette.bad, palette.muted]
    shapes = ["square", "circle", "triangle-down", "diamond"]
    legend = alt.Legend(
        values=[kind for kind in _KINDS if any(kind == step.kind for step in placed)],
        columns=2 if canvas.is_narrow else 4,
    )
    layers: list[Any] = [
        path.mark_rule(color=palette.line, strokeWidth=2, aria=False).encode(
            x=alt.value(_PATH), y=y, y2="to:Q"
        ),
        steps.mark_point(filled=True, opacity=1, size=90).encode(
            x=alt.value(_PATH),
            y=y,
            color=alt.Color("kind:N", scale=alt.Scale(domain=_KINDS, range=colors), legend=legend),
            shape=alt.Shape("kind:N", scale=alt.Scale(domain=_KINDS, range=shapes), legend=legend),
            tooltip=alt.Tooltip("told:N", title=" "),
            description="told:N",
        ),
        steps.mark_text(align="right", color=palette.muted).encode(
            x=alt.value(_PATH - 16), y=y, text="time:N", description="told:N"
        ),
        steps.mark_text(align="left", baseline="middle", lineBreak="\n", lineHeight=_LINE).encode(
            x=alt.value(_TEXTS),
            y=alt.Y("top:Q", scale=scale, axis=None),
            text="text:N",
            description="told:N",
        ),
    ]
    if heads:
        named = chart([{"at": head.at, "time": head.time, "told": head.time} for head in heads])
        layers.append(
            named.mark_text(align="left", fontWeight=600).encode(
                x=alt.value(_TIMES), y=y, text="time:N", description="told:N"
            )
        )
    return alt.layer(*layers)


def _rows(placed: Sequence[_Placed]) -> Iterator[dict[str, Any]]:
    for step in placed:
        yield {
            "at": step.at,
            "top": step.at,
            "time": step.time,
            "text": "\n".join(step.lines),
            "kind": step.kind,
            "told": f"{step.time}: {' '.join(step.lines)}",
        }
