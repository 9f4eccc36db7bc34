"""Queries over HTTP: which find nothing, what people make of them, which filters they turn on."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from desirepath.api.analytics import ANALYTICS_ERRORS, TAG, ScopeQuery, asked
from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.domain.access import Access
from desirepath.engine.analysing.query_answers import Filters, Refinements, Troubled, ZeroResults

__all__ = ["ENDPOINTS"]

_Limit = Annotated[int, Meta(ge=1, le=1000, description="Rows at most.")]
_People = Annotated[
    int, Meta(ge=2, le=1000, description="People (users, else sessions) that a suggestion needs.")
]


class LimitedQuery(ScopeQuery, kw_only=True):
    """Which searches, and how many rows."""

    limit: _Limit = 50


class RefinementsQuery(LimitedQuery, kw_only=True):
    """Also what a suggestion needs."""

    min_identities: _People = 5


class FiltersQuery(RefinementsQuery, kw_only=True):
    """Also how many of a query's searches."""

    min_share: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="Share of a query's searches with the filter on that the low end of its "
            "interval is above for a suggestion.",
        ),
    ] = 0.5


class TroubledQueries(LimitedQuery, kw_only=True):
    """Also how many searches a query needs."""

    min_searches: Annotated[int, Meta(ge=1, description="Searches that a query needs.")] = 20


@endpoint(
    "GET",
    "/v1/analytics/queries/zero-results",
    access=Access.READ,
    tag=TAG,
    query=LimitedQuery,
    response=ZeroResults,
    errors=ANALYTICS_ERRORS,
)
def zero_result_queries(call: Call) -> object:
    """Queries that find nothing.

    By searches lost: of how many sessions and users, since when and until when, and what people did
    next: another query (which, and whether something was clicked then), or nothing.
    """
    query = read_query(call.query_string, LimitedQuery)
    with asked(call, query) as part:
        from desirepath.engine.analysing.zero_results import find_zero_results

        return find_zero_results(part, call.engine.rules.session_window, query.limit)


@endpoint(
    "GET",
    "/v1/analytics/queries/refinements",
    access=Access.READ,
    tag=TAG,
    query=RefinementsQuery,
    response=Refinements,
    errors=ANALYTICS_ERRORS,
)
def query_refinements(call: Call) -> object:
    """What people make of their queries.

    Pairs of queries of one visit, by `query_refinement` events and by what was searched for next,
    and what they suggest: spellings, synonyms, rewrites. Each with how often, of how many people,
    how often the second query is clicked where the first was not, intervals, and sessions to look
    at; suggested only above the thresholds that the answer names.
    """
    query = read_query(call.query_string, RefinementsQuery)
    with asked(call, query) as part:
        from desirepath.engine.analysing.refinements import find_refinements

        return find_refinements(
            part,
            call.engine.rules.session_window,
            min_identities=query.min_identities,
            limit=query.limit,
        )


@endpoint(
    "GET",
    "/v1/analytics/queries/filters",
    access=Access.READ,
    tag=TAG,
    query=FiltersQuery,
    response=Filters,
    errors=ANALYTICS_ERRORS,
)
def query_filters(call: Call) -> object:
    """Which filters people turn on.

    By query, from `filter_toggle` events, and which of them could be on from the start: with the
    share of the query's searches, people, what was clicked then, and intervals.
    """
    query = read_query(call.query_string, FiltersQuery)
    with asked(call, query) as part:
        from desirepath.engine.analysing.filters import find_filters

        return find_filters(
            part,
            call.engine.rules.session_window,
            min_identities=query.min_identities,
            min_share=query.min_share,
            limit=query.limit,
        )


@endpoint(
    "GET",
    "/v1/analytics/queries/troubled",
    access=Access.READ,
    tag=TAG,
    query=TroubledQueries,
    response=Troubled,
    errors=ANALYTICS_ERRORS,
)
def troubled_queries(call: Call) -> object:
    """Queries with many skips or returns.

    Queries whose rate of skips, or of returns to the results, is surely above that of the
    namespace: the whole 95% interval lies above it.
    """
    query = read_query(call.query_string, TroubledQueries)
    with asked(call, query) as part:
        from desirepath.engine.analysing.troubled import find_troubled

        return find_troubled(part, query.min_searches, query.limit)


ENDPOINTS = (zero_result_queries, query_refinements, query_filters, troubled_queries)
