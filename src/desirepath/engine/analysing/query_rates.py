"""Queries: how often they are asked, and how well they are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from ibis import _

from desirepath.analysis.query_rates import query_counts
from desirepath.domain.grouping import Grouping, group_name
from desirepath.engine.analysing.comparing import BEFORE, Compared, with_before
from desirepath.engine.analysing.coverage import coverage_of
from desirepath.engine.analysing.figures import (
    Mean,
    Share,
    Sums,
    amount,
    average,
    share,
)
from desirepath.engine.analysing.pages import Floats, column, page, ratio
from desirepath.engine.analysing.relevance import Order, QueryRates, QueryRow

__all__ = ["query_rates"]

_FIGURE_TO_COLUMNS = {
    "click_through": ("clicks", "impressions"),
    "zero_results": ("found_nothing", "searches"),
    "refined": ("refined", "known"),
    "clicked": ("clicked", "with_results"),
    "abandoned": ("abandoned", "with_results"),
    "skipped": ("skipped", "with_results"),
    "returned": ("left", "with_results"),
    "click_rank": ("ranks", "documents_clicked"),
    "seconds_to_click": ("seconds", "waits"),
}


def query_rates(
    asked: Compared,
    order: Order,
    grouping: Grouping | None = None,
    min_searches: int = 1,
) -> QueryRates:
    """Count what came of each query.

    Parameters
    ----------
    order
        By one of :data:`~desirepath.engine.analysing.relevance.QuerySort`.
    min_searches
        Leave out queries with fewer.
    """
    table = query_counts(asked.part.log, grouping).filter(_.searches >= min_searches)
    if asked.earlier is not None:
        table = with_before(table, query_counts(asked.earlier.log, grouping), ("group", "query"))
    rows = asked.part.engine.arrow(table)
    wanted = page(rows, _sort_key(rows, order.sort), order, "searches", ("query", "group"))
    return QueryRates(
        coverage=coverage_of(asked.part),
        total=rows.num_rows,
        results=tuple(_row(row, grouping) for row in wanted),
    )


def _sort_key(rows: pa.Table, sort: str) -> Floats:
    if sort not in _FIGURE_TO_COLUMNS:
        return column(rows, sort)
    counts, of = _FIGURE_TO_COLUMNS[sort]
    return ratio(column(rows, counts), column(rows, of))


def _row(row: dict[str, Any], grouping: Grouping | None) -> QueryRow:
    is_compared = f"{BEFORE}searches" in row

    def then(name: str) -> Any:
        return row[f"{BEFORE}{name}"] or 0

    def share_of(figure: str) -> Share | None:
        count, of = _FIGURE_TO_COLUMNS[figure]
        return share(row[count], row[of], (then(count), then(of)) if is_compared else None)

    def mean_of(figure: str, squares: str) -> Mean | None:
        total, n = _FIGURE_TO_COLUMNS[figure]

        def sums(value: Callable[[str], Any]) -> Sums:
            return Sums(n=value(n), total=value(total), squares=value(squares))

        return average(sums(row.__getitem__), sums(then) if is_compared else None)

    return QueryRow(
        query=row["query"] or None,
        group=group_name(row["group"], grouping),
        searches=amount(row["searches"], then("searches") if is_compared else None),
        click_through=share_of("click_through"),
        zero_results=share_of("zero_results"),
        clicked=share_of("clicked"),
        abandoned=share_of("abandoned"),
        refined=share_of("refined"),
        skipped=share_of("skipped"),
        returned=share_of("returned"),
        click_rank=mean_of("click_rank", "ranks_squared"),
        seconds_to_click=mean_of("seconds_to_click", "seconds_squared"),
    )
