"""Visits of sessions: how long, how much, and what came of them."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.impressions import united_acts
from desirepath.analysis.log import Log
from desirepath.analysis.result_lists import result_lists
from desirepath.domain.acts import CLICKED, TYPE_TO_BIT
from desirepath.domain.visit import OUTCOMES

__all__ = ["events_of_session", "latest", "outcome_counts", "searches_of_session", "visits"]


def visits(moments: Table) -> Table:
    """Visits of sessions.

    Parameters
    ----------
    moments
        As :func:`~desirepath.analysis.attempts.timeline` gives them.

    Returns
    -------
    Table
        ``session_id``, ``user_id``, ``started_at``, ``ended_at`` (the last thing that happened),
        ``n_searches``, ``n_queries`` (different ones), ``n_clicked`` (documents of the searches),
        ``n_events`` and ``outcome`` (see :data:`~desirepath.domain.visit.OUTCOMES`).
    """
    rows = moments.filter(_.session_id.notnull())
    first_page = (rows.is_search & ~rows.is_page).fill_null(False)
    rows = rows.mutate(acts=rows.acts.fill_null(0))
    found = rows.group_by("session_id", started_at=rows.visit).agg(
        user_id=rows.user_id.min(),
        ended_at=rows.occurred_at.max(),
        n_searches=first_page.sum(),
        n_queries=rows["query"].nunique(where=rows.is_search),
        n_clicked=rows.n_clicked.sum(where=rows.is_search),
        n_found_nothing=(first_page & rows.found_nothing).fill_null(False).sum(),
        n_events=(~rows.is_search).sum(),
        acts=united_acts(rows.acts),
    )
    found = found.mutate(n_clicked=found.n_clicked.fill_null(0))
    return found.mutate(outcome=_outcome(found)).drop("acts", "n_found_nothing")


def latest(found: Table) -> Table:
    """Visits, the last first."""
    return found.order_by(_.started_at.desc(), "session_id")


def outcome_counts(found: Table) -> Table:
    """``outcome`` and ``n`` visits that came to it."""
    return found.group_by("outcome").agg(n=_.count())


def searches_of_session(log: Log, session_id: str) -> Table:
    """The result lists of a session."""
    return result_lists(log).filter(_.session_id == session_id)


def events_of_session(log: Log, found: Table, session_id: str) -> Table:
    """The interactions of a session, and those of its searches that name no session."""
    own = log.interactions.filter(_.session_id == session_id)
    others = log.interactions.filter(_.session_id.isnull())
    others = others.semi_join(found, others.execution_id == found.search_id)
    return own.union(others).select(
        "id",
        "occurred_at",
        "acts",
        "document_id",
        "position",
        "user_id",
        "execution_id",
        "query",
        "duration_ms",
        "metadata",
    )


def _outcome(found: Table) -> Any:
    does = {
        "purchase": (found.acts & TYPE_TO_BIT["purchase"]) != 0,
        "add_to_cart": (found.acts & TYPE_TO_BIT["add_to_cart"]) != 0,
        "click": (found.n_clicked > 0) | ((found.acts & CLICKED) != 0),
        "found_nothing": (found.n_searches > 0) & (found.n_found_nothing == found.n_searches),
        "no_click": found.n_searches > 0,
    }
    return ibis.cases(*((does[name], name) for name in OUTCOMES[:-1]), else_=OUTCOMES[-1])
