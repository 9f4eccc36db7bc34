"""Execute: search with a retriever, alone or several at a time."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins

from desirepath.api.endpoint import Call, endpoint
from desirepath.api.execution_schemas import stage_statistics
from desirepath.api.retrievers import find_retriever
from desirepath.domain.access import Access
from desirepath.domain.checks import Id, convert, refuse_unknown
from desirepath.domain.document import read_document_filter
from desirepath.domain.retriever import Retriever
from desirepath.engine.executing import ExecuteRequest, Served, execute
from desirepath.engine.serving.searching import SentCandidate
from desirepath.errors import (
    EmbedderError,
    EmbedderFailed,
    EmbedderUnavailable,
    InvalidCursor,
    InvalidFilter,
    InvalidSearch,
    MalformedJSON,
    MissingInput,
    NotFound,
    SearchTooSlow,
    TooManyQueries,
)

__all__ = ["ENDPOINTS", "ERRORS", "ExecuteBody", "ExecuteResponse", "present_served", "read_search"]

TAG = "Search"
DEFAULT_PAGE_SIZE = 10
MAX_QUERIES = 16
MAX_CANDIDATES = 10_000


class Pagination(Struct, frozen=True, kw_only=True):
    """Which part of the results."""

    method: Annotated[str, Meta(description="offset or cursor.")] = "cursor"
    page_size: Annotated[int, Meta(ge=1, le=500)] | None = None
    page_number: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] | None = None
    cursor: str | None = None


class ExecuteBody(Struct, frozen=True, kw_only=True):
    """A search."""

    inputs: Annotated[
        dict[str, Any] | None, Meta(description="What the retriever's templates are filled with.")
    ] = None
    filters: Annotated[
        dict[str, Any] | None, Meta(description="Holds of every document that is found.")
    ] = None
    pagination: Pagination | None = None
    limit: Annotated[int, Meta(ge=1, le=500, description="Documents on the page.")] | None = None
    page_size: Annotated[int, Meta(ge=1, le=500)] | None = None
    user_id: Annotated[Id | None, Meta(description="Who searches; else inputs.user_id.")] = None
    session_id: Annotated[Id | None, Meta(description="Else inputs.session_id.")] = None
    candidates: Annotated[
        dict[Id, Annotated[list[SentCandidate], Meta(max_length=MAX_CANDIDATES)]] | None,
        Meta(description="By feature URI, what your own engine found: {document_id, score}."),
    ] = None
    features: Annotated[
        dict[Id, dict[Id, float]] | None,
        Meta(description="By document id, numbers that rankers may train on."),
    ] = None
    configuration: Annotated[
        Id | None, Meta(description="Free label of engine, ranker, version.")
    ] = None
    metadata: dict[str, Any] | None = None
    parent_execution_id: Annotated[
        Id | None, Meta(description="The search of which this is a further page.")
    ] = None
    settings: Annotated[dict[str, Any] | None, Meta(description="{limit} of older clients.")] = None
    return_vectors: bool | None = None
    return_presigned_urls: Annotated[bool | None, Meta(description="Accepted.")] = None
    skip_cache: Annotated[bool | None, Meta(description="Accepted: nothing is cached.")] = None
    consistency: Annotated[Any, Meta(description="Accepted: reads see all writes.")] = None
    write_token: Annotated[str | None, Meta(description="Accepted: reads see all writes.")] = None
    explain: bool | None = None
    stream: bool | None = None
    expand: list[str] | None = None


FIELDS = tuple(ExecuteBody.__struct_fields__)


class ExecuteResponse(Struct, frozen=True, kw_only=True):
    """What was found, in order, and why."""

    execution_id: Annotated[str, Meta(description="Name it in interactions.")]
    retriever_id: str
    status: str
    documents: Annotated[
        list[dict[str, Any]],
        Meta(
            description="Best first: document_id, score, payload, position, and attribution "
            "{feature_uri: {score, normalized, share}}."
        ),
    ]
    pagination: dict[str, Any]
    stage_statistics: dict[str, Any]
    budget: dict[str, Any]
    warnings: list[str]
    degraded: list[dict[str, Any]] = []
    cache_hit: bool = False
    interpretation: dict[str, Any] | None = None
    learned_fusion_context: Annotated[
        dict[str, Any] | None,
        Meta(
            description="While learned weights are served: context_key, context_level, "
            "sampled_weights, feature_uris (strongest first), effective_exploration, levels."
        ),
    ] = None
    explain_plan: dict[str, Any] | None = None
    error: str | None = None


def read_search(body: object, retriever: Retriever, lenient: bool) -> ExecuteRequest:
    """Check one search.

    Raises
    ------
    InvalidSearch
        A rule is broken; the location says where.
    """
    if not isinstance(body, Mapping):
        raise InvalidSearch("A search is a JSON object.")
    values = dict(body)
    refuse_unknown(values, FIELDS, InvalidSearch, lenient)
    sent = convert(values, ExecuteBody, InvalidSearch)
    for name, is_asked in (("stream", sent.stream), ("expand", sent.expand)):
        if is_asked:
            raise InvalidSearch(f"{name} is not available.", (name,))
    inputs = sent.inputs or {}
    start, size, parent_id = _page(sent, retriever)
    if sent.filters:
        read_document_filter(sent.filters)  # refused here, whatever the stages do with it
    n_sent = sum(len(found) for found in (sent.candidates or {}).values())
    if n_sent > MAX_CANDIDATES:
        raise InvalidSearch(f"At most {MAX_CANDIDATES:,} candidates in all.", ("candidates",))
    return ExecuteRequest(
        inputs=inputs,
        filters=sent.filters,
        user_id=sent.user_id or _text(inputs.get("user_id")),
        session_id=sent.session_id or _text(inputs.get("session_id")),
        candidates=sent.candidates or {},
        features=sent.features or {},
        configuration=sent.configuration,
        metadata=sent.metadata,
        start=start,
        page_size=size,
        parent_id=parent_id,
        with_vectors=bool(sent.return_vectors),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value.encode()) <= 256 else None


def _page(sent: ExecuteBody, retriever: Retriever) -> tuple[int, int, str | None]:
    """Where the page starts, its size, and the execution it is a further page of."""
    limit = sent.limit or sent.page_size
    if sent.limit and sent.page_size and sent.limit != sent.page_size:
        raise InvalidSearch("limit and page_size say the same and differ; send one.", ("limit",))
    if limit is None and sent.settings is not None:
        limit = sent.settings.get("limit")
        if limit is not None and not (isinstance(limit, int) and 1 <= limit <= 500):
            raise InvalidSearch("limit is 1 to 500.", ("settings", "limit"))
    search = retriever.feature_search
    default = min(search.final_top_k, 500) if search is not None else DEFAULT_PAGE_SIZE
    page = sent.pagination
    if page is None:
        return 0, limit or default, sent.parent_execution_id
    if page.method not in ("offset", "cursor"):
        raise InvalidSearch("method is offset or cursor.", ("pagination", "method"))
    if page.method == "offset" or page.page_number is not None:
        size = page.page_size or page.limit or limit or DEFAULT_PAGE_SIZE
        return ((page.page_number or 1) - 1) * size, size, sent.parent_execution_id
    size = page.limit or page.page_size or limit or default
    if page.cursor is None:
        return 0, size, sent.parent_execution_id
    start, parent_id = _read_cursor(page.cursor)
    return start, size, parent_id


def _write_cursor(start: int, execution_id: str) -> str:
    return base64.urlsafe_b64encode(f"{start}:{execution_id}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[int, str]:
    """It only says what its holder may ask for anyway, so it is not signed."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        start, _, execution_id = raw.decode().partition(":")
        if not execution_id or "\x00" in execution_id or not 0 <= int(start) <= 1_000_000:
            raise ValueError
        return int(start), execution_id
    except ValueError as error:
        raise InvalidCursor() from error


