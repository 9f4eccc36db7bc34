"""Queries that find nothing: how much is lost by each, and what people do then."""

from __future__ import annotations

from collections import defaultdict

from desirepath.analysis.attempts import attempts, numbered_searches, timeline
from desirepath.analysis.result_lists import result_lists
from desirepath.analysis.zero_results import (
    next_queries,
    what_next,
    zero_result_queries,
    zero_result_totals,
)
from desirepath.domain.clock import to_datetime
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.query_answers import NextQuery, ZeroResultQuery, ZeroResults
from desirepath.engine.reporting import wilson_rate

__all__ = ["NO_SEARCHES", "find_zero_results"]

NO_SEARCHES = (
    "This part of the log has no search with a text: 0, where 1 is needed. Record searches as "
    "executions with inputs, or send query_snapshot with interactions."
)
_NONE_FOUND_NOTHING = "Each of the {} searches with a text found something."
_NO_THREAD = (
    "None of the {} searches that found nothing has a session_id or a user_id: what people did "
    "next is not known."
)
_MOST_NEXT = 3


def find_zero_results(part: Part, session_window: int, limit: int = 50) -> ZeroResults:
    """Find the queries that find nothing.

    Parameters
    ----------
    session_window
        Microseconds after which a visit is over.
    limit
        Queries at most.
    """
    run = part.rows
    found = result_lists(part.log)
    (totals,) = run(zero_result_totals(found))
    n_searches, n_nothing = totals["n_searches"] or 0, totals["n_nothing"] or 0
    rows = run(zero_result_queries(found).limit(limit)) if n_nothing else []
    next_of: dict[str, list[NextQuery]] = defaultdict(list)
    query_to_next: dict[str, dict[str, int]] = {}
    if rows:
        names = [row["query"] for row in rows]
        every = attempts(numbered_searches(timeline(part.log, session_window)))
        with part.engine.kept(every.filter(every["query"].isin(names))) as made:
            query_to_next = {row["query"]: row for row in run(what_next(made))}
            for row in run(next_queries(made, _MOST_NEXT)):
                next_of[row["query"]].append(
                    NextQuery(query=row["next_query"], n=row["n"], n_clicked=row["n_clicked"])
                )
    nobody = {"n": 0, "n_refined": 0, "n_rescued": 0}
    queries = []
    for row in rows:
        then = query_to_next.get(row["query"], nobody)
        queries.append(
            ZeroResultQuery(
                query=row["query"],
                nothing=wilson_rate(row["n_nothing"], row["n_searches"]),
                lost_share=row["n_nothing"] / n_nothing,
                sessions=row["n_sessions"],
                users=row["n_users"],
                identities=row["n_identities"],
                first_at=to_datetime(row["first_at"]),
                last_at=to_datetime(row["last_at"]),
                attempts=then["n"],
                refined=then["n_refined"],
                rescued=then["n_rescued"],
                left=then["n"] - then["n_refined"],
                next_queries=tuple(next_of[row["query"]]),
            )
        )
    return ZeroResults(
        nothing=wilson_rate(n_nothing, n_searches) if n_searches else None,
        without_text=totals["n_without_text"] or 0,
        queries=tuple(queries),
        note=_note(n_searches, n_nothing, queries),
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
    )


def _note(n_searches: int, n_nothing: int, queries: list[ZeroResultQuery]) -> str | None:
    if not n_searches:
        return NO_SEARCHES
    if not n_nothing:
        return _NONE_FOUND_NOTHING.format(f"{n_searches:,}")
    if not any(query.attempts for query in queries):
        return _NO_THREAD.format(f"{n_nothing:,}")
    return None
