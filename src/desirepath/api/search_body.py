"""The body of a search: its shape, its checks, and what they make of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple

from desirepath.domain.checks import Id, check_id, convert, refuse_unknown
from desirepath.domain.document import read_document_filter
from desirepath.domain.plain_json import decode_json
from desirepath.domain.quick_read import KEY_END, TooDeep, count_keys, looks_plain
from desirepath.domain.retriever import Retriever
from desirepath.engine.executing import ExecuteRequest
from desirepath.engine.serving.searching import SentCandidate
from desirepath.errors import InvalidCursor, InvalidSearch

__all__ = ["ExecuteBody", "check_search", "decode_search", "request_of", "write_cursor"]

DEFAULT_PAGE_SIZE = 10
MAX_CANDIDATES = 10_000
_LEVELS_ABOVE = 5  # the body, candidates, a list, a candidate, and its payload


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
    explain: Annotated[
        bool | None,
        Meta(description="Say in explain_plan what a trained ranker saw in each document."),
    ] = None
    stream: bool | None = None
    expand: list[str] | None = None


FIELDS = tuple(ExecuteBody.__struct_fields__)


def decode_search(body: bytes, lenient: bool) -> ExecuteBody:
    """Read the body of a search.

    Raises
    ------
    MalformedJSON
        It is not JSON, or JSON that databases would change.
    InvalidSearch
        A rule is broken; the location says where.
    """
    quick = _read_quickly(body)
    return check_search(decode_json(body) if body else {}, lenient) if quick is None else quick


def check_search(plain: object, lenient: bool) -> ExecuteBody:
    """Check a search that is decoded already.

    Raises
    ------
    InvalidSearch
        A rule is broken; the location says where.
    """
    if not isinstance(plain, Mapping):
        raise InvalidSearch("A search is a JSON object.")
    values = dict(plain)
    refuse_unknown(values, FIELDS, InvalidSearch, lenient)
    sent = convert(values, ExecuteBody, InvalidSearch)
    for uri, found in (sent.candidates or {}).items():
        check_id(uri, "candidates", InvalidSearch)
        for one in found:
            check_id(one.document_id, "document_id", InvalidSearch)
    return sent


_decode = msgspec.json.Decoder(ExecuteBody).decode


def _read_quickly(body: bytes) -> ExecuteBody | None:
    """The body of an ordinary search, which may have hundreds of candidates; None in any doubt.

    See :mod:`~desirepath.domain.quick_read` for why bytes can be looked at instead of values.
    """
    if not looks_plain(body) or not body.isascii() or b"\\" in body:
        return None
    try:
        sent = _decode(body)
        n_keys = _count_keys(sent)
    except (msgspec.MsgspecError, RecursionError, TooDeep):
        return None
    # As many keys as the body has, or one of them is unknown or was given twice.
    return sent if n_keys == body.count(KEY_END) else None


def _count_keys(sent: ExecuteBody) -> int:
    """How many keys a body was made of; too few where its parts are rare ones."""
    count = len(FIELDS) - astuple(sent).count(None)
    for values in (sent.inputs, sent.filters, sent.metadata):
        count += count_keys(values, _LEVELS_ABOVE) if values else 0
    for found in (sent.candidates or {}).values():
        count += 1 + 2 * len(found)
        for payload in [one.payload for one in found if one.payload is not None]:
            count += 1 + count_keys(payload, _LEVELS_ABOVE)
    for numbers in (sent.features or {}).values():
        count += 1 + len(numbers)
    return count


def request_of(sent: ExecuteBody, retriever: Retriever) -> ExecuteRequest:
    """What a search asks of a retriever.

    Raises
    ------
    InvalidSearch, InvalidFilter, InvalidCursor
        A rule is broken; the location says where.
    """
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
        is_explained=bool(sent.explain),
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


def write_cursor(start: int, execution_id: str) -> str:
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
