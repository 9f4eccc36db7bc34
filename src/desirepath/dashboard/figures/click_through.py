"""Click-through by position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from desirepath.dashboard.figures.canvas import Canvas, Chart
from desirepath.dashboard.figures.series import MOST_SERIES, Point, draw_series
from desirepath.dashboard.figures.words import percent, told_of
from desirepath.engine.analysing.relevance import PositionRate, PositionRates

__all__ = ["draw_click_through"]

_MOST_POSITIONS = 20
_RAW, _DEBIASED, _BEFORE = "as clicked", "if all positions were looked at alike", "period before"


def draw_click_through(canvas: Canvas, answer: PositionRates) -> Chart:
    """Draw click-through by position, raw and debiased, or each group's, with 95 % intervals."""
    about = tuple(told_of(answer.coverage))
    if not answer.results:
        return canvas.nothing("Click-through by position", "No position has an impression.", *about)
    rows = [row for row in answer.results if row.position < _MOST_POSITIONS]
    left_out = len(answer.results) - len(rows)
    groups = _largest_groups(rows)
    n_groups = len({row.group for row in rows})
    points = list(_points(rows, groups))
    top = None
    is_debiased = n_groups == 1 and any(row.debiased for row in rows)
    if is_debiased:
        top = _sensible_top(points)
    chart = draw_series(
        canvas,
        points,
        place="position in the list (0 is the first)",
        title="share of impressions clicked",
        form="~%",
        top=top,
    )
    return canvas.finish(
        chart,
        _title(rows) if n_groups == 1 else "Click-through by position, for each group",
        *about,
        "Bars are 95% intervals (Wilson)."
        + (" Debiased, they hold those of the propensities, too." if is_debiased else "")
        + (f" The first {_MOST_POSITIONS} positions." if left_out else "")
        + (f" The {MOST_SERIES} largest of {n_groups} groups." if n_groups > MOST_SERIES else ""),
    )


def _title(rows: Sequence[PositionRate]) -> str:
    first, last = rows[0], rows[-1]
    if len(rows) == 1 or first.position == last.position:
        share = percent(first.click_through.rate)
        return f"{share} of documents at position {first.position} are clicked"
    is_lower = last.click_through.high < first.click_through.low
    is_higher = last.click_through.low > first.click_through.high
    does = "falls" if is_lower else "rises" if is_higher else "goes"
    return (
        f"Click-through {does} from {percent(first.click_through.rate)} at position "
        f"{first.position} to {percent(last.click_through.rate)} at position {last.position}"
    )


def _largest_groups(rows: Sequence[PositionRate]) -> list[str | None]:
    group_to_n: dict[str | None, int] = {}
    for row in rows:
        group_to_n[row.group] = group_to_n.get(row.group, 0) + row.click_through.of
    largest = sorted(group_to_n, key=lambda group: -group_to_n[group])[:MOST_SERIES]
    return sorted(largest, key=lambda group: group or "")


def _points(rows: Sequence[PositionRate], groups: Sequence[str | None]) -> Iterator[Point]:
    has_groups = len(groups) > 1
    for row in rows:
        if row.group not in groups:
            continue
        rate, at = row.click_through, str(row.position)
        told = f"{rate.count:,} of {rate.of:,} at position {at} clicked: {rate.rate:.1%}"
        told += f", {rate.low:.1%} – {rate.high:.1%}"
        name = (row.group or "none") if has_groups else _RAW
        yield Point(
            series=name,
            position=at,
            value=rate.rate,
            low=rate.low,
            high=rate.high,
            told=f"{row.group}: {told}" if has_groups else told,
        )
        if has_groups:
            continue
        if row.debiased is not None:
            free = row.debiased
            told = f"position {at} debiased: {free.rate:.1%}, {free.low:.1%} – {free.high:.1%}; "
            told += f"looked at {free.propensity:.2f} times as often as the first"
            yield Point(
                series=_DEBIASED,
                position=at,
                value=free.rate,
                low=free.low,
                high=free.high,
                told=told,
            )
        if rate.before is not None:
            then = rate.before
            told = f"before, {then.count:,} of {then.of:,} at position {at}: {then.rate:.1%}, "
            told += f"{then.low:.1%} – {then.high:.1%}"
            yield Point(
                series=_BEFORE,
                position=at,
                value=then.rate,
                low=then.low,
                high=then.high,
                told=told,
            )


def _sensible_top(points: Sequence[Point]) -> float:
    """Intervals of what was hardly looked at would press all else to the ground."""
    most = max(point.value for point in points)
    return min(max(point.high for point in points), max(1.6 * most, 0.01))
