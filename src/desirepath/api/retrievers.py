"""Retrievers: create, get, list, change, delete, clone."""

from __future__ import annotations

from desirepath.api.endpoint import Call, endpoint
from desirepath.api.paging import page_of
from desirepath.api.retriever_schemas import (
    CloneResponse,
    PatchResponse,
    RetrieverConfig,
    RetrieverDeleted,
    RetrieverListRequest,
    RetrieverListResponse,
    RetrieverModel,
    present_config,
    present_retriever,
    without_shipped,
)
from desirepath.api.schemas import ListQuery, SortOption
from desirepath.domain.access import Access
from desirepath.domain.checks import convert, refuse_unknown
from desirepath.domain.retriever import Retriever, RetrieverDraft, read_retriever
from desirepath.domain.retriever_changes import (
    RetrieverClone,
    RetrieverPatch,
    read_clone,
    read_patch,
)
from desirepath.engine import retrievers
from desirepath.engine.deleting import delete_retriever
from desirepath.engine.gating.shipping import shipped_in
from desirepath.engine.retriever_list import RetrieverQuery, select_retrievers
from desirepath.errors import (
    AlreadyExists,
    Conflict,
    InvalidFilter,
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
    return retrievers.find_retriever(call.engine, call.namespace.number, call.path["retriever_id"])


@endpoint(
    "POST",
    "/v1/retrievers",
    access=Access.WRITE,
    tag=TAG,
    body=RetrieverDraft,
    response=RetrieverConfig,
    errors=(InvalidRetriever, AlreadyExists, MalformedJSON),
)
def create_retriever(call: Call) -> object:
    """Create a retriever.

    A named way to search, whose executions and interactions belong together. `stages` may be
    empty: then another engine searches and only logs here.
    """
    draft = read_retriever(call.json(), lenient=call.rules.lenient)
    return present_config(retrievers.create_retriever(call.engine, call.namespace.number, draft))


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
    found = find_retriever(call)
    return present_retriever(found, shipped_in(call.engine, found))


def _list(call: Call, request: RetrieverListRequest) -> RetrieverListResponse:
    with call.engine.storage.read() as session:
        stored = session.catalog.retrievers(call.namespace.number)
    found = select_retrievers(
        stored,
        RetrieverQuery(
            search=request.search,
            filters=request.filters,
            sorts=_sorts(request),
            case_sensitive=request.case_sensitive,
        ),
    )
    page, pagination = page_of(call, found)
    results = [present_retriever(one, shipped_in(call.engine, one)) for one in page]
    return RetrieverListResponse(results=results, total=len(found), pagination=pagination)


def _sorts(request: RetrieverListRequest) -> list[tuple[str, bool]]:
    options: list[SortOption] = [*([request.sort] if request.sort else ()), *(request.sorts or ())]
    return [(option.field, option.direction == "desc") for option in options]


@endpoint(
    "POST",
    "/v1/retrievers/list",
    access=Access.READ,
    tag=TAG,
    body=RetrieverListRequest,
    body_required=False,
    response=RetrieverListResponse,
    query=ListQuery,
    errors=(InvalidRetriever, InvalidFilter, InvalidQuery),
)
def search_retrievers(call: Call) -> object:
    """List retrievers, oldest first unless `sort` says otherwise."""
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


@endpoint(
    "PATCH",
    "/v1/retrievers/{retriever_id}",
    access=Access.WRITE,
    tag=TAG,
    body=RetrieverPatch,
    response=PatchResponse,
    errors=(InvalidRetriever, NotFound, AlreadyExists, Conflict, MalformedJSON),
)
def patch_retriever(call: Call) -> object:
    """Change a retriever.

    What is left out stays as it is; a list or object that is sent replaces the one there was. A
    new `input_schema` must take every search that is taken now, and `budget_limits` stay: clone the
    retriever to have others.
    """
    found = find_retriever(call)
    sent = without_shipped(call.json(), shipped_in(call.engine, found))
    patch = read_patch(sent, lenient=call.rules.lenient)
    retriever = retrievers.change_retriever(call.engine, found, patch)
    return PatchResponse(retriever=present_config(retriever, shipped_in(call.engine, retriever)))


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/clone",
    access=Access.WRITE,
    tag=TAG,
    body=RetrieverClone,
    response=CloneResponse,
    errors=(InvalidRetriever, NotFound, AlreadyExists, MalformedJSON),
)
def clone_retriever(call: Call) -> object:
    """Copy a retriever under another name.

    What is sent takes the place of what would be copied. The copy has no executions and no
    interactions, and has learned nothing.
    """
    clone = read_clone(call.json(), lenient=call.rules.lenient)
    source = find_retriever(call)
    copy = retrievers.clone_retriever(call.engine, source, clone)
    return CloneResponse(retriever=present_config(copy), source_retriever_id=source.retriever_id)


@endpoint(
    "DELETE",
    "/v1/retrievers/{retriever_id}",
    access=Access.WRITE,
    tag=TAG,
    response=RetrieverDeleted,
    errors=(NotFound, Conflict),
)
def remove_retriever(call: Call) -> object:
    """Delete a retriever with its executions and interactions.

    409 while it is the challenger of another one: end that experiment first.
    """
    retriever = find_retriever(call)
    delete_retriever(call.engine, retriever)
    return RetrieverDeleted(success=True, retriever_id=retriever.retriever_id)


ENDPOINTS = (
    create_retriever,
    get_retriever,
    search_retrievers,
    list_retrievers,
    patch_retriever,
    clone_retriever,
    remove_retriever,
)
