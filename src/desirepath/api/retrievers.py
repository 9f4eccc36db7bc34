"""Retrievers: create, get, list, delete."""

from __future__ import annotations

from msgspec import Struct

from desirepath.api.endpoint import Call, endpoint
from desirepath.api.paging import page_of
from desirepath.api.schemas import (
    ListQuery,
    RetrieverListResponse,
    RetrieverModel,
    present_retriever,
)
from desirepath.domain.access import Access
from desirepath.domain.checks import convert, refuse_unknown
from desirepath.domain.ids import format_id
from desirepath.domain.retriever import Retriever, RetrieverDraft, read_retriever
from desirepath.engine.deleting import delete_retriever
from desirepath.errors import (
    AlreadyExists,
    InvalidQuery,
    InvalidRetriever,
    MalformedJSON,
    NotFound,
)

__all__ = ["ENDPOINTS", "find_retriever"]

TAG = "Retrievers"


def find_retriever(call: Call) -> Retriever:
    """The retriever that the path names by id or name.

    Raises
    ------
    NotFound
        This namespace has none.
    """
    name = call.path["retriever_id"]
    if "\x00" in name:  # no database could have it
        raise NotFound("retriever")
    with call.engine.storage.read() as session:
        retriever = session.catalog.find_retriever(call.namespace.number, name)
    if retriever is None:
        raise NotFound("retriever", name)
    return retriever


@endpoint(
    "POST",
    "/v1/retrievers",
    access=Access.WRITE,
    tag=TAG,
    body=RetrieverDraft,
    response=RetrieverModel,
    errors=(InvalidRetriever, AlreadyExists, MalformedJSON),
)
def create_retriever(call: Call) -> object:
    """Create a retriever.

    A named way to search, whose executions and interactions belong together. `stages` may be
    empty: then another engine searches and only logs here.
    """
    draft = read_retriever(call.json(), lenient=call.rules.lenient)
    with call.engine.storage.write() as session:
        now = session.now()
        id = call.engine.make_id.next(now)
        retriever = session.catalog.create_retriever(call.namespace.number, id, draft, now)
    call.engine.directory.forget()
    return present_retriever(retriever)


@endpoint(
    "GET",
    "/v1/retrievers/{retriever_id}",
    access=Access.READ,
    tag=TAG,
    response=RetrieverModel,
    errors=(NotFound,),
)
def get_retriever(call: Call) -> object:
    """Read one retriever, by id or name."""
    return present_retriever(find_retriever(call))


class RetrieverListRequest(Struct, frozen=True, kw_only=True):
    """Which retrievers."""

    search: str | None = None
    case_sensitive: bool = False


def _list(call: Call, request: RetrieverListRequest) -> RetrieverListResponse:
    with call.engine.storage.read() as session:
        found = session.catalog.retrievers(call.namespace.number)
    if request.search is not None:
        seen = str if request.case_sensitive else str.lower
        wanted = seen(request.search.strip("*"))
        found = [item for item in found if wanted in seen(item.draft.retriever_name)]
    page, pagination = page_of(call, found)
    results = [present_retriever(retriever) for retriever in page]
    return RetrieverListResponse(results=results, total=len(found), pagination=pagination)


@endpoint(
    "POST",
    "/v1/retrievers/list",
    access=Access.READ,
    tag=TAG,
    body=RetrieverListRequest,
    body_required=False,
    response=RetrieverListResponse,
    query=ListQuery,
    errors=(InvalidRetriever, InvalidQuery),
)
def search_retrievers(call: Call) -> object:
    """List retrievers, oldest first."""
    body = call.json()
    request = convert(body, RetrieverListRequest, InvalidRetriever)
    refuse_unknown(
        body, RetrieverListRequest.__struct_fields__, InvalidRetriever, call.rules.lenient
    )
    return _list(call, request)


@endpoint(
    "GET",
    "/v1/retrievers",
    access=Access.READ,
    tag=TAG,
    response=RetrieverListResponse,
    query=ListQuery,
    errors=(InvalidQuery,),
)
def list_retrievers(call: Call) -> object:
    """List retrievers, oldest first; the same as POST /v1/retrievers/list."""
    return _list(call, RetrieverListRequest())


class RetrieverDeleted(Struct, frozen=True, kw_only=True):
    """A deletion."""

    success: bool
    retriever_id: str


@endpoint(
    "DELETE",
    "/v1/retrievers/{retriever_id}",
    access=Access.WRITE,
    tag=TAG,
    response=RetrieverDeleted,
    errors=(NotFound,),
)
def remove_retriever(call: Call) -> object:
    """Delete a retriever with its executions and interactions."""
    retriever = find_retriever(call)
    delete_retriever(call.engine, retriever)
    return RetrieverDeleted(success=True, retriever_id=format_id("ret", retriever.id))


ENDPOINTS = (
    create_retriever,
    get_retriever,
    search_retrievers,
    list_retrievers,
    remove_retriever,
)
