"""Queries that find nothing, and what people do then."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

__all__ = ["next_queries", "what_next", "zero_result_queries", "zero_result_totals"]


def zero_result_totals(found: Table) -> Table:
    """One row over searches, further pages left out: ``n_searches`` with a text, ``n_nothing`` of
    them, and ``n_without_text``.
    """
    has_text = found["query"].notnull()
    return found.filter(~_.is_page).agg(
        n_searches=has_text.sum(),
        n_nothing=(has_text & found.found_nothing).sum(),
        n_without_text=(~has_text).sum(),
    )


def zero_result_queries(found: Table) -> Table:
    """Queries whose searches found nothing at least once, the most often first.

    Returns
    -------
    Table
        ``query``, ``n_searches``, and of the searches that found nothing: ``n_nothing``,
        ``n_sessions``, ``n_users``, ``n_identities``, ``first_at`` and ``last_at``.
    """
    nothing = found.found_nothing
    rows = found.filter(~_.is_page, _["query"].notnull())
    return (
        rows.group_by("query")
        .agg(
            n_searches=_.count(),
            n_nothing=_.found_nothing.sum(),
            n_sessions=found.session_id.nunique(where=nothing),
            n_users=found.user_id.nunique(where=nothing),
            n_identities=found.identity.nunique(where=nothing),
            first_at=found.occurred_at.min(where=nothing),
            last_at=found.occurred_at.max(where=nothing),
        )
        .filter(_.n_nothing > 0)
        .order_by(_.n_nothing.desc(), "query")
    )


def what_next(made: Table) -> Table:
    """Of the attempts with each query that found nothing: ``n``, ``n_refined``, ``n_rescued``.

    Refined: another query came next in the visit. Rescued: something that it found was clicked.
    """
    return (
        made.filter(_.found_nothing)
        .group_by("query")
        .agg(
            n=_.count(),
            n_refined=_.next_query.count(),
            n_rescued=_.next_is_clicked.fill_null(False).sum(),
        )
    )


def next_queries(made: Table, most: int) -> Table:
    """The queries that most often come after one that found nothing.

    Returns
    -------
    Table
        ``query``, ``next_query``, ``n``, ``n_clicked``; at most ``most`` for each query.
    """
    rows = (
        made.filter(_.found_nothing, _.next_query.notnull())
        .group_by("query", "next_query")
        .agg(n=_.count(), n_clicked=_.next_is_clicked.sum())
    )
    ranked = ibis.window(group_by="query", order_by=[rows.n.desc(), rows.next_query])
    rows = rows.mutate(place=ibis.row_number().over(ranked))
    return rows.filter(_.place < most).order_by("query", "place").drop("place")
