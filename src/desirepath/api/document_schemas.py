"""Wire shapes of many documents at once."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.api.schemas import DocumentListRequest, DocumentListResponse, DocumentResponse
from desirepath.domain.checks import Id
from desirepath.engine.document_batches import Counted

__all__ = [
    "BatchDeleteRequest",
    "BatchDeleteResponse",
    "BatchGetRequest",
    "BatchGetResponse",
    "BatchListRequest",
    "BatchListResponse",
    "BatchListResult",
    "BatchUpdateRequest",
    "BatchUpdateResponse",
    "BulkUpdateRequest",
    "BulkUpdateResponse",
    "CountResponse",
    "DistinctRequest",
    "DistinctResponse",
    "DocumentCreate",
    "DocumentOutcome",
]

_Ids = Annotated[list[Id], Meta(min_length=1, max_length=1000)]
_Filters = Annotated[dict[str, Any] | None, Meta(description="Which documents, as of a list.")]
_Changes = Annotated[dict[str, Any], Meta(description="As PATCH of one document takes them.")]


class BatchGetRequest(Struct, frozen=True, kw_only=True):
    """Which documents."""

    document_ids: _Ids
    return_vectors: bool | None = None
    return_presigned_urls: Annotated[bool | None, Meta(description="Accepted.")] = None


class BatchGetResponse(Struct, frozen=True, kw_only=True):
    """Those that are there, in the order they were asked for."""

    documents: list[DocumentResponse]
    not_found: list[str]


class _Query(Struct, frozen=True, kw_only=True):
    key: Annotated[str, Meta(min_length=1, max_length=128, description="Yours; given back.")]
    request: DocumentListRequest


class BatchListRequest(Struct, frozen=True, kw_only=True):
    """Several lists."""

    queries: Annotated[list[_Query], Meta(min_length=1, max_length=10)]


class BatchListResult(Struct, frozen=True, kw_only=True):
    """One of them."""

    key: str
    response: DocumentListResponse | None = None
    error: Annotated[str | None, Meta(description="Why there is no response.")] = None


class BatchListResponse(Struct, frozen=True, kw_only=True):
    """The lists, in order."""

    results: list[BatchListResult]


class DocumentCreate(Struct, frozen=True, kw_only=True):
    """A document; any other key is one of the payload."""

    document_id: Annotated[Id | None, Meta(description="Made when it is left out.")] = None
    payload: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    text: dict[str, str] = {}
    vectors: dict[str, list[float]] = {}


class _Update(Struct, frozen=True, kw_only=True):
    document_id: Id
    update_data: _Changes


class BatchUpdateRequest(Struct, frozen=True, kw_only=True):
    """Changes of documents, or the same change of all that match."""

    updates: Annotated[list[_Update], Meta(min_length=1, max_length=1000)] | None = None
    filters: _Filters = None
    update_data: _Changes | None = None


class DocumentOutcome(Struct, frozen=True, kw_only=True):
    """What became of one document."""

    document_id: str
    success: bool
    error: str | None = None


class BatchUpdateResponse(Struct, frozen=True, kw_only=True):
    """What was changed."""

    updated_count: int
    failed_count: int = 0
    results: Annotated[list[DocumentOutcome], Meta(description="Empty where a filter chose.")] = []
    message: str = "Done."


class BulkUpdateRequest(Struct, frozen=True, kw_only=True):
    """The same change of all that match; of every document without filters."""

    update_data: _Changes
    filters: _Filters = None


class BulkUpdateResponse(Struct, frozen=True, kw_only=True):
    """What was changed; it is over when this is answered."""

    updated_count: int
    status: str = "COMPLETED"
    task_id: str | None = None
    message: str = "Done."


class BatchDeleteRequest(Struct, frozen=True, kw_only=True):
    """Which documents to delete: by their ids, or by a filter."""

    document_ids: _Ids | None = None
    filters: _Filters = None
    reason: Annotated[str | None, Meta(description="Accepted and not written down.")] = None


class BatchDeleteResponse(Struct, frozen=True, kw_only=True):
    """What was deleted."""

    deleted_count: int
    failed_count: Annotated[int, Meta(description="Ids that nothing had.")] = 0
    results: Annotated[list[DocumentOutcome], Meta(description="Empty where a filter chose.")] = []
    status: str | None = None
    task_id: str | None = None
    message: str = "Done."


class CountResponse(Struct, frozen=True, kw_only=True):
    """How many documents there are."""

    collection_id: str
    count: int


class DistinctRequest(Struct, frozen=True, kw_only=True):
    """Which values to count."""

    field: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1000,
            description="Path into the payload, or metadata.…; of an array each element counts.",
        ),
    ]
    filters: _Filters = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class DistinctResponse(Struct, frozen=True, kw_only=True):
    """Values, the most frequent first."""

    field: str
    values: list[Counted]
    total_distinct: Annotated[int, Meta(description="Values in this answer.")]
    query_info: dict[str, Any] = {}
