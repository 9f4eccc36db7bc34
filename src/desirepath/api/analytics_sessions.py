"""Sessions over HTTP: which there were, and one as a journey."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from desirepath.api.analytics import ANALYTICS_ERRORS, TAG, ScopeQuery, asked
from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.domain.access import Access
from desirepath.domain.visit import VisitOutcome
from desirepath.engine.analysing.session_answers import Journey, Sessions
from desirepath.errors import NotFound

__all__ = ["ENDPOINTS"]


class SessionsQuery(ScopeQuery, kw_only=True):
    """Which searches, which outcome, and how many rows."""

    outcome: Annotated[
        VisitOutcome | None, Meta(description="Only visits that came to this, and to no more.")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="Visits at most.")] = 50


@endpoint(
    "GET",
    "/v1/analytics/sessions",
    access=Access.READ,
    tag=TAG,
    query=SessionsQuery,
    response=Sessions,
    errors=ANALYTICS_ERRORS,
)
def session_list(call: Call) -> object:
    """Sessions, the last first.

    Each visit with its start, length, searches, clicks and outcome; and what part of all visits
    came to each outcome. A session in which nothing happened for `session_window_minutes` starts
    afresh: that is another visit.
    """
    query = read_query(call.query_string, SessionsQuery)
    with asked(call, query) as part:
        from desirepath.engine.analysing.sessions import list_sessions

        return list_sessions(
            part,
            call.engine.rules.session_window,
            outcome=query.outcome,
            limit=query.limit,
        )


@endpoint(
    "GET",
    "/v1/analytics/sessions/{session_id:path}",
    access=Access.READ,
    tag=TAG,
    query=ScopeQuery,
    response=Journey,
    errors=(*ANALYTICS_ERRORS, NotFound),
)
def session_journey(call: Call) -> object:
    """One session as a journey.

    What somebody did, step by step: searched, saw, clicked, came back, refined, bought.
    """
    query = read_query(call.query_string, ScopeQuery)
    with asked(call, query) as part:
        from desirepath.engine.analysing.journey import follow_session

        return follow_session(part, call.path["session_id"], call.engine.rules.session_window)


ENDPOINTS = (session_list, session_journey)
