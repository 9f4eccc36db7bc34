"""Queries: how often they are asked, and how well they are answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from desirepath.dashboard.figures.canvas import Canvas, Chart
from desirepath.dashboard.figures.columns import (
    Bars,
    Cell,
    Column,
    Intervals,
    Mark,
    Names,
    draw_columns,
)
from desirepath.dashboard.figures.words import counted, percent, shortened, told_of
from desirepath.engine.analysing.figures import Share
from desirepath.engine.analysing.relevance import QueryRates, QueryRow

__all__ = ["draw_queries"]

_MOST_ROWS = 25


def draw_queries(canvas: Canvas, answer: QueryRates) -> Chart:
    """Draw queries in the order of the answer: volume, click-through, and how searches end."""
    about = tuple(told_of(answer.coverage))
    rows = answer.results[:_MOST_ROWS]
    if not rows:
        return canvas.nothing("Queries", "No query has so many searches.", *about)
    return canvas.finish(
        draw_columns(canvas, list(_columns(rows, canvas.is_narrow))),
        _title(answer),
        *about,
        f"{len(rows):,} of {counted(answer.total, 'query')}; lines are 95% intervals (Wilson). "
        "Triangles: clearly worse than these queries together.",
    )


def _title(answer: QueryRates) -> str:
    rows = answer.results
    failing = [row for row in rows if row.zero_results is not None and row.zero_results.rate > 0.5]
    if failing:
        verb = "finds" if len(failing) == 1 else "find"
        return f"{counted(len(failing), 'query')} of {len(rows):,} mostly {verb} nothing"
    known = [row for row in rows if row.click_through is not None]
    if not known:
        return "Queries, and how often they are asked"
    rates = [row.click_through.rate for row in known if row.click_through is not None]
    return (
        f"Of what queries show, {percent(min(rates))} to {percent(max(rates))} is clicked"
        if len(known) > 1
        else f"“{_name(known[0])}”: of what it shows, {percent(rates[0])} is clicked"
    )


def _columns(rows: Sequence[QueryRow], is_narrow: bool) -> list[Column]:
    def shares(
        title: str, share: float, of: Callable[[QueryRow], Share | None], more_is_worse: bool
    ) -> Intervals:
        said = title.replace("\n", " ")
        found = [share for share in map(of, rows) if share is not None]
        usual = sum(share.count for share in found) / max(sum(share.of for share in found), 1)
        cells = [_share(row, of(row), said, usual, more_is_worse) for row in rows]
        return Intervals(title=title, share=share, cells=cells)

    names = [_name(row) for row in rows]
    columns: list[Column] = [
        Names(title="query", share=2.0, cells=[Cell(text=name, told=name) for name in names]),
        Bars(title="searches", share=1.4, cells=[_volume(row) for row in rows]),
        shares("impressions\nclicked", 1.6, lambda row: row.click_through, False),
    ]
    if not is_narrow:
        columns.append(shares("searches left\nas they were", 1.4, lambda row: row.abandoned, True))
        columns.append(
            shares("searches that\nfind nothing", 1.3, lambda row: row.zero_results, True)
        )
    return columns


def _name(row: QueryRow) -> str:
    name = shortened(row.query or "(no text)", 40)
    return name if row.group is None else f"{name} · {shortened(row.group, 20)}"


def _volume(row: QueryRow) -> Cell:
    n = row.searches.count
    told = f"{_name(row)}: {counted(n, 'search')}"
    if row.searches.before is not None:
        told += f", {row.searches.before:,} before"
    return Cell(text=f"{n:,}", value=n, told=told, mark="plain")


def _share(
    row: QueryRow, share: Share | None, said: str, usual: float, more_is_worse: bool
) -> Cell:
    if share is None:
        return Cell()
    told = f"{_name(row)}: {said}: {share.count:,} of {share.of:,}, {share.rate:.1%}"
    told += f" ({share.low:.1%} – {share.high:.1%})"
    if share.before is not None:
        told += f"; before {share.before.rate:.1%}"
    is_worse = share.low > usual if more_is_worse else share.high < usual
    mark: Mark = "bad" if is_worse else "good"
    return Cell(value=share.rate, low=share.low, high=share.high, told=told, mark=mark)
