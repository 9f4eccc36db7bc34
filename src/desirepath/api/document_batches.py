"""Many documents at once, under the Mixpeek SDK's collections; any name is that of the one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

from desirepath.api.document_schemas import (
    BatchDeleteRequest,
    BatchDeleteResponse,
    BatchUpdateRequest,
    BatchUpdateResponse,
    BulkUpdateRequest,
    BulkUpdateResponse,
    CountResponse,
    DistinctRequest,
    DistinctResponse,
    DocumentCreate,
    DocumentOutcome,
)
from desirepath.api.documents import TAG, list_page
from desirepath.api.endpoint import Call, endpoint
from desirepath.api.schemas import (
    DocumentListResponse,
    DocumentResponse,
    ListQuery,
    present_document,
)
from desirepath.domain.access import Access
from desirepath.domain.checks import convert, refuse_unknown
from desirepath.domain.document import FOREIGN_FIELDS, read_document
from desirepath.domain.ids import format_id
from desirepath.engine.document_batches import (
    change_each,
    change_matching,
    delete_documents,
    delete_matching,
    distinct_values,
)
from desirepath.engine.documents import create_document
from desirepath.errors import (
    AlreadyExists,
    EmbedderFailed,
    EmbedderUnavailable,
    InvalidCursor,
    InvalidDocument,
    InvalidFilter,
    InvalidInput,
    InvalidQuery,
    MalformedJSON,
    QueryTooSlow,
)

__all__ = ["ENDPOINTS"]

_DOCUMENTS = "/v1/collections/{collection_id}/documents"
_PARTS = ("payload", "metadata", "text", "vectors")
_EMBEDDER = (EmbedderUnavailable, EmbedderFailed)

T = TypeVar("T", bound=Struct)


def _read(call: Call, kind: type[T], error: type[InvalidInput]) -> T:
    body = call.json()
    if not isinstance(body, dict):
        raise error("The body is an object.")
    values = dict(body)
    refuse_unknown(values, kind.__struct_fields__, error, call.rules.lenient)
    return convert(values, kind, error)


@endpoint(
    "POST",
    _DOCUMENTS,
    access=Access.WRITE,
    tag=TAG,
    body=DocumentCreate,
    response=DocumentResponse,
    errors=(InvalidDocument, AlreadyExists, MalformedJSON, *_EMBEDDER),
)
def create_collection_document(call: Call) -> object:
    """Store one document that is not there yet.

    Without a `document_id` it gets one. Keys beside `payload`, `metadata`, `text` and `vectors` are
    those of the payload. 409 when there is a document of this id: then change it, or upsert.
    """
    body = call.json()
    if not isinstance(body, dict):
        raise InvalidDocument("A document is a JSON object.")
    values = {name: value for name, value in body.items() if value is not None}
    if not values:
        raise InvalidDocument("The document says nothing: send at least a payload.")
    values.pop("collection_id", None)
    payload = values.get("payload", {})
    own = {"document_id", *_PARTS, *FOREIGN_FIELDS}
    extra = {name: values.pop(name) for name in list(values) if name not in own}
    if not isinstance(payload, Mapping):
        raise InvalidDocument("payload is an object.", ("payload",))
    values["payload"] = {**extra, **payload}
    if "document_id" not in values:
        values["document_id"] = format_id("doc", call.engine.make_id.next(call.engine.clock.now()))
    draft, _ = read_document(values, lenient=call.rules.lenient, checked=True)
    return present_document(create_document(call.engine, call.namespace, draft), call.namespace)


@endpoint(
    "GET",
    _DOCUMENTS,
    access=Access.READ,
    tag=TAG,
    response=DocumentListResponse,
    query=ListQuery,
    errors=(InvalidQuery, InvalidCursor, QueryTooSlow),
)
def list_collection_documents(call: Call) -> object:
    """List documents without conditions, by document_id."""
    return list_page(call, call.namespace, {})


@endpoint(
    "POST",
    f"{_DOCUMENTS}/batch",
    access=Access.WRITE,
    tag=TAG,
    body=BatchUpdateRequest,
    response=BatchUpdateResponse,
    batch=True,
    errors=(InvalidDocument, InvalidFilter, MalformedJSON, QueryTooSlow, *_EMBEDDER),
)
def update_collection_documents(call: Call) -> object:
    """Change up to 1,000 documents, each by itself, or all that match in the same way.

    With `updates` each document is changed as PATCH does it; what cannot be is in `results`. With
    `filters` and `update_data` at most 10,000 are.
    """
    sent = _read(call, BatchUpdateRequest, InvalidDocument)
    if (sent.updates is None) == (sent.update_data is None):
        raise InvalidDocument("Send updates, or update_data with filters.")
    if sent.updates is None:
        n_changed = change_matching(
            call.engine,
            call.namespace,
            sent.filters,
            sent.update_data or {},
            call.rules.list_seconds,
        )
        return BatchUpdateResponse(updated_count=n_changed)
    changes = {one.document_id: one.update_data for one in sent.updates}
    if len(changes) < len(sent.updates):
        raise InvalidDocument("A document_id is given twice.", ("updates",))
    refused = change_each(call.engine, call.namespace, changes)
    return BatchUpdateResponse(
        updated_count=len(changes) - len(refused),
        failed_count=len(refused),
        results=[
            DocumentOutcome(document_id=id, success=id not in refused, error=refused.get(id))
            for id in changes
        ],
    )


@endpoint(
    "PATCH",
    f"{_DOCUMENTS}/bulk",
    access=Access.WRITE,
    tag=TAG,
    body=BulkUpdateRequest,
    response=BulkUpdateResponse,
    errors=(InvalidDocument, InvalidFilter, MalformedJSON, QueryTooSlow, *_EMBEDDER),
)
def update_matching_documents(call: Call) -> object:
    """Change all documents that match in the same way, at most 10,000.

    It is done in several transactions, and over when it is answered.
    """
    sent = _read(call, BulkUpdateRequest, InvalidDocument)
    n_changed = change_matching(
        call.engine, call.namespace, sent.filters, sent.update_data, call.rules.list_seconds
    )
    return BulkUpdateResponse(updated_count=n_changed)


@endpoint(
    "DELETE",
    f"{_DOCUMENTS}/batch",
    access=Access.WRITE,
    tag=TAG,
    body=BatchDeleteRequest,
    response=BatchDeleteResponse,
    errors=(InvalidDocument, InvalidFilter, MalformedJSON, QueryTooSlow),
)
def remove_collection_documents(call: Call) -> object:
    """Delete up to 1,000 documents by their ids, or all that match a filter, at most 10,000.

    Ids that nothing has are counted as failed.
    """
    sent = _read(call, BatchDeleteRequest, InvalidDocument)
    if bool(sent.document_ids) == bool(sent.filters):
        raise InvalidDocument("Send document_ids, or filters.")
    if sent.filters:
        number, seconds = call.namespace.number, call.rules.list_seconds
        n_deleted = delete_matching(call.engine, number, sent.filters, seconds)
        return BatchDeleteResponse(deleted_count=n_deleted, status="COMPLETED")
    ids = list(dict.fromkeys(sent.document_ids or ()))
    gone = delete_documents(call.engine, call.namespace.number, ids)
    return BatchDeleteResponse(
        deleted_count=len(gone),
        failed_count=len(ids) - len(gone),
        results=[
            DocumentOutcome(
                document_id=id,
                success=id in gone,
                error=None if id in gone else "No such document.",
            )
            for id in ids
        ],
    )


@endpoint(
    "GET",
    f"{_DOCUMENTS}/count",
    access=Access.READ,
    tag=TAG,
    response=CountResponse,
)
def get_document_count(call: Call) -> object:
    """Count the documents of the namespace."""
    with call.engine.storage.read() as session:
        count = session.documents.count(call.namespace.number)
    return CountResponse(collection_id=call.namespace.namespace_id, count=count)


@endpoint(
    "POST",
    f"{_DOCUMENTS}/distinct",
    access=Access.READ,
    tag=TAG,
    body=DistinctRequest,
    response=DistinctResponse,
    errors=(InvalidFilter, MalformedJSON, QueryTooSlow),
)
def search_distinct_values(call: Call) -> object:
    """Count the values of one field, the most frequent first."""
    sent = _read(call, DistinctRequest, InvalidFilter)
    found = distinct_values(
        call.engine, call.namespace.number, sent.field, sent.filters, call.rules.list_seconds
    )
    values = found[: sent.limit]
    return DistinctResponse(field=sent.field, values=values, total_distinct=len(values))


ENDPOINTS = (
    create_collection_document,
    list_collection_documents,
    update_collection_documents,
    update_matching_documents,
    remove_collection_documents,
    get_document_count,
    search_distinct_values,
)
