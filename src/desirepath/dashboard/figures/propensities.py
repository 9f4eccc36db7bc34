"""How often each rank is looked at, by several estimators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from desirepath.dashboard.figures.canvas import Canvas, Chart, stacked
from desirepath.dashboard.figures.columns import head
from desirepath.dashboard.figures.series import MOST_SERIES, Point, draw_series
from desirepath.dashboard.figures.words import counted, percent, shortened
from desirepath.engine.analysing.propensities import BiasEstimate, GroupBias, PositionBias

__all__ = ["draw_propensities"]

_MOST_GROUPS = 4
_MOST = 1.5  # of the axis; intervals beyond it are cut off
_TITLE = "How often each rank is looked at"
_ESTIMATOR_TO_WORDS = {
    "intervention_harvesting": "intervention harvesting",
    "regression_em": "regression EM",
    "clicks_over_expected_clicks": "clicks over expected clicks",
}


def draw_propensities(canvas: Canvas, answer: PositionBias) -> Chart:
    """Draw examination propensities with 95 % intervals, the estimators beside each other.

    The groups with most impressions, one beneath the other. Estimators that refused say why.
    """
    about = [] if answer.note is None else [answer.note]
    groups = answer.groups[:_MOST_GROUPS]
    about += [line for group in groups for line in _told_of(group, len(groups) > 1)]
    about += answer.differences
    if answer.n_flagged:
        share = percent(answer.flagged_share)
        about.append(
            f"Without {answer.n_flagged:,} identities that look like robots: {share} of the "
            "interactions."
        )
    drawn = [group for group in groups if any(estimate.ranks for estimate in group.estimates)]
    if not drawn:
        sentence = "The log cannot say it yet. Above is what it lacks."
        return canvas.nothing(_TITLE, sentence if groups else "No impression counts.", *about)
    panels = [_panel(canvas, group) for group in drawn]
    if len(groups) > 1:
        panels = [
            panel.properties(title=head(canvas, _name(group)))
            for panel, group in zip(panels, drawn, strict=True)
        ]
    chart = panels[0] if len(panels) == 1 else stacked(panels)
    note = "Bars are 95% intervals; rank 1 is 100% by definition."
    if any(estimate.last_is_shared for group in drawn for estimate in group.estimates):
        note += " + is that rank and all that follow."
    if len(answer.groups) > len(groups):
        note += f" The {len(groups)} largest of {len(answer.groups):,} groups."
    return canvas.finish(chart, _title(drawn[0]) if len(drawn) == 1 else _TITLE, *about, note)


def _name(group: GroupBias) -> str:
    name = shortened(group.retriever_id or "no retriever", 48)
    return name if group.group is None else f"{name}, {shortened(group.group, 32)}"


def _told_of(group: GroupBias, is_named: bool) -> Iterator[str]:
    said = f"{counted(group.impressions, 'impression')}, {counted(group.clicks, 'click')}"
    yield (f"{_name(group)}: {said}." if is_named else f"{said}.")
    refusal_to_names: dict[str, list[str]] = {}
    for estimate in group.estimates:
        if estimate.refusal is not None:
            refusal_to_names.setdefault(estimate.refusal, []).append(_words(estimate))
    for refusal, names in refusal_to_names.items():
        yield f"No answer by {', '.join(names)}: {refusal}"
    yield from group.agreement


def _words(estimate: BiasEstimate) -> str:
    name = estimate.estimator
    return _ESTIMATOR_TO_WORDS.get(name, name.replace("_", " "))


def _title(group: GroupBias) -> str:
    best = next(estimate for estimate in group.estimates if estimate.ranks)
    last = best.ranks[-1]
    return f"Rank {last.rank} is looked at {percent(last.propensity)} as often as rank 1"


def _panel(canvas: Canvas, group: GroupBias) -> Chart:
    estimates = [estimate for estimate in group.estimates if estimate.ranks][:MOST_SERIES]
    points = list(_points(estimates))
    return draw_series(
        canvas,
        points,
        place="rank in the list (1 is the first)",
        title="looked at, relative to rank 1",
        form="~%",
        top=max(1.05, min(max(point.high for point in points), _MOST)),
    )


def _points(estimates: Sequence[BiasEstimate]) -> Iterator[Point]:
    for index in range(max(len(estimate.ranks) for estimate in estimates)):
        for estimate in estimates:
            if index >= len(estimate.ranks):
                continue
            one = estimate.ranks[index]
            is_shared = estimate.last_is_shared and index == len(estimate.ranks) - 1
            at = f"{one.rank}+" if is_shared else str(one.rank)
            told = f"{_words(estimate)}, rank {at}: {one.propensity:.0%}, "
            told += f"{one.low:.0%} – {one.high:.0%}"
            yield Point(
                series=_words(estimate),
                position=at,
                value=one.propensity,
                low=one.low,
                high=one.high,
                told=told,
            )
