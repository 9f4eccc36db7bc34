"""Queries whose results people pass over, or come back from, more often than elsewhere."""

from __future__ import annotations

from typing import Any, Literal

from desirepath.analysis.result_lists import result_lists
from desirepath.analysis.troubled import troubled_queries, troubled_totals
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.query_answers import Troubled, TroubledQuery
from desirepath.engine.analysing.zero_results import NO_SEARCHES
from desirepath.engine.reporting import Rate, wilson_rate

__all__ = ["find_troubled"]

_CANDIDATES = 10_000
_NO_SIGNS = (
    "None of the {} searches has a skip or a return_to_results: this needs one of these "
    "interactions at least."
)
_TOO_FEW = "No query with a skip or a return has {} searches or more: nothing can be said of one."
_NONE = "No query is surely above the rates of the namespace."


def find_troubled(part: Part, min_searches: int = 20, limit: int = 50) -> Troubled:
    """Find the queries that people skip or leave again more often than others.

    Parameters
    ----------
    min_searches
        That a query needs.
    limit
        Queries at most.
    """
    found = result_lists(part.log)
    (totals,) = part.rows(troubled_totals(found))
    n_searches = totals["n_searches"] or 0
    skipped, returned = _rates(totals) if n_searches else (None, None)
    n_signs = (totals["n_skipped"] or 0) + (totals["n_left"] or 0)
    rows: list[dict[str, Any]] = []
    if n_signs:
        rows = part.rows(troubled_queries(found, min_searches).limit(_CANDIDATES))
    queries = [query for row in rows if (query := _query(row, skipped, returned)).why]
    queries.sort(key=lambda query: (-query.excess, query.query))
    note = None
    if not n_searches:
        note = NO_SEARCHES
    elif not n_signs:
        note = _NO_SIGNS.format(f"{n_searches:,}")
    elif not rows:
        note = _TOO_FEW.format(f"{min_searches:,}")
    elif not queries:
        note = _NONE
    return Troubled(
        skipped=skipped,
        returned=returned,
        min_searches=min_searches,
        queries=tuple(queries[:limit]),
        note=note,
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
    )


def _rates(row: dict[str, Any]) -> tuple[Rate, Rate | None]:
    opened = row["n_opened"]
    return (
        wilson_rate(row["n_skipped"], row["n_searches"]),
        wilson_rate(row["n_left"], opened) if opened else None,
    )


def _query(row: dict[str, Any], skipped: Rate | None, returned: Rate | None) -> TroubledQuery:
    own_skipped, own_returned = _rates(row)
    excess = _excess(own_skipped, skipped) + _excess(own_returned, returned)
    why: list[Literal["skipped", "returned"]] = []
    if _is_above(own_skipped, skipped):
        why.append("skipped")
    if _is_above(own_returned, returned):
        why.append("returned")
    return TroubledQuery(
        query=row["query"],
        searches=row["n_searches"],
        identities=row["n_identities"],
        skipped=own_skipped,
        returned=own_returned,
        excess=excess,
        why=tuple(why),
    )


def _excess(own: Rate | None, usual: Rate | None) -> float:
    return 0.0 if own is None or usual is None else max(own.count - usual.rate * own.of, 0.0)


def _is_above(own: Rate | None, usual: Rate | None) -> bool:
    return own is not None and usual is not None and own.low > usual.rate
