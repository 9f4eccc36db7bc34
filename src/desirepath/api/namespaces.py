"""Namespaces: create, get, list, delete."""

from __future__ import annotations

from msgspec import Struct

from desirepath.api.endpoint import Call, endpoint
from desirepath.api.paging import page_of
from desirepath.api.schemas import (
    ListQuery,
    NamespaceListResponse,
    NamespaceResponse,
    present_namespace,
)
from desirepath.domain.access import Access
from desirepath.domain.namespace import NamespaceDraft, read_namespace
from desirepath.engine.namespaces import drop_namespace, make_namespace
from desirepath.errors import (
    AlreadyExists,
    EmbedderFailed,
    EmbedderUnavailable,
    InvalidNamespace,
    InvalidQuery,
    MalformedJSON,
    NotFound,
)
from desirepath.storage.base import Namespace

__all__ = ["ENDPOINTS", "named_namespace"]

TAG = "Namespaces"


def named_namespace(call: Call) -> Namespace:
    """The namespace that the path names by id or name, as far as the key may know of it.

    Raises
    ------
    NotFound
        There is none, or it is not the key's.
    """
    name = call.path["namespace_id"]
    found = None if "\x00" in name else call.engine.directory.namespace(name)
    if found is None or call.key.namespace not in (None, found.number):
        raise NotFound("namespace", name)
    return found


@endpoint(
    "POST",
    "/v1/namespaces",
    access=Access.ADMIN,
    tag=TAG,
    body=NamespaceDraft,
    response=NamespaceResponse,
    errors=(InvalidNamespace, AlreadyExists, MalformedJSON, EmbedderUnavailable, EmbedderFailed),
)
def create_namespace(call: Call) -> object:
    """Create a namespace.

    A tenant: its documents, executions, interactions, retrievers and keys are its own. Keys of the
    Mixpeek SDK's request that ask for what is not here are refused by name.
    """
    return _create(call)


@endpoint(
    "POST",
    "/v1/namespaces/standalone",
    access=Access.ADMIN,
    tag=TAG,
    body=NamespaceDraft,
    response=NamespaceResponse,
    errors=(InvalidNamespace, AlreadyExists, MalformedJSON, EmbedderUnavailable, EmbedderFailed),
)
def create_standalone_namespace(call: Call) -> object:
    """Create a namespace, under the path that the Mixpeek SDK uses for your own vectors."""
    return _create(call)


def _create(call: Call) -> NamespaceResponse:
    draft = read_namespace(call.json(), lenient=call.rules.lenient)
    return _present(call, make_namespace(call.engine, draft))


def _present(call: Call, namespace: Namespace) -> NamespaceResponse:
    with call.engine.storage.read() as session:
        return present_namespace(
            namespace,
            session.documents.vector_indexes(namespace.number),
            session.documents.count(namespace.number),
        )


@endpoint(
    "GET",
    "/v1/namespaces",
    access=Access.READ,
    tag=TAG,
    response=NamespaceListResponse,
    query=ListQuery,
    errors=(InvalidQuery,),
)
def list_namespaces(call: Call) -> object:
    """List namespaces, oldest first: all of them for an admin key, for any other its own."""
    with call.engine.storage.read() as session:
        found = session.catalog.namespaces()
    own = [one for one in found if call.key.namespace in (None, one.number)]
    page, pagination = page_of(call, own)
    results = [_present(call, namespace) for namespace in page]
    return NamespaceListResponse(results=results, pagination=pagination, total_count=len(own))


@endpoint(
    "GET",
    "/v1/namespaces/{namespace_id}",
    access=Access.READ,
    tag=TAG,
    response=NamespaceResponse,
    errors=(NotFound,),
)
def get_namespace(call: Call) -> object:
    """Read one namespace, by id or name."""
    return _present(call, named_namespace(call))


class NamespaceDeleted(Struct, frozen=True, kw_only=True):
    """A deletion."""

    success: bool
    namespace_id: str


@endpoint(
    "DELETE",
    "/v1/namespaces/{namespace_id}",
    access=Access.ADMIN,
    tag=TAG,
    response=NamespaceDeleted,
    errors=(NotFound, InvalidNamespace),
)
def remove_namespace(call: Call) -> object:
    """Delete a namespace with everything in it.

    Its keys are revoked first. The namespace `default` stays.
    """
    namespace = named_namespace(call)
    drop_namespace(call.engine, namespace)
    return NamespaceDeleted(success=True, namespace_id=namespace.namespace_id)


ENDPOINTS = (
    create_namespace,
    create_standalone_namespace,
    list_namespaces,
    get_namespace,
    remove_namespace,
)
