"""Examination propensities by position, by several estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from desirepath.dashboard.figures.canvas import Canvas, Chart
from desirepath.dashboard.figures.series import MOST_SERIES, Point, draw_series
from desirepath.methods.position_bias.base import Propensities

__all__ = ["draw_propensities"]


def draw_propensities(
    canvas: Canvas, name_to_found: Mapping[str, Propensities], *, about: Sequence[str] = ()
) -> Chart:
    """Draw how often each position is looked at, relative to the first, with intervals.

    Parameters
    ----------
    name_to_found
        Estimates by the names of their estimators, at most four; those that refused are not there.
    about
        Lines beneath the title: of how many impressions, and whether the estimators agree.
    """
    if not name_to_found:
        sentence = "No estimator could tell them apart; what is missing is in the answer."
        return canvas.nothing("How often each position is looked at", sentence, *about)
    shown = dict(list(name_to_found.items())[:MOST_SERIES])
    points = [
        point
        for index in range(max(len(found.values) for found in shown.values()))
        for name, found in shown.items()
        if index < len(found.values)
        for point in [_point(name, found, index)]
    ]
    top = max(1.05, min(max(point.high for point in points), 1.5))
    chart = draw_series(
        canvas, points, title="looked at, relative to the first", form="~%", top=top
    )
    level = next(iter(shown.values())).level
    share = next((found.last_is_shared for found in shown.values()), False)
    return canvas.finish(
        chart,
        _title(shown),
        *about,
        f"Bars are {level:.0%} intervals; the first position is 100% by definition."
        + (" + is that position and all that follow." if share else ""),
    )


def _title(name_to_found: Mapping[str, Propensities]) -> str:
    lasts = [float(found.values[-1]) for found in name_to_found.values()]
    at = max(len(found.values) for found in name_to_found.values()) - 1
    low, high = min(lasts), max(lasts)
    said = f"{low:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{low:.0%} to {high:.0%}"
    return f"Position {at} is looked at {said} as often as the first"


def _point(name: str, found: Propensities, index: int) -> Point:
    is_shared = found.last_is_shared and index == len(found.values) - 1
    at = f"{index}+" if is_shared else str(index)
    value, low, high = (float(of[index]) for of in (found.values, found.lower, found.upper))
    told = f"{name}, position {at}: {value:.0%}, {low:.0%} – {high:.0%}"
    return Point(series=name, position=at, value=value, low=low, high=high, told=told)
