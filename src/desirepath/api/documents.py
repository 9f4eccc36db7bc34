"""Documents: upsert, get, list, delete; and the same under the Mixpeek SDK's collections.

A namespace has one collection. The paths under ``/v1/collections`` take any name for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desirepath.api.endpoint import Call, endpoint, page_link, read_query
from desirepath.api.namespaces import named_namespace
from desirepath.api.schemas import (
    DocumentDeleted,
    DocumentListRequest,
    DocumentListResponse,
    DocumentPatch,
    DocumentQuery,
    DocumentResponse,
    DocumentsStored,
    DocumentUpsertRequest,
    ListQuery,
    PaginationResponse,
    UpsertOptions,
    present_document,
)
from desirepath.domain.access import Access
from desirepath.domain.checks import convert, drop_foreign, refuse_unknown
from desirepath.domain.document import DocumentDraft, read_document
from desirepath.engine.documents import (
    DocumentsRequest,
    change_document,
    delete_document,
    find_document,
    list_documents,
    store_documents,
)
from desirepath.errors import (
    EmbedderFailed,
    EmbedderUnavailable,
    InvalidCursor,
    InvalidDocument,
    InvalidFilter,
    InvalidQuery,
    MalformedJSON,
    NotFound,
    QueryTooSlow,
)
from desirepath.storage.base import Namespace

__all__ = ["ENDPOINTS", "LIST", "TAG", "change", "list_page", "read_one"]

TAG = "Documents"
MAX_BATCH = 1000
DEFAULT_PAGE_SIZE = 100
_OF_NAMESPACE = "/v1/namespaces/{namespace_id}/documents"
_OF_COLLECTION = "/v1/collections/{collection_id}/documents"
_LIST_FOREIGN: Mapping[str, tuple[object, ...]] = {
    "sort": (),
    "search": (),
    "partition": (),
    "group_by": (),
    "select": (),
    "expand": (),
    "return_vector_names": (),
    "return_presigned_urls": (False,),
    "return_url": (False,),
    "collection_ids": (),
}


@endpoint(
    "POST",
    f"{_OF_NAMESPACE}/upsert",
    access=Access.WRITE,
    tag=TAG,
    body=DocumentUpsertRequest,
    response=DocumentsStored,
    batch=True,
    errors=(InvalidDocument, MalformedJSON, NotFound, EmbedderUnavailable, EmbedderFailed),
)
def upsert_documents(call: Call) -> object:
    """Store up to 1,000 documents, each whole, instead of the one of its id.

    All or none: a bad document refuses the call, and the location says which one. Repeating a call
    stores the same again, so retrying is safe. What is stored is found by the next request.

    Without `vector_configs` the first vector of a new name makes its index, of its length and
    compared by cosine. A namespace with `vector_configs` takes no other names.
    """
    namespace = named_namespace(call)
    drafts = _drafts(call)
    try:
        store_documents(call.engine, namespace, drafts)
    except InvalidDocument as error:
        raise InvalidDocument(error.message, ("documents", *error.location)) from error
    return DocumentsStored(
        inserted=len(drafts), document_ids=[draft.document_id for draft in drafts]
    )


def _drafts(call: Call) -> list[DocumentDraft]:
    body = call.json()
    if not isinstance(body, dict):
        raise InvalidDocument("The body is an object with documents: an array.")
    values = dict(body)
    values.pop("collection_id", None)  # any name is that of the one collection
    options = values.pop("options", None)
    if options is not None and (
        not isinstance(options, dict) or options.keys() - UpsertOptions.__struct_fields__
    ):
        raise InvalidDocument("options take write_token and idempotency_key.", ("options",))
    refuse_unknown(values, ("documents",), InvalidDocument, call.rules.lenient)
    items = values.get("documents")
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_BATCH:
        raise InvalidDocument(f"documents is an array of 1 to {MAX_BATCH}.", ("documents",))
    return [_draft(number, item, call.rules.lenient) for number, item in enumerate(items)]


def _draft(number: int, item: object, lenient: bool) -> DocumentDraft:
    try:
        return read_document(item, lenient=lenient, checked=True)[0]
    except InvalidDocument as error:
        raise InvalidDocument(error.message, ("documents", number, *error.location)) from error


# One document


def read_one(call: Call, namespace: Namespace) -> dict[str, Any]:
    """The document that the path names."""
    query = read_query(call.query_string, DocumentQuery)
    found = find_document(
        call.engine,
        namespace.number,
        _document_id(call),
        with_vectors=bool(query.return_vectors),
    )
    return present_document(found, namespace)


def _remove(call: Call, namespace: Namespace) -> DocumentDeleted:
    document_id = call.path["document_id"]
    deleted = "\x00" not in document_id and delete_document(
        call.engine, namespace.number, document_id
    )
    message = "Deleted." if deleted else "There was no such document."
    return DocumentDeleted(success=True, message=message, deleted=deleted)


def _document_id(call: Call) -> str:
    document_id = call.path["document_id"]
    if "\x00" in document_id:  # no database could have it
        raise NotFound("document")
    return document_id


@endpoint(
    "GET",
    f"{_OF_NAMESPACE}/{{document_id:path}}",
    access=Access.READ,
    tag=TAG,
    response=DocumentResponse,
    query=DocumentQuery,
    errors=(NotFound, InvalidQuery),
)
def get_document(call: Call) -> object:
    """Read one document.

    Its payload is under `payload`, and field by field beside it where the names are free.
    """
    return read_one(call, named_namespace(call))


@endpoint(
    "DELETE",
    f"{_OF_NAMESPACE}/{{document_id:path}}",
    access=Access.WRITE,
    tag=TAG,
    response=DocumentDeleted,
    errors=(NotFound,),
)
def remove_document(call: Call) -> object:
    """Delete one document.

    Also 200 when it is gone already, with `deleted` false.
    """
    return _remove(call, named_namespace(call))


@endpoint(
    "GET",
    f"{_OF_COLLECTION}/{{document_id:path}}",
    access=Access.READ,
    tag=TAG,
    response=DocumentResponse,
    query=DocumentQuery,
    errors=(NotFound, InvalidQuery),
)
def get_collection_document(call: Call) -> object:
    """Read one document of the namespace; any `collection_id` names its one collection."""
    return read_one(call, call.namespace)


@endpoint(
    "DELETE",
    f"{_OF_COLLECTION}/{{document_id:path}}",
    access=Access.WRITE,
    tag=TAG,
    response=DocumentDeleted,
)
def remove_collection_document(call: Call) -> object:
    """Delete one document of the namespace; any `collection_id` names its one collection."""
    return _remove(call, call.namespace)


@endpoint(
    "PATCH",
    f"{_OF_COLLECTION}/{{document_id:path}}",
    access=Access.WRITE,
    tag=TAG,
    body=DocumentPatch,
    response=DocumentResponse,
    errors=(InvalidDocument, MalformedJSON, NotFound, EmbedderUnavailable, EmbedderFailed),
)
def update_collection_document(call: Call) -> object:
    """Change parts of a document of the namespace.

    In `payload`, `metadata`, `text` and `vectors` each key that is sent is set, or removed when it
    is null; the others stay. Any other key of the body is one of the payload.
    """
    return change(call)


@endpoint(
    "PUT",
    f"{_OF_COLLECTION}/{{document_id:path}}",
    access=Access.WRITE,
    tag=TAG,
    body=DocumentPatch,
    response=DocumentResponse,
    errors=(InvalidDocument, MalformedJSON, NotFound, EmbedderUnavailable, EmbedderFailed),
)
def put_collection_document(call: Call) -> object:
    """Change parts of a document: the same as PATCH."""
    return change(call)


def change(call: Call) -> dict[str, Any]:
    """Change the document that the path names as the body says."""
    body = call.json()
    if not isinstance(body, dict) or not body:
        raise InvalidDocument("The body is an object with what is to be changed.")
    changed = change_document(call.engine, call.namespace, _document_id(call), body)
    return present_document(changed, call.namespace)


# Lists


def list_page(call: Call, namespace: Namespace, body: object) -> DocumentListResponse:
    """The page of documents that a body and the query parameters ask for."""
    query = read_query(call.query_string, ListQuery)
    if not isinstance(body, dict):
        raise InvalidFilter("The body is an object.")
    values = dict(body)
    drop_foreign(values, _LIST_FOREIGN, InvalidFilter)
    refuse_unknown(values, DocumentListRequest.__struct_fields__, InvalidFilter, call.rules.lenient)
    request = convert(values, DocumentListRequest, InvalidFilter)
    size = request.page_size or request.limit or query.limit or query.page_size
    size = size or DEFAULT_PAGE_SIZE
    start = request.offset if request.offset else query.offset
    if start is None:
        start = ((query.page or 1) - 1) * size
    cursor = request.cursor or query.cursor or query.next_cursor or query.after
    page = list_documents(
        call.engine,
        namespace.number,
        DocumentsRequest(
            filters=request.filters,
            case_sensitive=request.case_sensitive,
            page_size=size,
            start=start,
            cursor=cursor,
            include_total=bool(request.include_total or query.include_total),
            with_vectors=bool(request.return_vectors),
        ),
        call.rules.list_seconds,
    )
    number = start // size + 1 if cursor is None and start % size == 0 else None
    return DocumentListResponse(
        results=[present_document(document, namespace) for document in page.documents],
        pagination=PaginationResponse(
            total=page.total,
            page=number,
            page_size=size,
            total_pages=None if page.total is None else -(-page.total // size),
            next_page=page_link(call, number, 1) if page.next_cursor else None,
            previous_page=page_link(call, number, -1) if number and number > 1 else None,
            next_cursor=page.next_cursor,
        ),
        total_documents=page.total,
    )


LIST: dict[str, Any] = {
    "access": Access.READ,
    "tag": TAG,
    "body": DocumentListRequest,
    "body_required": False,
    "response": DocumentListResponse,
    "query": ListQuery,
    "errors": (InvalidFilter, InvalidQuery, InvalidCursor, QueryTooSlow),
}


@endpoint("POST", f"{_OF_NAMESPACE}/list", **LIST)
def search_documents(call: Call) -> object:
    """List documents, by document_id.

    `filters` reach into the payload by the names of its fields, and into `metadata.…`. The next
    page is asked for with `cursor`.
    """
    return list_page(call, named_namespace(call), call.json())


@endpoint("POST", f"{_OF_COLLECTION}/list", **LIST)
def search_collection_documents(call: Call) -> object:
    """List documents of the namespace; any `collection_id` names its one collection."""
    return list_page(call, call.namespace, call.json())


ENDPOINTS = (
    upsert_documents,
    get_document,
    remove_document,
    search_documents,
    get_collection_document,
    remove_collection_document,
    update_collection_document,
    put_collection_document,
    search_collection_documents,
)