def present_served(served: Served, retriever: Retriever) -> ExecuteResponse:
    """The wire shape of a search that was served."""
    execution = served.execution
    size = len(execution.documents)
    following = execution.offset + size
    has_next = following < served.total
    parent = execution.parent_id or execution.execution_id
    return ExecuteResponse(
        execution_id=execution.execution_id,
        retriever_id=retriever.retriever_id,
        status=served.profile.status,
        documents=[
            {
                "document_id": hit.document_id,
                "score": hit.score,
                "position": execution.offset + index,
                "payload": hit.payload or {},
                "attribution": hit.attribution,
                **hit.fields,
            }
            for index, hit in enumerate(served.hits)
        ],
        pagination={
            "total": served.total,
            "returned": size,
            "has_next": has_next,
            "next_cursor": _write_cursor(following, parent) if has_next else None,
        },
        stage_statistics=stage_statistics(served.profile),
        budget={
            "credits_used": 0.0,
            "credits_remaining": None,
            "time_used_ms": served.profile.milliseconds,
        },
        warnings=served.warnings,
        degraded=[
            {"resource": "stage", "id": run.name, "reason": run.error}
            for run in served.profile.stages
            if run.error is not None
        ],
        interpretation={
            "provided_input_keys": served.inputs.provided_keys,
            "inferred_inputs": served.inputs.inferred,
            "ignored_input_keys": served.inputs.ignored_keys,
            "relaxations": [to_builtins(one) for one in served.relaxations],
        },
        learned_fusion_context=_learned_context(served),
    )


