"""Which query people make of which, and what that suggests: spellings, synonyms, rewrites."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ibis.expr.types import Table

from desirepath.analysis.attempts import (
    attempts,
    landmarks,
    numbered_searches,
    refinement_events,
    timeline,
)
from desirepath.analysis.refinements import (
    LONGEST,
    chains,
    examples,
    queries_tried,
    refinements,
    steps,
)
from desirepath.domain.clock import to_datetime
from desirepath.domain.rewording import Rewording, reword
from desirepath.engine.analysing.lift import lift_of, smoothed
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.query_answers import Chain, Example, Refinement, Refinements
from desirepath.engine.reporting import wilson_rate

__all__ = ["find_refinements"]

_CANDIDATES = 10_000
_MOST_EXAMPLES = 3
_MOST_CHAINS = 20
_NONE = (
    "Nobody is seen to go from one query to another here: 0, where 1 is needed. Send a session_id "
    "with searches and interactions, or query_refinement events."
)
_FEW = "seen from {} of {} people"
_CHANCE = "comes no more surely after this query than after others"
_UNSEEN = "no search with the second query after one without a click"
_NO_BETTER = "is not surely clicked more than the first query is"


def find_refinements(
    part: Part, session_window: int, *, min_identities: int = 5, limit: int = 50
) -> Refinements:
    """Find what people make of their queries.

    Parameters
    ----------
    session_window
        Microseconds after which a visit is over.
    min_identities
        People that a suggestion needs.
    limit
        Pairs at most.
    """
    with part.engine.kept(landmarks(timeline(part.log, session_window))) as moments:
        return _answer(part, moments, min_identities, limit)


def _answer(part: Part, moments: Table, min_identities: int, limit: int) -> Refinements:
    made = attempts(numbered_searches(moments))
    made_steps = steps(refinement_events(moments), made)
    rows = part.rows(refinements(made_steps, queries_tried(made)).limit(_CANDIDATES))
    missing_of = {_key(row): _missing(row, min_identities) for row in rows}
    rows.sort(key=lambda row: missing_of[_key(row)] is not None)
    rescued = None
    if rows and rows[0]["n_all_failed"]:
        rescued = wilson_rate(rows[0]["n_all_rescued"], rows[0]["n_all_failed"])
    n_steps = rows[0]["n_steps"] if rows else 0
    rows = rows[:limit]
    examples_of: dict[tuple[str, str], list[Example]] = defaultdict(list)
    if rows:
        firsts, seconds = (sorted({row[name] for row in rows}) for name in ("query", "refined_to"))
        for row in part.rows(examples(made_steps, firsts, seconds, _MOST_EXAMPLES)):
            examples_of[_key(row)].append(
                Example(session_id=row["session_id"], at=to_datetime(row["at"]))
            )
    return Refinements(
        min_identities=min_identities,
        steps=n_steps,
        rescued=rescued,
        refinements=tuple(
            _refinement(row, tuple(examples_of[_key(row)]), missing_of[_key(row)]) for row in rows
        ),
        chains=_chains(part.rows(chains(made).limit(_MOST_CHAINS))) if rows else (),
        note=None if rows else _NONE,
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
    )


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["query"], row["refined_to"]


def _elsewhere(row: dict[str, Any]) -> float:
    """The share of the steps from other queries that lead to the second one."""
    return smoothed(row["n_to"] - row["n"], row["n_steps"] - row["n_from"])


def _missing(row: dict[str, Any], min_identities: int) -> str | None:
    if row["n_identities"] < min_identities:
        return _FEW.format(row["n_identities"], min_identities)
    if wilson_rate(row["n"], row["n_from"]).low <= _elsewhere(row):
        return _CHANCE
    if not row["n_failed"]:
        return _UNSEEN
    clicked = row["n_clicked"] / row["n_attempts"] if row["n_attempts"] else 0.0
    if wilson_rate(row["n_rescued"], row["n_failed"]).low <= clicked:
        return _NO_BETTER
    return None


def _refinement(row: dict[str, Any], shown: tuple[Example, ...], missing: str | None) -> Refinement:
    follows = wilson_rate(row["n"], row["n_from"])
    rescued = wilson_rate(row["n_rescued"], row["n_failed"]) if row["n_failed"] else None
    lift = None
    if rescued is not None and row["n_all_rescued"]:
        lift = lift_of(rescued, row["n_all_rescued"] / row["n_all_failed"])
    change: Rewording = reword(row["query"], row["refined_to"])
    return Refinement(
        query=row["query"],
        refined_to=row["refined_to"],
        kind=change.kind,
        replaced=change.replaced,
        by=change.by,
        visits=row["n"],
        identities=row["n_identities"],
        said=row["n_said"],
        last_at=to_datetime(row["last_at"]),
        follows=follows,
        follows_lift=lift_of(follows, _elsewhere(row)),
        rescued=rescued,
        rescued_lift=lift,
        clicked=wilson_rate(row["n_clicked"], row["n_attempts"]) if row["n_attempts"] else None,
        suggested=missing is None,
        missing=missing,
        examples=shown,
    )


def _chains(rows: list[dict[str, Any]]) -> tuple[Chain, ...]:
    return tuple(
        Chain(
            queries=tuple(
                row[f"query_{place}"]
                for place in range(1, LONGEST + 1)
                if row[f"query_{place}"] is not None
            ),
            visits=row["n"],
            identities=row["n_identities"],
            longer=row["n_longer"],
            rescued=row["n_rescued"],
        )
        for row in rows
    )
