"""Stages: which there are, what those of a retriever would do, and typeahead."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.api.retriever_schemas import (
    ExplainRequest,
    ExplainResponse,
    StageDiscovery,
    TypeaheadQuery,
    TypeaheadResponse,
    present_plan,
    present_stage_kind,
    present_suggestions,
)
from desirepath.api.retrievers import find_retriever
from desirepath.domain.access import Access
from desirepath.domain.checks import convert, refuse_unknown
from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.domain.stage_kinds.base import StageType
from desirepath.engine.serving.explaining import explain
from desirepath.engine.typeahead import MAX_FIELDS, suggest
from desirepath.errors import (
    InvalidFilter,
    InvalidQuery,
    InvalidRetriever,
    InvalidSearch,
    MalformedJSON,
    NotFound,
)

__all__ = ["ENDPOINTS"]

TAG = "Retrievers"
_DISCOVERED = tuple(map(present_stage_kind, STAGE_KINDS.values()))


class StageQuery(Struct, frozen=True, kw_only=True):
    """Which stages."""

    category: Annotated[StageType | None, Meta(description="Those of one category.")] = None


@endpoint(
    "GET",
    "/v1/retrievers/stages",
    access=None,  # the generated SDK sends no key here, and there is nothing of anybody's in it
    tag=TAG,
    response=list[StageDiscovery],
    query=StageQuery,
    errors=(InvalidQuery,),
)
def list_stages(call: Call) -> object:
    """List the kinds of stages, each with the schema of its parameters."""
    query = read_query(call.query_string, StageQuery)
    return [kind for kind in _DISCOVERED if query.category in (None, kind.category)]


def _explain(call: Call) -> ExplainResponse:
    body = call.json()
    request = convert(body, ExplainRequest, InvalidSearch)
    refuse_unknown(body, ExplainRequest.__struct_fields__, InvalidSearch, call.rules.lenient)
    retriever = find_retriever(call)
    with call.engine.storage.read() as session:
        n_documents = session.documents.count(call.namespace.number)
    return present_plan(retriever, explain(retriever, request.inputs, n_documents))


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/execute/explain",
    access=Access.READ,
    tag=TAG,
    body=ExplainRequest,
    body_required=False,
    response=ExplainResponse,
    errors=(InvalidSearch, InvalidRetriever, NotFound, MalformedJSON),
)
def explain_execution(call: Call) -> object:
    """Estimate what a search would do.

    From the stages and the number of documents, without searching: the figures are orders of
    magnitude. `warnings` name inputs that a stage needs and `inputs` lacks.
    """
    return _explain(call)


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/explain",
    access=Access.READ,
    tag=TAG,
    body=ExplainRequest,
    body_required=False,
    response=ExplainResponse,
    errors=(InvalidSearch, InvalidRetriever, NotFound, MalformedJSON),
)
def explain_retriever(call: Call) -> object:
    """Estimate what a search would do; the same as `execute/explain`."""
    return _explain(call)


@endpoint(
    "GET",
    "/v1/retrievers/typeahead",
    access=Access.READ,
    tag=TAG,
    response=TypeaheadResponse,
    query=TypeaheadQuery,
    errors=(InvalidQuery, InvalidFilter),
)
def typeahead(call: Call) -> object:
    """Suggest how a search that is being typed may go on.

    From values of fields of documents, from what at least three people searched for lately, and
    from collections that retrievers name.
    """
    query = read_query(call.query_string, TypeaheadQuery)
    fields = [field.strip() for field in (query.fields or "").split(",") if field.strip()]
    if len(fields) > MAX_FIELDS:
        raise InvalidQuery(f"Query parameter fields: at most {MAX_FIELDS} fields.")
    try:
        with call.engine.storage.read(call.rules.list_seconds) as session:
            found = suggest(session, call.namespace.number, query.q, fields, query.limit)
    except InvalidFilter as error:
        raise InvalidQuery(f"Query parameter fields: {error.message}") from None
    return present_suggestions(query.q, found)


ENDPOINTS = (list_stages, explain_execution, explain_retriever, typeahead)
