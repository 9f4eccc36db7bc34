"""Execute: search with a retriever, alone or several at a time."""

from __future__ import annotations

from math import isnan
from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins

from desirepath.api.endpoint import Call, endpoint
from desirepath.api.execution_schemas import stage_statistics
from desirepath.api.search_body import (
    ExecuteBody,
    check_search,
    decode_search,
    request_of,
    write_cursor,
)
from desirepath.domain.access import Access
from desirepath.domain.checks import convert, is_storable, refuse_unknown
from desirepath.domain.retriever import Retriever
from desirepath.engine.executing import Served, is_brief, log_of, serve
from desirepath.errors import (
    DesirepathError,
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

__all__ = ["ENDPOINTS", "ERRORS", "ExecuteResponse", "present_served", "usable"]

TAG = "Search"
MAX_QUERIES = 16


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
    explain_plan: Annotated[
        dict[str, Any] | None,
        Meta(
            description="With explain, where a trained ranker ordered: rerank, a list of {model, "
            "model_version, documents}, of each document on this page its rank before, its score, "
            "and the features that it was scored by (null: missing)."
        ),
    ] = None
    error: str | None = None


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
            "next_cursor": write_cursor(following, parent) if has_next else None,
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
        explain_plan=_explained(served),
    )


def _explained(served: Served) -> dict[str, Any] | None:
    """What rankers saw in the documents that are shown; None where nobody asks, or none did."""
    if not served.judged:
        return None
    shown = {hit.document_id for hit in served.hits}
    return {
        "rerank": [
            {
                "model": judged.model,
                "model_version": judged.version,
                "documents": [
                    {
                        "document_id": id,
                        "rank": rank,
                        "score": score,
                        "features": {
                            name: None if isnan(value) else value
                            for name, value in zip(judged.names, values, strict=True)
                        },
                    }
                    for rank, (id, score, values) in enumerate(
                        zip(
                            judged.document_ids,
                            judged.scores.tolist(),
                            judged.features.tolist(),
                            strict=True,
                        )
                    )
                    if id in shown
                ],
            }
            for judged in served.judged
        ]
    }


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
    blocking=False,
    errors=ERRORS,
)
async def execute_retriever(call: Call) -> object:
    """Search.

    Runs the retriever's stages and answers with documents in order. What was shown is logged,
    durably, before the answer is sent: name its `execution_id` in interactions.

    With `candidates` your own engine finds and this fuses: {feature_uri: [{document_id, score}]}.
    They may be mixed with features of the built-in index. Further pages are asked for with the
    answer's `next_cursor`: they are ranked by the same weights.
    """
    retriever = usable(await _retriever(call))
    request = request_of(decode_search(call.body, call.rules.lenient), retriever)
    engine = call.engine
    if is_brief(engine, retriever, request):
        served = serve(engine, retriever, request)
    else:
        served = await call.threads.run(serve, engine, retriever, request)
    await engine.asubmit(log_of(served))
    return present_served(served, retriever)


async def _retriever(call: Call) -> Retriever:
    """The retriever as it was at most a second ago, from memory if that is known.

    Raises
    ------
    NotFound
        This namespace has none.
    """
    directory, name = call.engine.directory, call.path["retriever_id"]
    key = (call.namespace.number, name)
    known = directory.peek_retriever(*key) if is_storable(name) else (None,)
    found = known[0] if known else await call.threads.run(directory.retriever, *key)
    if found is None:
        raise NotFound("retriever", name)
    return found


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
    blocking=False,
    errors=ERRORS,
)
async def execute_batch(call: Call) -> object:
    """Search up to 16 times.

    Each is served and logged by itself; one that fails has its error in its place.
    """
    retriever = usable(await _retriever(call))
    body = call.json()
    if not isinstance(body, dict):
        raise InvalidSearch("The body is an object with queries.")
    refuse_unknown(body, ExecuteBatchBody.__struct_fields__, InvalidSearch, call.rules.lenient)
    if isinstance(body.get("queries"), list) and len(body["queries"]) > MAX_QUERIES:
        raise TooManyQueries(MAX_QUERIES)
    sent = convert(body, ExecuteBatchBody, InvalidSearch)
    outcomes = await call.threads.run(_serve_each, call, retriever, sent)
    served = [one for one in outcomes if isinstance(one, Served)]
    if served:
        await call.engine.asubmit(log_of(*served))
    return ExecuteBatchResponse(
        results={
            str(index): present_served(one, retriever)
            if isinstance(one, Served)
            else {"error": one.message}
            for index, one in enumerate(outcomes)
        },
        total=len(outcomes),
        succeeded=len(served),
        failed=len(outcomes) - len(served),
    )


def _serve_each(
    call: Call, retriever: Retriever, sent: ExecuteBatchBody
) -> list[Served | DesirepathError]:
    """Each search, or why there is none; not logged yet."""
    outcomes: list[Served | DesirepathError] = []
    for query in sent.queries:
        plain = {
            "inputs": query.inputs,
            "filters": query.filters,
            "settings": sent.settings,
            "return_vectors": sent.return_vectors,
        }
        try:
            request = request_of(check_search(plain, call.rules.lenient), retriever)
            outcomes.append(serve(call.engine, retriever, request))
        except (InvalidSearch, InvalidFilter, NotFound, SearchTooSlow, EmbedderError) as error:
            outcomes.append(error)
    return outcomes


ENDPOINTS = (execute_retriever, execute_batch)
