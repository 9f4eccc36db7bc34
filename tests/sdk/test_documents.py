"""Namespaces and documents through the official SDK, unmodified, on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from mixpeek import (
    ApiClient,
    BatchDeleteDocumentsRequest,
    BatchGetDocumentsRequest,
    BatchListDocumentsRequest,
    BatchUpdateDocumentsRequest,
    BulkUpdateDocumentsRequest,
    BYODocumentsApi,
    BYOUpsertRequest,
    CollectionDocumentsApi,
    Configuration,
    CreateNamespaceRequest,
    CreateStandaloneNamespaceRequestModel,
    DistinctValuesRequest,
    DocumentCreateRequest,
    DocumentsApi,
    ListDocumentsRequest,
    Mixpeek,
    NamespaceListDocumentsRequest,
    NamespacesApi,
)
from mixpeek._client.client import MixpeekAPIError
from mixpeek.exceptions import (
    ConflictException,
    ForbiddenException,
    NotFoundException,
    UnprocessableEntityException,
)

from tests.api.live import LiveServer

_numbers = itertools.count(1)

SHOE: dict[str, Any] = {
    "document_id": "shoe",
    "vectors": {"title": [0.1, 0.2, 0.3]},
    "payload": {"title": "Red shoe", "price": 9.5},
    "metadata": {"source": "feed"},
}
HAT: dict[str, Any] = {
    "document_id": "hat",
    "vectors": {"title": [1, 0, 0]},
    "payload": {"title": "Green hat", "price": 12},
}


@pytest.fixture
def name() -> str:
    """Give a namespace that is not there yet."""
    return f"sdk-{next(_numbers)}"


@pytest.fixture
def mixpeek(live: LiveServer) -> Mixpeek:
    """Give the high-level client of an admin."""
    return Mixpeek(live.admin_key, base_url=f"{live.url}/v1")


@pytest.fixture
def admin(live: LiveServer) -> Iterator[ApiClient]:
    with ApiClient(Configuration(host=live.url, access_token=live.admin_key)) as client:
        yield client


class TestHighLevel:
    def test_a_standalone_namespace_comes_and_goes(self, mixpeek: Any, name: str) -> None:
        made = mixpeek.namespaces.create(
            namespace_id=name,
            vector_configs=[{"name": "title", "dimension": 3, "metric": "cosine"}],
        )
        assert (made.namespace_id, made.mode, made.status) == (name, "standalone", "active")
        found = mixpeek.namespaces.get(name)
        assert (found.namespace_name, found.document_count) == (name, 0)
        listed = mixpeek.namespaces.list()["results"]
        assert name in [namespace["namespace_id"] for namespace in listed]
        assert mixpeek.namespaces.delete(name)["success"]
        with pytest.raises(MixpeekAPIError) as caught:
            mixpeek.namespaces.get(name)
        assert caught.value.status == 404

    def test_a_managed_namespace_is_the_same(self, mixpeek: Any, name: str) -> None:
        made = mixpeek.namespaces.create(name=name)
        assert made.namespace_id.startswith("ns_")
        assert mixpeek.namespaces.get(name).namespace_id == made.namespace_id

    def test_documents_are_stored_listed_changed_and_deleted(
        self, live: LiveServer, mixpeek: Any, name: str
    ) -> None:
        mixpeek.namespaces.create(namespace_id=name)
        stored = mixpeek.namespaces.documents.upsert(namespace_id=name, documents=[SHOE, HAT])
        assert (stored.inserted, stored.document_ids) == (2, ["shoe", "hat"])
        inside = Mixpeek(live.admin_key, base_url=f"{live.url}/v1", namespace=name)
        documents: Any = inside.documents
        shoe = documents.get("products", "shoe")
        assert (shoe.title, shoe.price, shoe.document_id) == ("Red shoe", 9.5, "shoe")
        assert shoe.payload == SHOE["payload"]
        first = documents.list("products", page_size=1)
        assert [row.document_id for row in first.results] == ["hat"]
        second = documents.list("products", page_size=1, cursor=first.pagination.next_cursor)
        assert [row.document_id for row in second.results] == ["shoe"]
        cheap = documents.list("products", filters={"price": {"lt": 10}})
        assert [row.document_id for row in cheap.results] == ["shoe"]
        update = {"metadata": {"checked": True, "source": None}, "price": 8}
        changed = documents.update("products", "shoe", update_data=update)
        assert (changed.price, changed.metadata) == (8, {"checked": True})
        assert documents.delete("products", "shoe").success
        with pytest.raises(MixpeekAPIError) as caught:
            documents.get("products", "shoe")
        assert caught.value.status == 404

    def test_another_vector_than_the_configured_is_refused(self, mixpeek: Any, name: str) -> None:
        configs = [{"name": "title", "dimension": 3}]
        mixpeek.namespaces.create(namespace_id=name, vector_configs=configs)
        bad = HAT | {"vectors": {"image": [1.0]}}
        with pytest.raises(MixpeekAPIError) as caught:
            mixpeek.namespaces.documents.upsert(namespace_id=name, documents=[SHOE, bad])
        assert caught.value.status == 422
        assert "its vectors are title." in str(caught.value)


class TestGenerated:
    def test_namespaces(self, admin: ApiClient, name: str) -> None:
        api = NamespacesApi(admin)
        made = api.create_namespace(
            CreateNamespaceRequest(namespace_name=name, description="Shoes.", mode="standalone")
        )
        found = api.get_namespace(name)
        assert found == api.get_namespace(str(made.namespace_id))
        assert (found.namespace_name, found.description) == (name, "Shoes.")
        assert (found.document_count, found.dynamic_vector_indexes) == (0, True)
        listed = api.list_namespaces_get(limit=1000, include_total=True)
        assert listed.total_count == len(listed.results) == listed.pagination.total
        assert name in [namespace.namespace_name for namespace in listed.results]
        with pytest.raises(ConflictException):
            api.create_namespace(CreateNamespaceRequest(namespace_name=name))
        with pytest.raises(UnprocessableEntityException):
            api.create_namespace(CreateNamespaceRequest(namespace_name="other", ttl_seconds=60))
        api.delete_namespace(name)
        with pytest.raises(NotFoundException):
            api.get_namespace(name)

    def test_a_server_key_may_not_make_one(self, live: LiveServer, name: str) -> None:
        with ApiClient(Configuration(host=live.url, access_token=live.new_key()[2])) as client:
            with pytest.raises(ForbiddenException):
                NamespacesApi(client).create_namespace(CreateNamespaceRequest(namespace_name=name))
            assert NamespacesApi(client).list_namespaces_get().total_count == 1

    def test_documents(self, admin: ApiClient, name: str) -> None:
        api = BYODocumentsApi(admin)
        request = CreateStandaloneNamespaceRequestModel.from_dict(
            {"namespace_id": name, "vector_configs": [{"name": "title", "dimension": 3}]}
        )
        assert request is not None
        made = api.create_standalone_namespace(request)
        assert (made.namespace_id, made.document_count) == (name, 0)
        assert made.vector_configs == [
            {"name": "title", "dimension": 3, "metric": "cosine", "embedder": None}
        ]
        upsert = BYOUpsertRequest.from_dict({"documents": [SHOE, HAT], "options": {}})
        assert upsert is not None
        stored = api.upsert_documents_byo_namespaces(name, upsert)
        assert (stored.inserted, stored.document_ids) == (2, ["shoe", "hat"])
        read: Any = api.get_document_byo_namespaces(name, "shoe", return_vectors=True)
        assert read["vectors"] == SHOE["vectors"]
        admin.default_headers["X-Namespace"] = name
        documents = CollectionDocumentsApi(admin)
        shoe = documents.get_document("products", "shoe")
        assert shoe.document_id == "shoe"
        assert shoe.collection_id == name
        assert shoe.additional_properties["title"] == "Red shoe"
        assert shoe.internal is not None
        assert shoe.internal.metadata == {"source": "feed"}
        listed = documents.list_documents(
            "products", list_documents_request=ListDocumentsRequest(include_total=True)
        )
        assert listed.results is not None
        assert [row.document_id for row in listed.results] == ["hat", "shoe"]
        assert listed.pagination.total == listed.total_documents == 2
        patched = documents.patch_document("products", "hat", {"metadata": {"a": 1}})
        assert patched.additional_properties["metadata"] == {"a": 1}
        assert documents.delete_document("products", "hat").success
        with pytest.raises(NotFoundException):
            documents.get_document("products", "hat")


def read(kind: Any, plain: dict[str, Any]) -> Any:
    """A request of the generated SDK, as it reads plain values."""
    return kind.from_dict(plain)


class TestOtherCalls:
    """The generated calls on documents beside those of a namespace."""

    @pytest.fixture
    def shop(self, live: LiveServer, mixpeek: Any, name: str) -> Iterator[ApiClient]:
        """Give a client in a namespace with two documents."""
        mixpeek.namespaces.create(namespace_id=name)
        mixpeek.namespaces.documents.upsert(namespace_id=name, documents=[SHOE, HAT])
        configuration = Configuration(host=live.url, access_token=live.admin_key)
        with ApiClient(configuration, header_name="X-Namespace", header_value=name) as client:
            yield client

    def test_under_documents(self, shop: ApiClient) -> None:
        api = DocumentsApi(shop)
        assert api.get_document_ns("shoe").additional_properties["title"] == "Red shoe"
        api.patch_document_ns("shoe", {"price": 7})
        changed = api.update_document_ns("shoe", {"metadata": {"checked": True}})
        assert changed.additional_properties["price"] == 7
        got = api.batch_get(BatchGetDocumentsRequest(document_ids=["hat", "nobody"]))
        assert [one.document_id for one in got.documents or ()] == ["hat"]
        assert got.not_found == ["nobody"]
        page = api.list_documents_ns(
            namespace_list_documents_request=NamespaceListDocumentsRequest()
        )
        assert [one.document_id for one in page.results or ()] == ["hat", "shoe"]
        query = {"key": "one", "request": {"limit": 1}}
        lists = api.list_documents_batch(read(BatchListDocumentsRequest, {"queries": [query]}))
        (result,) = lists.results
        assert result.response is not None
        assert [one.document_id for one in result.response.results or ()] == ["hat"]

    def test_under_a_collection(self, shop: ApiClient) -> None:
        api = CollectionDocumentsApi(shop)
        request = read(
            DocumentCreateRequest, {"metadata": {"a": 1}, "title": "Blue scarf", "price": 3}
        )
        made = api.create_document("any", request)
        assert made.additional_properties["title"] == "Blue scarf"
        assert api.count_documents("any").count == 3
        updates = [
            {"document_id": "hat", "update_data": {"price": 1}},
            {"document_id": "nobody", "update_data": {"price": 1}},
        ]
        changed = api.batch_update("any", read(BatchUpdateDocumentsRequest, {"updates": updates}))
        assert (changed.updated_count, changed.failed_count) == (1, 1)
        bulk = read(BulkUpdateDocumentsRequest, {"update_data": {"shop": "north"}})
        assert api.bulk_update("any", bulk).updated_count == 3
        values = api.distinct_document_values("any", read(DistinctValuesRequest, {"field": "shop"}))
        assert [(one.value, one.count) for one in values.values] == [("north", 3)]
        assert api.list_documents_0("any").pagination is not None
        gone = api.batch_delete(
            "any", BatchDeleteDocumentsRequest(document_ids=["hat", made.document_id])
        )
        assert gone.deleted_count == 2

    def test_high_level_batch_update(self, mixpeek: Any, name: str) -> None:
        mixpeek.namespaces.create(namespace_id=name)
        mixpeek.namespaces.documents.upsert(namespace_id=name, documents=[SHOE])
        answer = mixpeek.documents.batch_update(
            "any", updates=[{"document_id": "shoe", "update_data": {"price": 1}}]
        )
        assert answer.failed_count == 1  # in the namespace default, as nothing names another
