"""Which filters people turn on after a query, and which of them could be on from the start."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ibis.expr.types import Table

from desirepath.analysis.attempts import (
    attempts,
    landmarks,
    numbered_searches,
    timeline,
    toggle_events,
)
from desirepath.analysis.refinements import queries_tried
from desirepath.analysis.toggled import clicked_after, toggled, uses
from desirepath.engine.analysing.lift import lift_of, smoothed
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.query_answers import ClickedDocument, Filters, ToggledFilter
from desirepath.engine.reporting import Rate, wilson_rate

__all__ = ["find_filters"]

_CANDIDATES = 10_000
_MOST_DOCUMENTS = 3
_NONE = (
    "No filter_toggle that can be read belongs to a search here: 0, where 1 is needed. Send its "
    'metadata as {"filter": FIELD, "value": VALUE, "enabled": true}, with the execution_id '
    "or the session_id of the search."
)
_FEW = "seen from {} of {} people"
_RARE = "not surely kept in over {:.0%} of the searches"
_NO_BETTER = "the searches with it are clicked less than those without"


def find_filters(
    part: Part,
    session_window: int,
    *,
    min_identities: int = 5,
    min_share: float = 0.5,
    limit: int = 50,
) -> Filters:
    """Find the filters that people turn on after each query.

    Parameters
    ----------
    session_window
        Microseconds after which a visit is over.
    min_identities, min_share
        What a suggestion needs.
    limit
        Filters at most.
    """
    with part.engine.kept(landmarks(timeline(part.log, session_window))) as moments:
        return _answer(part, moments, min_identities, min_share, limit)


def _answer(
    part: Part, moments: Table, min_identities: int, min_share: float, limit: int
) -> Filters:
    numbered = numbered_searches(moments)
    made = attempts(numbered)
    used = uses(toggle_events(moments, numbered), made)
    rows = part.rows(toggled(used, queries_tried(made)).limit(_CANDIDATES))
    missing_of = {_key(row): _missing(row, min_identities, min_share) for row in rows}
    rows.sort(key=lambda row: missing_of[_key(row)] is not None)
    rows = rows[:limit]
    documents: dict[tuple[str, ...], list[ClickedDocument]] = defaultdict(list)
    if rows:
        names = sorted({row["query"] for row in rows})
        after = clicked_after(part.log.interactions, numbered, used, names, _MOST_DOCUMENTS)
        for row in part.rows(after):
            documents[_key(row)].append(ClickedDocument(document_id=row["document_id"], n=row["n"]))
    return Filters(
        min_identities=min_identities,
        min_share=min_share,
        filters=tuple(
            _filter(row, tuple(documents[_key(row)]), missing_of[_key(row)]) for row in rows
        ),
        note=None if rows else _NONE,
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
    )


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return row["query"], row["field"], row["value"]


def _clicked_without(row: dict[str, Any]) -> Rate | None:
    n = row["n_attempts"] - row["n"]
    return wilson_rate(row["n_attempts_clicked"] - row["n_clicked"], n) if n else None


def _missing(row: dict[str, Any], min_identities: int, min_share: float) -> str | None:
    without = _clicked_without(row)
    if row["n_identities"] < min_identities:
        return _FEW.format(row["n_identities"], min_identities)
    if wilson_rate(row["n_kept"], row["n_attempts"]).low <= min_share:
        return _RARE.format(min_share)
    if without is not None and wilson_rate(row["n_clicked_after"], row["n"]).high < without.rate:
        return _NO_BETTER
    return None


def _filter(
    row: dict[str, Any], documents: tuple[ClickedDocument, ...], missing: str | None
) -> ToggledFilter:
    kept = wilson_rate(row["n_kept"], row["n_attempts"])
    elsewhere = smoothed(
        row["n_kept_anywhere"] - row["n_kept"], row["n_attempts_anywhere"] - row["n_attempts"]
    )
    return ToggledFilter(
        query=row["query"],
        field=row["field"],
        value=row["value"] or None,
        searches=row["n"],
        identities=row["n_identities"],
        kept=kept,
        lift=lift_of(kept, elsewhere),
        clicked=wilson_rate(row["n_clicked_after"], row["n"]),
        clicked_without=_clicked_without(row),
        documents=documents,
        suggested=missing is None,
        missing=missing,
    )
