"""Funnels: how many go how far."""

from __future__ import annotations

from desirepath.dashboard.figures.canvas import Canvas, Chart, stacked
from desirepath.dashboard.figures.columns import Bars, Cell, Intervals, Names, draw_columns
from desirepath.dashboard.figures.words import percent, shortened, told_of
from desirepath.engine.analysing.relevance import Funnel, Funnels, FunnelStep

__all__ = ["draw_funnels"]

_MOST_FUNNELS = 8


def draw_funnels(canvas: Canvas, answer: Funnels) -> Chart:
    """Draw each funnel: who is left at each step, and which share of the step before that is."""
    about = list(told_of(answer.coverage))
    funnels = [
        funnel for funnel in answer.results if funnel.steps and funnel.steps[0].reached.count
    ]
    if not funnels:
        return canvas.nothing("Funnel", "Nobody took the first step.", *about)
    if answer.without_session:
        about.append(
            f"{answer.without_session:,} impressions have no session, and count for no session."
        )
    note = "Bars are of the first step; lines are 95% intervals (Wilson)."
    if len(funnels) > _MOST_FUNNELS:
        note += f" The first {_MOST_FUNNELS} of {len(funnels):,} funnels."
    return canvas.finish(
        stacked(_panel(canvas, funnel) for funnel in funnels[:_MOST_FUNNELS]),
        _title(funnels[0]),
        *about,
        note,
    )


def _title(funnel: Funnel) -> str:
    first, last = funnel.steps[0], funnel.steps[-1]
    share = last.of_first
    if share is None:
        return f"{first.reached.count:,} {funnel.unit} took the step {first.step}"
    return f"{percent(share.rate)} of {funnel.unit} go from {first.step} to {last.step}"


def _panel(canvas: Canvas, funnel: Funnel) -> Chart:
    first = funnel.steps[0].reached.count
    head = funnel.unit if funnel.group is None else f"{funnel.unit}: {shortened(funnel.group, 24)}"
    share = 1.9 if canvas.is_narrow else 1.2
    return draw_columns(
        canvas,
        [
            Names(title=head, share=share, cells=[Cell(text=step.step) for step in funnel.steps]),
            Bars(
                title="took this step\nand all before it",
                share=2.6,
                cells=[_reached(step, first) for step in funnel.steps],
            ),
            Intervals(
                title="of those at\nthe step before",
                share=2.2,
                most=1.0,
                cells=[_of_former(step) for step in funnel.steps],
            ),
        ],
    )


def _reached(step: FunnelStep, first: int) -> Cell:
    n = step.reached.count
    share = n / first
    text = f"{n:,}" if step.of_first is None else f"{n:,} · {percent(share)}"
    told = f"{step.step}: {n:,}"
    if step.reached.before is not None:
        told += f", {step.reached.before:,} before"
    return Cell(text=text, value=share, told=told)


def _of_former(step: FunnelStep) -> Cell:
    share = step.of_former
    if share is None:
        return Cell()
    told = f"{step.step}: {share.count:,} of {share.of:,} at the step before, {share.rate:.1%}"
    told += f" ({share.low:.1%} – {share.high:.1%})"
    return Cell(value=share.rate, low=share.low, high=share.high, told=told)
