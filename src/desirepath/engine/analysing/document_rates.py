"""Documents: what becomes of them where they are shown, and which do not belong there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from ibis import _
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.analysis.click_rates import document_clicks
from desirepath.domain.clock import from_datetime
from desirepath.domain.grouping import Grouping, group_name
from desirepath.engine.analysing.comparing import BEFORE, Compared, with_before
from desirepath.engine.analysing.coverage import coverage_of
from desirepath.engine.analysing.figures import (
    Sums,
    amount,
    average,
    share,
)
from desirepath.engine.analysing.pages import Floats, column, page, ratio
from desirepath.engine.analysing.relevance import (
    FINDINGS,
    Coverage,
    DocumentRates,
    DocumentRow,
    Finding,
    Order,
    OverExpected,
    Trend,
)
from desirepath.engine.reporting import wilson_rate
from desirepath.methods.intervals import newcombe, observed_over_expected
from desirepath.methods.position_bias.coec import clicks_over_expected

__all__ = ["document_rates"]

_COMPARED = ("impressions", "clicks", "ranks", "ranks_squared")
_CHANCE = 0.025  # how often one end of a 95% interval misses


def document_rates(
    asked: Compared,
    order: Order,
    grouping: Grouping | None = None,
    min_impressions: int = 1,
    finding: Finding | None = None,
) -> DocumentRates:
    """Count what became of each document.

    Parameters
    ----------
    order
        By one of :data:`~desirepath.engine.analysing.relevance.DocumentSort`.
    min_impressions
        Leave out documents with fewer.
    finding
        Only those that have it.
    """
    coverage = coverage_of(asked.part)
    middle = None if asked.earlier else _middle(coverage)
    table = document_clicks(asked.part.log, grouping, middle)
    table = table.filter(_.impressions >= min_impressions)
    if asked.earlier is not None:
        earlier = document_clicks(asked.earlier.log, grouping)
        table = with_before(table, earlier, ("group", "document_id"))
    rows = asked.part.engine.arrow(table)
    rows = rows.append_column("shrunk", pa.array(_shrunk(rows)))
    has = _findings(rows)
    for name, is_so in has.items():
        rows = rows.append_column(name, pa.array(is_so))
    shown = rows if finding is None else rows.filter(rows[finding])
    by, names = _sort_key(shown, order.sort), ("document_id", "group")
    wanted = page(shown, by, order, "impressions", names)
    return DocumentRates(
        coverage=coverage,
        total=shown.num_rows,
        n_documents=rows.num_rows,
        finding_to_n={name: int(is_so.sum()) for name, is_so in has.items()},
        by_chance=rows.num_rows * _CHANCE,
        results=tuple(_row(row, grouping) for row in wanted),
    )


def _middle(coverage: Coverage) -> int | None:
    if coverage.first_at is None or coverage.last_at is None:
        return None
    first, last = from_datetime(coverage.first_at), from_datetime(coverage.last_at)
    return first + (last - first) // 2 + 1


class _Periods(Struct, frozen=True):
    """Clicks and impressions, earlier and later."""

    clicks: Floats
    impressions: Floats
    later_clicks: Floats
    later_impressions: Floats


def _periods(rows: pa.Table) -> _Periods:
    clicks, impressions = column(rows, "clicks"), column(rows, "impressions")
    if f"{BEFORE}clicks" in rows.column_names:
        before = column(rows, f"{BEFORE}clicks"), column(rows, f"{BEFORE}impressions")
        return _Periods(*before, clicks, impressions)
    later = column(rows, "later_clicks"), column(rows, "later_impressions")
    return _Periods(clicks - later[0], impressions - later[1], *later)


def _findings(rows: pa.Table) -> dict[Finding, NDArray[np.bool_]]:
    clicks, impressions = column(rows, "clicks"), column(rows, "impressions")
    expected = column(rows, "expected")
    is_expected = expected > 0
    low, high = observed_over_expected(clicks, np.where(is_expected, expected, 1.0))
    ranks = column(rows, "ranks")
    usual = ranks.sum() / max(impressions.sum(), 1.0)
    rank = ratio(ranks, impressions)
    two = _periods(rows)
    below, above = newcombe(two.later_clicks, two.later_impressions, two.clicks, two.impressions)
    both = (two.impressions > 0) & (two.later_impressions > 0)
    return {
        "high_rank_skipped": is_expected & (rank < usual) & (high < 1),
        "low_rank_loved": is_expected & (rank > usual) & (low > 1),
        "rising": both & (below > 0),
        "fading": both & (above < 0),
    }


def _shrunk(rows: pa.Table) -> Floats:
    """Clicks over expected, drawn towards 1 by as much as so little evidence deserves."""
    clicks, expected = column(rows, "clicks"), column(rows, "expected")
    if not (expected > 0).any():
        return np.ones(len(clicks))
    return clicks_over_expected(clicks, expected)


def _sort_key(rows: pa.Table, sort: str) -> Floats:
    clicks, impressions = column(rows, "clicks"), column(rows, "impressions")
    match sort:
        case "click_through":
            return ratio(clicks, impressions)
        case "average_position":
            return ratio(column(rows, "ranks"), impressions)
        case "clicks_over_expected":
            return np.where(column(rows, "expected") > 0, column(rows, "shrunk"), np.nan)
        case "missed_clicks":
            return column(rows, "expected") - clicks
        case "trend":
            two = _periods(rows)
            later = ratio(two.later_clicks, two.later_impressions)
            return later - ratio(two.clicks, two.impressions)
    return column(rows, sort)


def _row(row: dict[str, Any], grouping: Grouping | None) -> DocumentRow:
    is_compared = f"{BEFORE}impressions" in row
    then = {name: row.get(f"{BEFORE}{name}") or 0 for name in _COMPARED}
    clicks, impressions = row["clicks"], row["impressions"]
    seen = Sums(n=impressions, total=row["ranks"] - impressions, squares=_squares(row))
    seen_before = Sums(
        n=then["impressions"], total=then["ranks"] - then["impressions"], squares=_squares(then)
    )
    before = (then["clicks"], then["impressions"])
    if is_compared:
        trend = _trend(before, (clicks, impressions))
    else:
        later = row["later_clicks"], row["later_impressions"]
        trend = _trend((clicks - later[0], impressions - later[1]), later)
    return DocumentRow(
        document_id=row["document_id"],
        group=group_name(row["group"], grouping),
        impressions=amount(impressions, before[1] if is_compared else None),
        click_through=share(clicks, impressions, before if is_compared else None),
        average_position=average(seen, seen_before if is_compared else None),
        clicks_over_expected=_over_expected(row),
        skips=row["skips"],
        returns=row["returns"],
        acted=row["acted"],
        trend=trend,
        findings=tuple(name for name in FINDINGS if row[name]),
    )


def _squares(row: dict[str, Any]) -> int:
    """The sum of squared positions, of those of ranks."""
    squares: int = row["ranks_squared"] - 2 * row["ranks"] + row["impressions"]
    return squares


def _over_expected(row: dict[str, Any]) -> OverExpected | None:
    clicks, expected = row["clicks"], row["expected"]
    if not expected:
        return None
    low, high = observed_over_expected(clicks, expected)
    return OverExpected(
        ratio=clicks / expected,
        shrunk=row["shrunk"],
        low=float(low),
        high=float(high),
        clicks=clicks,
        expected=expected,
    )


def _trend(earlier: tuple[int, int], later: tuple[int, int]) -> Trend:
    now = share(*later, earlier)
    return Trend(
        earlier=wilson_rate(*earlier) if earlier[1] else None,
        later=wilson_rate(*later) if later[1] else None,
        change=None if now is None else now.change,
    )
