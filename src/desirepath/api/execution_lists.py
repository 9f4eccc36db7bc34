"""What was searched: lists of executions, how each went, and what its stages did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.api.execution_schemas import (
    ExecutionListRequest,
    ExecutionListResponse,
    ExecutionProfile,
    ExecutionStatus,
    OffsetPagination,
    present_profile,
    present_status,
    present_summary,
)
from desirepath.api.retrievers import find_retriever
from desirepath.api.schemas import ListQuery, SortOption
from desirepath.domain.access import Access
from desirepath.domain.checks import convert, refuse_unknown
from desirepath.domain.execution import Execution
from desirepath.engine.execution_list import ExecutionPage, ExecutionsRequest, list_executions
from desirepath.errors import (
    InvalidCursor,
    InvalidFilter,
    InvalidQuery,
    MalformedJSON,
    NotFound,
    QueryTooSlow,
)

__all__ = ["ENDPOINTS", "LIST_ERRORS", "list_page", "logged_execution", "pagination_of", "sorts_of"]

TAG = "Executions"
DEFAULT_PAGE_SIZE = 50
LIST_ERRORS = (InvalidFilter, InvalidQuery, InvalidCursor, MalformedJSON, QueryTooSlow)
_OF_RETRIEVER = "/v1/retrievers/{retriever_id}/executions"


def logged_execution(call: Call, retriever_id: str) -> Execution:
    """The execution that the path names.

    Raises
    ------
    NotFound
        This retriever has none of that id.
    """
    name = call.path["execution_id"]
    with call.engine.storage.read() as session:
        found = session.executions.get(call.namespace.number, name)
    if found is None or found.retriever_id != retriever_id:
        raise NotFound("execution", name)
    return found


def list_page(
    call: Call, retriever_id: str, request: ExecutionListRequest, size: int | None = None
) -> ExecutionPage:
    """The page of a retriever's executions that the query parameters ask for."""
    query = read_query(call.query_string, ListQuery)
    size = size or query.limit or query.page_size or DEFAULT_PAGE_SIZE
    start = query.offset if query.offset is not None else ((query.page or 1) - 1) * size
    parts: list[dict[str, Any]] = [request.filters] if request.filters else []
    if request.status is not None:
        parts.append({"field": "status", "operator": "eq", "value": request.status})
    return list_executions(
        call.engine,
        call.namespace.number,
        ExecutionsRequest(
            retriever_id=retriever_id,
            filters={"AND": parts} if parts else None,
            case_sensitive=request.case_sensitive,
            sorts=sorts_of(request.sorts),
            page_size=size,
            start=start,
            cursor=query.cursor or query.next_cursor or query.after,
        ),
        call.rules.list_seconds,
    )


def sorts_of(sent: Sequence[object] | None) -> list[tuple[str, bool]]:
    """Orders as (field, descending).

    Raises
    ------
    InvalidFilter
        One is no order.
    """
    options = [convert(one, SortOption, InvalidFilter) for one in sent or ()]
    return [(option.field, option.direction == "desc") for option in options]


def pagination_of(call: Call, page: ExecutionPage) -> OffsetPagination:
    """Where a page lies."""
    query = read_query(call.query_string, ListQuery)
    return OffsetPagination(
        total=page.total,
        limit=query.limit or query.page_size or DEFAULT_PAGE_SIZE,
        offset=page.start,
        has_next=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )


def _list(call: Call, request: ExecutionListRequest) -> ExecutionListResponse:
    page = list_page(call, find_retriever(call).retriever_id, request)
    return ExecutionListResponse(
        results=[present_summary(one) for one in page.executions],
        pagination=pagination_of(call, page),
    )


@endpoint(
    "POST",
    f"{_OF_RETRIEVER}/list",
    access=Access.READ,
    tag=TAG,
    body=ExecutionListRequest,
    body_required=False,
    response=ExecutionListResponse,
    query=ListQuery,
    errors=(*LIST_ERRORS, NotFound),
)
def search_executions(call: Call) -> object:
    """List the executions of a retriever, the last recorded first.

    Those of other engines too. What each showed is read one by one.
    """
    body = call.json()
    if not isinstance(body, dict):
        raise InvalidFilter("The body is an object.")
    refuse_unknown(body, ExecutionListRequest.__struct_fields__, InvalidFilter, call.rules.lenient)
    return _list(call, convert(body, ExecutionListRequest, InvalidFilter))


@endpoint(
    "GET",
    _OF_RETRIEVER,
    access=Access.READ,
    tag=TAG,
    response=ExecutionListResponse,
    query=ListQuery,
    errors=(InvalidQuery, InvalidCursor, QueryTooSlow, NotFound),
)
def list_executions_of(call: Call) -> object:
    """List the executions of a retriever without conditions."""
    return _list(call, ExecutionListRequest())


@endpoint(
    "GET",
    f"{_OF_RETRIEVER}/{{execution_id:path}}/status",
    access=Access.READ,
    tag=TAG,
    response=ExecutionStatus,
    errors=(NotFound,),
)
def get_execution_status(call: Call) -> object:
    """Read how an execution went.

    A search is logged when it is over, so it never runs still.
    """
    return present_status(logged_execution(call, find_retriever(call).retriever_id))


@endpoint(
    "GET",
    f"{_OF_RETRIEVER}/{{execution_id:path}}/profile",
    access=Access.READ,
    tag=TAG,
    response=ExecutionProfile,
    errors=(NotFound,),
)
def get_execution_profile(call: Call) -> object:
    """Read what the stages of an execution did.

    404 for a search that another engine served: its stages are not known.
    """
    found = logged_execution(call, find_retriever(call).retriever_id)
    if found.profile is None:
        raise NotFound("execution profile")
    return present_profile(found, found.profile)


ENDPOINTS = (search_executions, list_executions_of, get_execution_status, get_execution_profile)
