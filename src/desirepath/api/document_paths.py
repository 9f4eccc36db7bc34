"""Documents under ``/v1/documents``: those of the key's namespace, or that of ``X-Namespace``."""

from __future__ import annotations

from desirepath.api.document_schemas import (
    BatchGetRequest,
    BatchGetResponse,
    BatchListRequest,
    BatchListResponse,
    BatchListResult,
)
from desirepath.api.documents import LIST, TAG, change, list_page, read_one
from desirepath.api.endpoint import Call, endpoint
from desirepath.api.schemas import (
    DocumentPatch,
    DocumentQuery,
    DocumentResponse,
    present_document,
)
from desirepath.domain.access import Access
from desirepath.domain.checks import convert, refuse_unknown
from desirepath.engine.document_batches import find_documents
from desirepath.errors import (
    EmbedderFailed,
    EmbedderUnavailable,
    InvalidDocument,
    InvalidFilter,
    InvalidInput,
    InvalidQuery,
    MalformedJSON,
    NotFound,
    QueryTooSlow,
)

__all__ = ["ENDPOINTS"]

_DOCUMENTS = "/v1/documents"
MAX_QUERIES = 10


@endpoint(
    "POST",
    f"{_DOCUMENTS}/batch-get",
    access=Access.READ,
    tag=TAG,
    body=BatchGetRequest,
    response=BatchGetResponse,
    errors=(InvalidDocument, MalformedJSON),
)
def search_documents_by_id(call: Call) -> object:
    """Read up to 1,000 documents by their ids."""
    body = call.json()
    if not isinstance(body, dict):
        raise InvalidDocument("The body is an object with document_ids.")
    values = dict(body)
    refuse_unknown(values, BatchGetRequest.__struct_fields__, InvalidDocument, call.rules.lenient)
    sent = convert(values, BatchGetRequest, InvalidDocument)
    ids = list(dict.fromkeys(sent.document_ids))
    found = find_documents(
        call.engine, call.namespace.number, ids, with_vectors=bool(sent.return_vectors)
    )
    return {
        "documents": [present_document(found[id], call.namespace) for id in ids if id in found],
        "not_found": [id for id in ids if id not in found],
    }


@endpoint("POST", f"{_DOCUMENTS}/list", **LIST)
def search_own_documents(call: Call) -> object:
    """List documents, by document_id."""
    return list_page(call, call.namespace, call.json())


@endpoint(
    "POST",
    f"{_DOCUMENTS}/list/batch",
    access=Access.READ,
    tag=TAG,
    body=BatchListRequest,
    response=BatchListResponse,
    errors=(InvalidFilter, MalformedJSON),
)
def search_lists_of_documents(call: Call) -> object:
    """Make up to 10 lists of documents.

    Each is answered by itself under its `key`; one that fails has its error in its place.
    """
    body = call.json()
    queries = body.get("queries") if isinstance(body, dict) else None
    if not isinstance(queries, list) or not 1 <= len(queries) <= MAX_QUERIES:
        raise InvalidFilter(f"queries is an array of 1 to {MAX_QUERIES}.", ("queries",))
    refuse_unknown(dict(body), ("queries",), InvalidFilter, call.rules.lenient)
    return BatchListResponse(
        results=[_one_list(call, number, query) for number, query in enumerate(queries)]
    )


def _one_list(call: Call, number: int, query: object) -> BatchListResult:
    key = query.get("key") if isinstance(query, dict) else None
    if not isinstance(query, dict) or not isinstance(key, str) or not 1 <= len(key) <= 128:
        at = ("queries", number, "key")
        raise InvalidFilter("A query has a key of 1 to 128 characters, and a request.", at)
    try:
        response = list_page(call, call.namespace, query.get("request") or {})
    except (InvalidInput, QueryTooSlow) as error:
        return BatchListResult(key=key, error=error.message)
    return BatchListResult(key=key, response=response)


@endpoint(
    "GET",
    f"{_DOCUMENTS}/{{document_id:path}}",
    access=Access.READ,
    tag=TAG,
    response=DocumentResponse,
    query=DocumentQuery,
    errors=(NotFound, InvalidQuery),
)
def get_own_document(call: Call) -> object:
    """Read one document of the namespace."""
    return read_one(call, call.namespace)


@endpoint(
    "PATCH",
    f"{_DOCUMENTS}/{{document_id:path}}",
    access=Access.WRITE,
    tag=TAG,
    body=DocumentPatch,
    response=DocumentResponse,
    errors=(InvalidDocument, MalformedJSON, NotFound, EmbedderUnavailable, EmbedderFailed),
)
def update_own_document(call: Call) -> object:
    """Change parts of a document of the namespace."""
    return change(call)


@endpoint(
    "PUT",
    f"{_DOCUMENTS}/{{document_id:path}}",
    access=Access.WRITE,
    tag=TAG,
    body=DocumentPatch,
    response=DocumentResponse,
    errors=(InvalidDocument, MalformedJSON, NotFound, EmbedderUnavailable, EmbedderFailed),
)
def put_own_document(call: Call) -> object:
    """Change parts of a document: the same as PATCH."""
    return change(call)


ENDPOINTS = (
    search_documents_by_id,
    search_own_documents,
    search_lists_of_documents,
    get_own_document,
    update_own_document,
    put_own_document,
)
