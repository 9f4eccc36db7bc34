"""Relevance analytics: positions, queries, documents and funnels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from desirepath.api.analytics import (
    ANALYTICS_ERRORS,
    TAG,
    ScopeQuery,
    opened,
    read_moment,
    read_scope,
)
from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.api.paging import pagination_of, place_of
from desirepath.api.schemas import PaginationResponse
from desirepath.domain.access import Access
from desirepath.domain.funnel_steps import read_steps
from desirepath.domain.grouping import Grouping, read_grouping
from desirepath.domain.periods import previous_period
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.relevance import (
    Coverage,
    DocumentRow,
    DocumentSort,
    Finding,
    Funnels,
    Order,
    PositionRates,
    QueryRow,
    QuerySort,
)
from desirepath.errors import InvalidQuery

if TYPE_CHECKING:
    from desirepath.engine.analysing.comparing import Compared

__all__ = ["ENDPOINTS", "ComparedQuery", "earlier_scope", "read_group_by"]

_Direction = Literal["asc", "desc"]
_TIMES = ("day", "hour")


class ComparedQuery(ScopeQuery, kw_only=True):
    """Which searches, told apart by what, and compared with which others."""

    group_by: Annotated[
        str | None,
        Meta(
            description="One answer for each retriever_id, version, configuration, query, day, "
            "hour, or metadata.PATH."
        ),
    ] = None
    compare_to: Annotated[
        Literal["previous"] | None,
        Meta(description="Beside it, the period of equal length just before."),
    ] = None
    compare_start_date: Annotated[
        str | None, Meta(description="Beside it, searches from here on.")
    ] = None
    compare_end_date: Annotated[str | None, Meta(description="… and before this.")] = None


class _PagedQuery(ComparedQuery, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None
    page_size: Annotated[int, Meta(ge=1, le=1000)] | None = None
    offset: Annotated[int, Meta(ge=0)] | None = None
    page: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    direction: _Direction = "desc"


class QueriesQuery(_PagedQuery, kw_only=True):
    """Which queries."""

    sort: QuerySort = "searches"
    min_searches: Annotated[
        int, Meta(ge=1, description="Leave out queries with fewer searches.")
    ] = 1


class DocumentsQuery(_PagedQuery, kw_only=True):
    """Which documents."""

    sort: DocumentSort = "impressions"
    min_impressions: Annotated[
        int, Meta(ge=1, description="Leave out documents with fewer impressions.")
    ] = 1
    finding: Annotated[Finding | None, Meta(description="Only documents that have it.")] = None


class FunnelQuery(ComparedQuery, kw_only=True):
    """Which steps."""

    steps: Annotated[
        str | None,
        Meta(
            description="Interaction types in their order, separated by commas; "
            "impression,click,add_to_cart,purchase when left out."
        ),
    ] = None


class QueryRatesResponse(Struct, frozen=True, kw_only=True):
    """A page of queries, and what it is made from."""

    coverage: Coverage
    results: tuple[QueryRow, ...]
    pagination: PaginationResponse


class DocumentRatesResponse(Struct, frozen=True, kw_only=True):
    """A page of documents, and what it is made from."""

    coverage: Coverage
    n_documents: int
    finding_to_n: Annotated[
        dict[Finding, int], Meta(description="How many documents have each finding.")
    ]
    by_chance: Annotated[
        float,
        Meta(description="About how many would have any one finding if nothing were the matter."),
    ]
    results: tuple[DocumentRow, ...]
    pagination: PaginationResponse


def read_group_by(query: ComparedQuery, *without: str) -> Grouping | None:
    """What answers are told apart by.

    Raises
    ------
    InvalidQuery
        It is not known, or makes no sense here: periods that are compared have no day in common.
    """
    is_compared = query.compare_to or query.compare_start_date or query.compare_end_date
    return read_grouping(query.group_by, (*without, *(_TIMES if is_compared else ())))


def earlier_scope(query: ComparedQuery, scope: Scope, now: int) -> Scope | None:
    """What is compared with; None when nothing is.

    Raises
    ------
    InvalidQuery
        A time cannot be read, or it is not clear which period is meant.
    """
    since = read_moment(query.compare_start_date, "compare_start_date")
    before = read_moment(query.compare_end_date, "compare_end_date")
    if query.compare_to is None and since is None and before is None:
        return None
    if query.compare_to is None:
        return replace(scope, since=since, before=before)
    if since is not None or before is not None:
        raise InvalidQuery("Either compare_to, or compare_start_date and compare_end_date.")
    return previous_period(scope, now)


@contextmanager
def _compared(call: Call, query: ComparedQuery) -> Iterator[Compared]:
    scope = read_scope(query)
    earlier = earlier_scope(query, scope, call.engine.clock.now())
    with opened(call) as log:
        from desirepath.engine.analysing.comparing import compared

        yield compared(log, scope, earlier)


def _order(query: Any) -> Order:
    start, size = place_of(query)
    return Order(sort=query.sort, direction=query.direction, start=start, size=size)


@endpoint(
    "GET",
    "/v1/analytics/positions",
    access=Access.READ,
    tag=TAG,
    response=PositionRates,
    query=ComparedQuery,
    errors=ANALYTICS_ERRORS,
)
def get_position_rates(call: Call) -> object:
    """Click-through by position.

    With 95 % intervals (Wilson), and what it is a share of: `coverage.basis`. With `group_by`, for
    each group. With `compare_to` or `compare_start_date`, what it was before, and the difference
    with its interval (Newcombe). Of one retriever whose log says how likely each rank is looked at,
    `debiased` is what click-through would be if every rank were looked at as the first is.
    """
    query = read_query(call.query_string, ComparedQuery)
    grouping = read_group_by(query)
    with _compared(call, query) as asked:
        from desirepath.engine.analysing.position_bias import propensity_of
        from desirepath.engine.analysing.position_rates import position_rates

        return position_rates(asked, grouping, propensity_of(asked.part))


@endpoint(
    "GET",
    "/v1/analytics/queries",
    access=Access.READ,
    tag=TAG,
    response=QueryRatesResponse,
    query=QueriesQuery,
    errors=ANALYTICS_ERRORS,
)
def list_query_rates(call: Call) -> object:
    """How often queries are asked, and how well they are answered.

    Searches, click-through, searches without results, with a click, abandoned, refined, with skips
    and returns, the mean rank of what is clicked and the time to the first click. Sort by any of
    them; `min_searches` leaves out what is too rare to say something of.
    """
    query = read_query(call.query_string, QueriesQuery)
    grouping = read_group_by(query, "query")
    order = _order(query)
    with _compared(call, query) as asked:
        from desirepath.engine.analysing.query_rates import query_rates

        found = query_rates(asked, order, grouping, query.min_searches)
    return QueryRatesResponse(
        coverage=found.coverage,
        results=found.results,
        pagination=pagination_of(call, order.start, order.size, found.total),
    )


@endpoint(
    "GET",
    "/v1/analytics/documents",
    access=Access.READ,
    tag=TAG,
    response=DocumentRatesResponse,
    query=DocumentsQuery,
    errors=ANALYTICS_ERRORS,
)
def list_document_rates(call: Call) -> object:
    """What becomes of documents where they are shown.

    Impressions, click-through, average position, clicks over the clicks that those positions let
    expect, and how click-through changed: between the halves of the time, or since the period that
    is compared with. `finding` selects those that stand high and are skipped, stand low and are
    loved, rise, or fade, each beyond its 95 % interval.
    """
    query = read_query(call.query_string, DocumentsQuery)
    grouping = read_group_by(query)
    order = _order(query)
    with _compared(call, query) as asked:
        from desirepath.engine.analysing.document_rates import document_rates

        found = document_rates(asked, order, grouping, query.min_impressions, query.finding)
    return DocumentRatesResponse(
        coverage=found.coverage,
        n_documents=found.n_documents,
        finding_to_n=found.finding_to_n,
        by_chance=found.by_chance,
        results=found.results,
        pagination=pagination_of(call, order.start, order.size, found.total),
    )


@endpoint(
    "GET",
    "/v1/analytics/funnel",
    access=Access.READ,
    tag=TAG,
    response=Funnels,
    query=FunnelQuery,
    errors=ANALYTICS_ERRORS,
)
def get_funnel(call: Call) -> object:
    """How many go how far, from being shown to being bought.

    Of documents in searches, and of sessions: how many took each step and all before it, and which
    share that is of the former step and of the first.
    """
    query = read_query(call.query_string, FunnelQuery)
    grouping = read_group_by(query)
    steps = read_steps(query.steps)
    with _compared(call, query) as asked:
        from desirepath.engine.analysing.funnel import funnels

        return funnels(asked, steps, grouping)


ENDPOINTS = (get_position_rates, list_query_rates, list_document_rates, get_funnel)
