"""Interactions: create, batch, get, list, delete."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Raw, Struct

from desirepath.api.endpoint import Answer, Call, endpoint, page_link, read_query
from desirepath.api.outcomes import refuse, settle
from desirepath.api.schemas import (
    BatchResponse,
    InteractionBatchRequest,
    InteractionListRequest,
    InteractionListResponse,
    InteractionResponse,
    ItemResult,
    ListQuery,
    PaginationResponse,
    batch_errors,
    present_interaction,
)
from desirepath.domain.access import Access
from desirepath.domain.checks import convert
from desirepath.domain.ids import format_id, parse_id
from desirepath.domain.interaction import InteractionDraft, read_interaction
from desirepath.domain.plain_json import encode_json
from desirepath.domain.quick_read import quick_read
from desirepath.engine.deleting import delete_interaction
from desirepath.engine.listing import ListRequest, list_interactions
from desirepath.engine.recording import Idempotency, Outcome, Replay, SentInteraction, Submission
from desirepath.engine.rejecting import list_rejections
from desirepath.errors import (
    DesirepathError,
    EventConflict,
    IdempotencyConflict,
    InvalidCursor,
    InvalidFilter,
    InvalidInput,
    InvalidInteraction,
    InvalidQuery,
    MalformedJSON,
    NotFound,
    QueryTooSlow,
)

__all__ = ["ENDPOINTS", "idempotency", "read_items"]

_KIND = "interaction"
TAG = "Interactions"
MAX_BATCH = 1000
DEFAULT_PAGE_SIZE = 50


def idempotency(call: Call, write: Any) -> Idempotency | None:
    """The request's Idempotency-Key, if it has one; keys of different senders never meet.

    A request is its route, the ids in its path, and its body.

    Raises
    ------
    InvalidQuery
        It is empty or longer than 255 characters.
    """
    raw = call.headers.get(b"idempotency-key")
    if raw is None:
        return None
    if not 0 < len(raw) <= 255:
        raise InvalidQuery("Idempotency-Key is 1 to 255 characters.")
    scope = hashlib.sha256(call.key.key_id.encode() + b"\x00" + raw).hexdigest()
    target = "\x00".join((call.route, *call.path.values(), "")).encode()
    return Idempotency(scope, hashlib.sha256(target + call.body).digest(), write)


@endpoint(
    "POST",
    "/v1/retrievers/interactions",
    access=Access.RECORD,
    tag=TAG,
    body=InteractionDraft,
    response=InteractionResponse,
    blocking=False,
    idempotent_key=True,
    errors=(InvalidInteraction, MalformedJSON, EventConflict, IdempotencyConflict),
)
async def create_interaction(call: Call) -> object:
    """Record an interaction.

    Say what a person did with one search result. The answer comes after it is stored durably.

    `document_id` is another name for `feature_id`. `metadata.reward_value` is set by the server.
    With an `execution_id`, the same document and set of types within five minutes is dropped as a
    repeat: `deduplicated` is true and `interaction_id` null. Send an `event_id` to be sure that
    one event is stored once, however often it is sent: the answer to a repeat is the first one,
    with `deduplicated` true.

    What was accepted but will not do what you probably hope says so in `warning`.
    """
    try:
        draft, ignored = read_interaction(call.json(), lenient=call.rules.lenient, checked=True)
    except InvalidInput as error:
        await refuse(call, _KIND, [(call.body, error)])
        raise
    answer = await call.engine.asubmit(
        Submission(
            namespace=call.namespace.number,
            interactions=(SentInteraction(draft, ignored),),
            deduplicate=True,
            idempotency=idempotency(call, _write_single),
        )
    )
    if isinstance(answer, Replay):
        call.metrics.count(_KIND, call.namespace.name, "duplicate")
        return Answer(answer.body.encode())
    await settle(call, _KIND, (Raw(call.body),), answer)
    return _single(answer)


def _single(outcomes: Sequence[Outcome]) -> InteractionResponse:
    (outcome,) = outcomes
    if outcome.interaction is None:
        raise outcome.error or DesirepathError()
    return present_interaction(outcome.interaction, deduplicated=outcome.repeated)


def _write_single(outcomes: Sequence[Outcome]) -> str:
    return encode_json(_single(outcomes)).decode()


@endpoint(
    "POST",
    "/v1/retrievers/interactions/batch",
    access=Access.RECORD,
    tag=TAG,
    body=InteractionBatchRequest,
    response=BatchResponse,
    batch=True,
    blocking=False,
    idempotent_key=True,
    errors=(InvalidInteraction, MalformedJSON, IdempotencyConflict),
)
async def create_interactions(call: Call) -> object:
    """Record up to 1,000 interactions.

    Each item is stored or refused by itself: `created + duplicates + failed` is the number sent,
    and a bad item never drops its neighbours. Repeats within five minutes are not looked for; an
    item whose `event_id` is stored already counts as a duplicate. Refused items are kept for a
    while: see the rejected interactions.
    """
    drafts = quick_read(call.body)
    items: Sequence[Any]
    if drafts is not None and 1 <= len(drafts) <= MAX_BATCH:
        items, sent = drafts, [SentInteraction(draft) for draft in drafts]
    else:
        items = read_items(call.json(), "interactions", InvalidInteraction)
        sent = [_read(item, call.rules.lenient) for item in items]
    answer = await call.engine.asubmit(
        Submission(
            namespace=call.namespace.number,
            interactions=sent,
            idempotency=idempotency(call, _write_batch),
        )
    )
    if isinstance(answer, Replay):
        call.metrics.count(_KIND, call.namespace.name, "duplicate", len(sent))
        return Answer(answer.body.encode())
    await settle(call, _KIND, items, answer)
    return _batch(answer)


def read_items(body: object, name: str, error: type[InvalidInput]) -> list[Any]:
    """The array of a batch body.

    Raises
    ------
    InvalidInput
        Of the given class: no array of 1 to 1,000 items under that one key.
    """
    items = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(items, list) or set(body) != {name}:  # type: ignore[call-overload]
        raise error(f"The body is an object with one key, {name}: an array.", (name,))
    if not 1 <= len(items) <= MAX_BATCH:
        raise error(f"{name} has 1 to {MAX_BATCH} items.", (name,))
    return items


def _read(item: object, lenient: bool) -> SentInteraction:
    try:
        return SentInteraction(*read_interaction(item, lenient=lenient, checked=True))
    except InvalidInteraction as error:
        return SentInteraction(None, error=error)


def _batch(outcomes: Sequence[Outcome]) -> BatchResponse:
    stored = [
        ItemResult(
            index=index,
            interaction_id=format_id("int", outcome.interaction.id),
            status="duplicate" if outcome.repeated else "created",
        )
        for index, outcome in enumerate(outcomes)
        if outcome.interaction is not None
    ]
    failed = [
        (index, outcome.error.message)
        for index, outcome in enumerate(outcomes)
        if outcome.error is not None
    ]
    n_repeated = sum(outcome.repeated for outcome in outcomes)
    return BatchResponse(
        created=len(stored) - n_repeated,
        duplicates=n_repeated,
        failed=len(failed),
        errors=batch_errors(failed),
        results=stored,
    )


def _write_batch(outcomes: Sequence[Outcome]) -> str:
    return encode_json(_batch(outcomes)).decode()


@endpoint(
    "GET",
    "/v1/retrievers/interactions/{interaction_id}",
    access=Access.READ,
    tag=TAG,
    response=InteractionResponse,
    blocking=False,
    errors=(NotFound,),
)
async def get_interaction(call: Call) -> object:
    """Read one interaction.

    As it was recorded, with `retriever_id` and `query_snapshot` filled in from its execution.
    """
    id = parse_id("int", call.path["interaction_id"])
    found = None if id is None else await call.engine.aget_interaction(call.namespace.number, id)
    if found is None:
        raise NotFound("interaction", call.path["interaction_id"])
    return present_interaction(found)


class DeleteResponse(Struct, frozen=True, kw_only=True):
    """A deletion."""

    success: bool
    interaction_id: str
    deleted: bool


@endpoint(
    "DELETE",
    "/v1/retrievers/interactions/{interaction_id}",
    access=Access.WRITE,
    tag=TAG,
    response=DeleteResponse,
)
def remove_interaction(call: Call) -> object:
    """Delete one interaction.

    Also 200 when it is gone already, with `deleted` false. What it taught is taken back.
    """
    text = call.path["interaction_id"]
    id = parse_id("int", text)
    deleted = id is not None and delete_interaction(call.engine, call.namespace.number, id)
    shown = text if id is not None else ""
    return DeleteResponse(success=True, interaction_id=shown, deleted=deleted)


@endpoint(
    "POST",
    "/v1/retrievers/interactions/list",
    access=Access.READ,
    tag=TAG,
    body=InteractionListRequest,
    body_required=False,
    response=InteractionListResponse,
    query=ListQuery,
    blocking=False,
    errors=(InvalidFilter, InvalidQuery, InvalidCursor, QueryTooSlow),
)
async def search_interactions(call: Call) -> object:
    """List interactions.

    Newest first unless `sort` says otherwise. Pages by `page`, by `offset`, or by `cursor`, which
    stays put while rows are added. Sorting by timestamp, occurred_at or interaction_id costs one
    page; any other field sorts all matches.
    """
    raw = call.json()
    query = read_query(call.query_string, ListQuery)
    body = convert(raw, InteractionListRequest, InvalidFilter)
    unknown = [key for key in raw if key not in InteractionListRequest.__struct_fields__]
    if unknown and not call.rules.lenient:
        raise InvalidFilter(
            f"Unknown key; the keys are {', '.join(InteractionListRequest.__struct_fields__)}."
        )
    size = query.limit or query.page_size or DEFAULT_PAGE_SIZE
    start = query.offset if query.offset is not None else ((query.page or 1) - 1) * size
    equals = {
        name: value
        for name in ("execution_id", "retriever_id", "session_id", "user_id", "feature_id")
        if (value := getattr(body, name)) is not None
    }
    request = ListRequest(
        equals=equals,
        interaction_type=body.interaction_type,
        filters=body.filters,
        case_sensitive=body.case_sensitive,
        search=body.search,
        sort_field=body.sort.field if body.sort else "timestamp",
        descending=body.sort.direction == "desc" if body.sort else True,
        page_size=size,
        start=start,
        cursor=query.cursor or query.next_cursor or query.after,
        include_total=bool(query.include_total or body.include_total),
    )
    engine, number, seconds = call.engine, call.namespace.number, call.rules.list_seconds
    if engine.storage.cheap_reads and request.is_one_look_up:  # a thread would cost more
        page = list_interactions(engine, number, request, seconds)
    else:
        page = await call.threads.run(list_interactions, engine, number, request, seconds)
    results = encode_json([present_interaction(interaction) for interaction in page.interactions])
    by_page = query.cursor is None and query.next_cursor is None and query.after is None
    page_number = start // size + 1 if by_page and start % size == 0 else None
    pagination = PaginationResponse(
        total=page.total,
        page=page_number,
        page_size=size,
        total_pages=None if page.total is None else math.ceil(page.total / size),
        next_page=page_link(call, page_number, 1) if page.next_cursor else None,
        previous_page=page_link(call, page_number, -1) if page_number and page_number > 1 else None,
        next_cursor=page.next_cursor,
    )
    written: Any = Raw(results)  # once, for the two keys that it stands under
    return InteractionListResponse(results=written, items=written, pagination=pagination)


class RejectedItem(Struct, frozen=True, kw_only=True):
    """Something that was refused."""

    rejected_id: str
    rejected_at: str
    source: str
    reason: str
    raw: str


class RejectedResponse(Struct, frozen=True, kw_only=True):
    """Refused items, newest first."""

    results: list[RejectedItem]
    pagination: PaginationResponse


@endpoint(
    "GET",
    "/v1/retrievers/interactions/rejected",
    access=Access.READ,
    tag=TAG,
    response=RejectedResponse,
    query=ListQuery,
    errors=(InvalidQuery, InvalidCursor),
)
def rejected_interactions(call: Call) -> object:
    """List rejected items.

    What was sent with a good key and refused: the reason, and up to 8 KiB of the item, kept for
    seven days. Newest first; the next page is asked for with `cursor`.
    """
    query = read_query(call.query_string, ListQuery)
    size = query.limit or query.page_size or DEFAULT_PAGE_SIZE
    cursor = query.cursor or query.next_cursor or query.after
    rejections, following = list_rejections(call.engine, call.namespace.number, size, cursor)
    return RejectedResponse(
        results=[RejectedItem(**rejection) for rejection in rejections],
        pagination=PaginationResponse(page_size=size, next_cursor=following),
    )


ENDPOINTS = (
    create_interaction,
    create_interactions,
    get_interaction,
    remove_interaction,
    search_interactions,
    rejected_interactions,
)
