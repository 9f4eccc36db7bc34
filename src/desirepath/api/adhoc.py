"""Ad-hoc searches: stages that come with the request, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from desirepath.api.endpoint import Answer, Call, endpoint
from desirepath.api.execute import ERRORS, ExecuteResponse, present_served
from desirepath.api.execution_lists import (
    LIST_ERRORS,
    list_page,
    logged_execution,
    pagination_of,
)
from desirepath.api.execution_schemas import (
    AdhocListRequest,
    AdhocListResponse,
    AdhocSummary,
    ExecutionListRequest,
    present_adhoc_summary,
)
from desirepath.api.schemas import ListQuery
from desirepath.api.search_body import ExecuteBody, check_search, request_of
from desirepath.domain.access import Access
from desirepath.domain.checks import check_time, convert, refuse_unknown
from desirepath.domain.execution import Execution, ExecutionSummary
from desirepath.domain.plain_json import encode_json
from desirepath.domain.retriever import ADHOC_ID, BudgetLimits, RetrieverDraft, adhoc_retriever
from desirepath.engine.engine import Engine
from desirepath.engine.executing import execute
from desirepath.errors import InvalidFilter, InvalidRetriever, InvalidSearch, NotFound

__all__ = ["ENDPOINTS", "run_adhoc"]

TAG = "Search"
_NOT_LEARNED = (
    "Learned weights belong to a retriever: this search was fused by rrf, and teaches nothing."
)
_OF_SEARCH = tuple(ExecuteBody.__struct_fields__)
_OF_RETRIEVER = tuple(
    name
    for name in (*RetrieverDraft.__struct_fields__, "collection_ids")
    if name not in (*_OF_SEARCH, "experiment")  # which is between retrievers
)


class AdhocBody(ExecuteBody, frozen=True, kw_only=True):
    """A search with its stages."""

    stages: Annotated[
        list[dict[str, Any]],
        Meta(min_length=1, description="How to search, as of a retriever."),
    ]
    input_schema: Annotated[
        dict[str, Any] | None, Meta(description="Inputs by name, as of a retriever.")
    ] = None
    budget_limits: BudgetLimits | None = None
    collection_identifiers: Annotated[
        list[str] | None, Meta(description="Not looked at: a namespace is one collection.")
    ] = None
    pre_filters: Annotated[dict[str, Any] | None, Meta(description="Another name of filters.")] = (
        None
    )


@endpoint(
    "POST",
    "/v1/retrievers/execute",
    access=Access.RECORD,
    tag=TAG,
    body=AdhocBody,
    response=ExecuteResponse,
    batch=True,
    errors=(*ERRORS, InvalidRetriever),
)
def execute_adhoc(call: Call) -> object:
    """Search by stages that come with the request.

    The search is logged as any other, under the retriever_id `ret_adhoc`, which no retriever has:
    interactions may name it. Weights are learned for retrievers only, so fusion `learned` is rrf
    here, with a warning.
    """
    served = run_adhoc(call.engine, call.namespace.number, call.json(), call.rules.lenient)
    return Answer(encode_json(served), headers={"X-Execution-Mode": "adhoc"})


def run_adhoc(engine: Engine, namespace: int, plain: object, lenient: bool) -> ExecuteResponse:
    """Serve a search that brings its stages.

    Raises
    ------
    InvalidSearch
        A rule is broken, or the search asks for what its stages cannot do.
    InvalidRetriever
        The stages or the input schema break a rule.
    """
    if not isinstance(plain, Mapping):
        raise InvalidSearch("A search is a JSON object.")
    values = dict(plain)
    refuse_unknown(values, (*_OF_SEARCH, *_OF_RETRIEVER, "pre_filters"), InvalidSearch, lenient)
    if not values.get("stages"):
        raise InvalidSearch("An ad-hoc search needs stages.", ("stages",))
    pre_filters = values.pop("pre_filters", None)
    if pre_filters is not None and values.setdefault("filters", pre_filters) != pre_filters:
        raise InvalidSearch("filters and pre_filters say the same and differ.", ("filters",))
    draft = {name: values.pop(name) for name in _OF_RETRIEVER if name in values}
    retriever, was_learned = adhoc_retriever(namespace, draft, lenient=lenient)
    served = execute(engine, retriever, request_of(check_search(values, lenient), retriever))
    if was_learned:
        served.warnings.append(_NOT_LEARNED)
    return present_served(served, retriever)


@endpoint(
    "POST",
    "/v1/retrievers/executions/list",
    access=Access.READ,
    tag=TAG,
    body=AdhocListRequest,
    body_required=False,
    response=AdhocListResponse,
    query=ListQuery,
    errors=LIST_ERRORS,
)
def search_adhoc_executions(call: Call) -> object:
    """List ad-hoc searches, the last one first."""
    body = call.json()
    if not isinstance(body, dict):
        raise InvalidFilter("The body is an object.")
    refuse_unknown(body, AdhocListRequest.__struct_fields__, InvalidFilter, call.rules.lenient)
    sent = convert(body, AdhocListRequest, InvalidFilter)
    parts = [sent.filters] if sent.filters else []
    for name, operator in (("start_time", "gte"), ("end_time", "lt")):
        moment = getattr(sent, name)
        if moment is not None:
            check_time(moment, name, InvalidFilter)
            parts.append({"field": "occurred_at", "operator": operator, "value": moment})
    page = list_page(
        call,
        ADHOC_ID,
        ExecutionListRequest(
            filters={"AND": parts} if parts else None,
            sorts=sent.sorts,
            status=sent.status,
            case_sensitive=sent.case_sensitive,
        ),
    )
    return AdhocListResponse(
        results=[] if sent.count_only else [present_adhoc_summary(one) for one in page.executions],
        total=page.total,
        pagination=pagination_of(call, page),
    )


@endpoint(
    "GET",
    "/v1/retrievers/executions/{execution_id:path}",
    access=Access.READ,
    tag=TAG,
    response=AdhocSummary,
    errors=(NotFound,),
)
def get_adhoc_execution(call: Call) -> object:
    """Read one ad-hoc search."""
    return present_adhoc_summary(_summary(logged_execution(call, ADHOC_ID)))


def _summary(execution: Execution) -> ExecutionSummary:
    shared = [name for name in ExecutionSummary.__struct_fields__ if name != "n_documents"]
    values = {name: getattr(execution, name) for name in shared}
    return ExecutionSummary(n_documents=len(execution.documents), **values)


ENDPOINTS = (execute_adhoc, search_adhoc_executions, get_adhoc_execution)
