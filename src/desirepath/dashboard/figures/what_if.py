"""What another policy would have earned: each estimator with its interval, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from desirepath.dashboard.figures.canvas import Canvas, Chart, stacked
from desirepath.dashboard.figures.columns import (
    Bars,
    Cell,
    Column,
    Intervals,
    Mark,
    Names,
    draw_columns,
)
from desirepath.dashboard.figures.words import counted, percent, shortened
from desirepath.domain.clock import to_datetime
from desirepath.domain.what_if import Interval, Verdict, WhatIfEstimate, WhatIfResult
from desirepath.engine.proof_reports import WhatIfReport

__all__ = ["draw_what_if"]

_VERDICT_TO_MARK: dict[Verdict, Mark] = {"better": "good", "worse": "bad", "cannot tell": "plain"}
_VERDICT_TO_TITLE: dict[Verdict, str] = {
    "better": "The new policy would have been better.",
    "worse": "The new policy would have been worse.",
    "cannot tell": "The log cannot tell whether the new policy would have been better.",
}


def draw_what_if(canvas: Canvas, report: WhatIfReport) -> Chart:
    """Draw what was earned and would have been, by each estimator, and how its weights lie."""
    found = report.result
    panels = [draw_columns(canvas, list(_estimates(found, canvas.is_narrow)))]
    decided = next((one for one in found.estimates if one.estimator == found.decided_by), None)
    if decided is not None and decided.weights:
        panels.append(draw_columns(canvas, list(_weights(decided))))
    title = _VERDICT_TO_TITLE[found.verdict]
    return canvas.finish(stacked(panels), title, *_about(report))


def _about(report: WhatIfReport) -> Iterator[str]:
    found = report.result
    since, before = to_datetime(found.since), to_datetime(found.before)
    yield (
        f"{shortened(report.retriever_name, 60)}, asked on {report.ended_at:%d %B %Y}: what its "
        f"{counted(found.n_lists, 'search')} of {found.n_people:,} people, {since:%d %b %Y} to "
        f"{before:%d %b %Y}, would have earned by {found.policy}."
    )
    yield found.sentence
    yield (
        f"Earned: the reward of a list's first {found.k} results. Lines are 95% intervals of "
        f"resampled people (seed {found.seed}, {found.n_draws} draws of weights). Green: better. "
        "Triangles: worse. Grey: this cannot tell. "
        f"{percent(found.pool_share)} of the new results are in the logged pools, "
        f"{percent(found.same_share)} are what was shown."
    )
    refusal_to_names: dict[str, list[str]] = {}
    for one in found.estimates:
        if one.refusal is not None:
            refusal_to_names.setdefault(one.refusal, []).append(one.estimator)
    for refusal, names in refusal_to_names.items():
        yield f"Not used: {', '.join(names)}. {refusal}"
    for left in found.left_out:
        yield f"Left out: {counted(left.n, 'search')}: {left.words}"
    yield from found.notes


def _estimates(found: WhatIfResult, is_narrow: bool) -> Iterator[Column]:
    estimates = found.estimates
    tolds = [_told(one) for one in estimates]
    live = f"as it was: {_in_words(found.live)}"
    yield Names(
        title="estimator",
        share=1.7,
        cells=[
            Cell(text="as it was", told=live),
            *(
                Cell(text=_name(one, found.decided_by), told=told)
                for one, told in zip(estimates, tolds, strict=True)
            ),
        ],
    )
    yield Intervals(
        title="earned by a list",
        share=1.8,
        form=".2f",
        cells=[
            _interval(found.live, live, "plain"),
            *(
                _interval(one.value, told, _mark(one))
                for one, told in zip(estimates, tolds, strict=True)
            ),
        ],
    )
    yield Intervals(
        title="more than was earned",
        share=1.8,
        form="+.2f",
        line=0,
        cells=[
            Cell(),
            *(
                _interval(one.difference, told, _mark(one))
                for one, told in zip(estimates, tolds, strict=True)
            ),
        ],
    )
    if not is_narrow:
        yield Bars(
            title="effective sample,\nin lists",
            share=1.5,
            most=float(found.n_lists),
            cells=[
                Cell(text=f"{found.n_lists:,}", value=float(found.n_lists), mark="plain"),
                *(
                    Cell(
                        text=f"{one.effective_sample:,.0f}",
                        value=one.effective_sample,
                        told=told,
                        mark="plain",
                    )
                    for one, told in zip(estimates, tolds, strict=True)
                ),
            ],
        )


def _name(one: WhatIfEstimate, decided_by: str) -> str:
    if one.refusal is not None:
        return f"{one.estimator} (not used)"
    return f"{one.estimator} (decides)" if one.estimator == decided_by else one.estimator


def _told(one: WhatIfEstimate) -> str:
    if one.refusal is not None:
        return f"{one.estimator}: {one.refusal}"
    told = f"{one.estimator}, which assumes {one.assumes}"
    if one.value is not None and one.difference is not None:
        told += f": {_in_words(one.value)}, {_in_words(one.difference, '+.3f')} more"
    return f"{told}; the log tells {percent(one.told_share)}"


def _mark(one: WhatIfEstimate) -> Mark:
    return "plain" if one.verdict is None else _VERDICT_TO_MARK[one.verdict]


def _interval(one: Interval | None, told: str, mark: Mark) -> Cell:
    if one is None:
        return Cell(told=told)
    return Cell(value=one.value, low=one.low, high=one.high, told=told, mark=mark)


def _in_words(one: Interval, form: str = ".3f") -> str:
    return f"{one.value:{form}} ({one.low:{form}} to {one.high:{form}})"


def _weights(decided: WhatIfEstimate) -> Sequence[Column]:
    """How much each list stands for in the estimate that decides."""
    bins = decided.weights
    return (
        Names(
            title=f"weight of a list\n({decided.estimator})",
            share=1.0,
            cells=[Cell(text=f"{one.low:g} to {one.high:g}") for one in bins],
        ),
        Bars(
            title="lists",
            share=3.0,
            cells=[
                Cell(
                    text=f"{one.n:,}",
                    value=float(one.n),
                    told=f"weight {one.low:g} to {one.high:g}: {counted(one.n, 'list')}",
                    mark="plain",
                )
                for one in bins
            ],
        ),
    )