def _learned_context(served: Served) -> dict[str, Any] | None:
    """While learned weights are served; clients credit the first of ``feature_uris``."""
    chosen, plan = served.chosen, served.plan
    if chosen is None or plan is None or chosen.fusion != "learned" or chosen.draw is None:
        return None
    weights = dict(zip(plan.features, chosen.weights.tolist(), strict=True))
    level = chosen.draw.level
    execution = served.execution
    key = {
        "session": execution.session_id,
        "personal": execution.user_id,
        "segment": chosen.contexts.segment,
    }.get(level)
    return {
        "context_key": f"{level}:{key}" if key else "global",
        "context_level": level if level in ("personal", "segment", "session") else "global",
        "sampled_weights": weights,
        "feature_uris": sorted(weights, key=lambda uri: -weights[uri]),
        "effective_exploration": chosen.draw.exploration,
        "levels": dict(chosen.draw.lists),
    }


ERRORS = (
    InvalidSearch,
    MissingInput,
    InvalidFilter,
    InvalidCursor,
    MalformedJSON,
    NotFound,
    SearchTooSlow,
    EmbedderUnavailable,
    EmbedderFailed,
)


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/execute",
    access=Access.RECORD,
    tag=TAG,
    body=ExecuteBody,
    body_required=False,
    response=ExecuteResponse,
    batch=True,
    errors=ERRORS,
)
def execute_retriever(call: Call) -> object:
    """Search.

    Runs the retriever's stages and answers with documents in order. What was shown is logged,
    durably, before the answer is sent: name its `execution_id` in interactions.

    With `candidates` your own engine finds and this fuses: {feature_uri: [{document_id, score}]}.
    They may be mixed with features of the built-in index. Further pages are asked for with the
    answer's `next_cursor`: they are ranked by the same weights.
    """
    retriever = usable(find_retriever(call))
    request = read_search(call.json(), retriever, call.rules.lenient)
    return present_served(execute(call.engine, retriever, request), retriever)


def usable(retriever: Retriever) -> Retriever:
    """A retriever, unless nothing can be searched with it (InvalidSearch)."""
    if retriever.problem is not None:
        raise InvalidSearch(f"The retriever cannot be used: {retriever.problem}")
    if not retriever.stages:
        raise InvalidSearch("The retriever has no stages: another engine searches for it.")
    return retriever


class BatchItem(Struct, frozen=True, kw_only=True):
    """One of several searches."""

    inputs: dict[str, Any] | None = None
    filters: dict[str, Any] | None = None


class ExecuteBatchBody(Struct, frozen=True, kw_only=True):
    """Several searches with one retriever."""

    queries: Annotated[list[BatchItem], Meta(min_length=1, max_length=MAX_QUERIES)]
    settings: dict[str, Any] | None = None
    concurrency: Annotated[int, Meta(ge=1, le=20, description="Accepted.")] | None = None
    return_presigned_urls: bool | None = None
    return_vectors: bool | None = None
    stream: bool | None = None


class ExecuteBatchResponse(Struct, frozen=True, kw_only=True):
    """Answers by the place of their query."""

    results: Annotated[
        dict[str, Any], Meta(description='By index ("0", …): an answer, or {"error": …}.')
    ]
    total: int
    succeeded: int
    failed: int


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/execute/batch",
    access=Access.RECORD,
    tag=TAG,
    body=ExecuteBatchBody,
    response=ExecuteBatchResponse,
    batch=True,
    errors=ERRORS,
)
def execute_batch(call: Call) -> object:
    """Search up to 16 times.

    Each is served and logged by itself; one that fails has its error in its place.
    """
    retriever = usable(find_retriever(call))
    body = call.json()
    if not isinstance(body, dict):
        raise InvalidSearch("The body is an object with queries.")
    refuse_unknown(body, ExecuteBatchBody.__struct_fields__, InvalidSearch, call.rules.lenient)
    if isinstance(body.get("queries"), list) and len(body["queries"]) > MAX_QUERIES:
        raise TooManyQueries(MAX_QUERIES)
    sent = convert(body, ExecuteBatchBody, InvalidSearch)
    results: dict[str, Any] = {}
    for index, query in enumerate(sent.queries):
        plain = {
            "inputs": query.inputs,
            "filters": query.filters,
            "settings": sent.settings,
            "return_vectors": sent.return_vectors,
        }
        try:
            request = read_search(plain, retriever, call.rules.lenient)
            results[str(index)] = present_served(
                execute(call.engine, retriever, request), retriever
            )
        except (InvalidSearch, InvalidFilter, NotFound, SearchTooSlow, EmbedderError) as error:
            results[str(index)] = {"error": error.message}
    n_failed = sum(isinstance(one, dict) for one in results.values())
    return ExecuteBatchResponse(
        results=results,
        total=len(results),
        succeeded=len(results) - n_failed,
        failed=n_failed,
    )


ENDPOINTS = (execute_retriever, execute_batch)
