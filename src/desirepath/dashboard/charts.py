"""What the charts of a page look like, as numbers for the templates to draw.

Widths are in hundredths of the chart, heights from its top; each chart is stretched to its place,
so that nothing here depends on the size of a screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from desirepath.engine.reporting import HourCount, PositionRate

__all__ = ["HourBar", "HourChart", "RateBar", "bars", "hour_chart", "rate_bars"]

HOUR_HEIGHT = 100
_STEP = 10  # width of an hour, with the gap before the next
_BAR = 8
_LABEL_HOURS = 12
_LEAST = 0.6  # height of what is there but too small to see


class HourBar(Struct, frozen=True, kw_only=True):
    """One hour: what was only shown stands on what was done."""

    x: int
    done_y: float
    done_height: float
    shown_y: float
    shown_height: float
    title: str


class HourChart(Struct, frozen=True, kw_only=True):
    """Interactions by hour."""

    bars: tuple[HourBar, ...]
    width: int
    height: int
    bar_width: int
    most: int
    labels: tuple[datetime, ...]
    summary: str


class RateBar(Struct, frozen=True, kw_only=True):
    """A rate and its interval, in percent of the chart's width."""

    row: PositionRate
    width: float
    low: float
    high: float


def hour_chart(hours: Sequence[HourCount]) -> HourChart:
    """The chart of some hours, of which at least one has an interaction."""
    most = max(hour.n for hour in hours)
    peak = max(hours, key=lambda hour: hour.n)
    total = sum(hour.n for hour in hours)
    return HourChart(
        bars=tuple(_hour_bar(index, hour, most) for index, hour in enumerate(hours)),
        width=_STEP * len(hours),
        height=HOUR_HEIGHT,
        bar_width=_BAR,
        most=most,
        labels=tuple(hour.hour for hour in hours[::_LABEL_HOURS]),
        summary=f"{total:,} interactions in {len(hours)} hours, at most {most:,} "
        f"in the hour from {peak.hour.day} {peak.hour:%b %H:%M} UTC.",
    )


def _hour_bar(index: int, hour: HourCount, most: int) -> HourBar:
    done = _height(hour.n - hour.n_shown, most)
    shown = _height(hour.n_shown, most)
    kinds = ", ".join(f"{type} {n:,}" for type, n in hour.types.items())
    return HourBar(
        x=index * _STEP + (_STEP - _BAR) // 2,
        done_y=round(HOUR_HEIGHT - done, 2),
        done_height=done,
        shown_y=round(HOUR_HEIGHT - done - shown, 2),
        shown_height=shown,
        title=f"{hour.hour.day} {hour.hour:%b %H:%M}: {hour.n:,}"
        + (f" ({kinds})" if kinds else ""),
    )


def _height(n: int, most: int) -> float:
    return max(round(HOUR_HEIGHT * n / most, 2), _LEAST) if n else 0.0


def rate_bars(rows: Sequence[PositionRate]) -> tuple[RateBar, ...]:
    """Rates beside each other, the longest interval as wide as the chart."""
    most = max((row.click_through.high for row in rows), default=1.0)
    return tuple(
        RateBar(
            row=row,
            width=round(100 * row.click_through.rate / most, 2),
            low=round(100 * row.click_through.low / most, 2),
            high=round(100 * row.click_through.high / most, 2),
        )
        for row in rows
    )


def bars(counts: Sequence[int]) -> tuple[float, ...]:
    """Counts in percent of the largest.

    >>> bars([4, 1, 0])
    (100.0, 25.0, 0.0)
    """
    most = max(counts, default=0) or 1
    return tuple(max(round(100 * n / most, 2), _LEAST) if n else 0.0 for n in counts)
