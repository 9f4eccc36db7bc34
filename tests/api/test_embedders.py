"""Vectors that are made here: of documents that are stored, and of texts that are searched."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import embedding_server as faults
from tests.api.client import Api, Backend, done
from tests.embedding_server import (
    DIMENSION,
    KEY,
    MODEL,
    EmbeddingServer,
    serve_embeddings,
    vector_of,
)

_numbers = itertools.count(1)
REST = faults.status(429, Retry_After="60")
"""An endpoint that is not to be asked again for now."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[EmbeddingServer]:
    with serve_embeddings() as server:
        yield server


@pytest.fixture
def server(endpoint: EmbeddingServer) -> EmbeddingServer:
    """Give the endpoint without memories of other tests."""
    endpoint.forget()
    return endpoint


@pytest.fixture
def api(backend: Backend, server: EmbeddingServer) -> Api:
    return backend.api(embedder_url=server.url, embedder_key=KEY, embedder_cache_bytes=0)


class Shop:
    """A namespace of its own with one index that has an embedder."""

    def __init__(self, api: Api, **embedder: Any) -> None:
        self.api = api
        self.name = f"embedded-{api.backend.name}-{next(_numbers)}"
        answer = make(api, self.name, index(**embedder))
        assert answer.status_code == 200, answer.text
        self.headers = {"X-Namespace": self.name}

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.api.call(method, path, body, key="admin", headers=self.headers)

    def put(self, *documents: dict[str, Any]) -> httpx.Response:
        path = f"/v1/namespaces/{self.name}/documents/upsert"
        return self.call("POST", path, {"documents": list(documents)})

    def change(self, id: str, **changes: Any) -> httpx.Response:
        return self.call("PATCH", f"/v1/collections/any/documents/{id}", changes)

    def vector(self, id: str, name: str = "title") -> list[float] | None:
        path = f"/v1/namespaces/{self.name}/documents/{id}?return_vectors=true"
        vectors = done(self.call("GET", path))["vectors"] or {}
        found: list[float] | None = vectors.get(name)
        return found

    def retriever(self, *searches: dict[str, Any], **stage: Any) -> str:
        find = {
            "stage_name": "find",
            "config": {"stage_id": "feature_search", "parameters": {"searches": list(searches)}},
            **stage,
        }
        body = {"retriever_name": f"r{next(_numbers)}", "stages": [find]}
        return str(done(self.call("POST", "/v1/retrievers", body))["retriever_id"])

    def search(self, retriever: str, query: Any = "red shoe", **body: Any) -> httpx.Response:
        path = f"/v1/retrievers/{retriever}/execute"
        return self.call("POST", path, {"inputs": {"query": query}, **body})


def index(**embedder: Any) -> dict[str, Any]:
    return {"name": "title", "dimension": DIMENSION, "embedder": {"model": MODEL, **embedder}}


def make(api: Api, name: str, *indexes: dict[str, Any]) -> httpx.Response:
    body = {"namespace_name": name, "vector_configs": list(indexes)}
    return api.post("/v1/namespaces", body, key="admin")


def shoe(id: str = "shoe", title: str = "Red running shoe", **more: Any) -> dict[str, Any]:
    return {"document_id": id, "payload": {"title": title}, **more}


BY_TITLE = {"feature_uri": "vector://title", "query": "{{INPUT.query}}"}


class TestNamespaces:
    def test_an_index_says_who_makes_its_vectors(self, api: Api) -> None:
        shop = Shop(api, fields=["title", "text.body"], query_prefix="query: ")
        answer = done(shop.call("GET", f"/v1/namespaces/{shop.name}"))
        (config,) = answer["vector_configs"]
        assert config["embedder"] == {
            "model": MODEL,
            "fields": ["title", "text.body"],
            "query_prefix": "query: ",
            "document_prefix": "",
            "max_characters": 8000,
        }
        assert KEY not in str(answer)

    @pytest.mark.parametrize(
        "embedder",
        [
            {},
            {"model": ""},
            {"model": MODEL, "url": "http://169.254.169.254/"},
            {"model": MODEL, "fields": "title"},
            {"model": MODEL, "fields": [""]},
            {"model": MODEL, "max_characters": 0},
            "text-embedding-3-small",
        ],
        ids=str,
    )
    def test_refuses(self, api: Api, server: EmbeddingServer, embedder: Any) -> None:
        answer = make(api, "refused", {"name": "v", "dimension": 3, "embedder": embedder})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_namespace")
        location = answer.json()["error"]["details"]["validation_errors"][0]["location"]
        assert location[:4] == ["body", "vector_configs", 0, "embedder"]
        assert server.requests == []

    def test_a_model_of_another_length_is_refused_with_its_length(self, api: Api) -> None:
        answer = make(api, "refused", {**index(), "dimension": 3})
        assert answer.status_code == 422
        assert f"{DIMENSION} numbers" in answer.json()["error"]["message"]
        assert api.get("/v1/namespaces/refused", key="admin").status_code == 404

    def test_a_model_that_is_not_there_is_424(self, api: Api) -> None:
        answer = make(api, "refused", index(model="another"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (424, "embedder_failed")

    def test_without_an_endpoint_the_setting_is_named(self, backend: Backend) -> None:
        answer = make(backend.api(), "refused", index())
        assert (answer.status_code, answer.json()["error"]["code"]) == (424, "embedder_failed")
        assert "embedder_url" in answer.json()["error"]["message"]


class TestDocuments:
    def test_a_document_without_a_vector_gets_one(self, api: Api, server: EmbeddingServer) -> None:
        shop = Shop(api)
        server.forget()
        done(shop.put(shoe(), shoe("hat", "Green hat")))
        assert shop.vector("shoe") == vector_of("Red running shoe")
        assert shop.vector("hat") == vector_of("Green hat")
        assert server.batches == [["Red running shoe", "Green hat"]]

    def test_the_vector_of_the_caller_stays(self, api: Api, server: EmbeddingServer) -> None:
        shop = Shop(api)
        server.forget()
        own = [1.0, *[0.0] * (DIMENSION - 1)]
        done(shop.put(shoe(vectors={"title": own})))
        done(shop.change("shoe", price=9))
        assert shop.vector("shoe") == own
        assert server.texts == []

    def test_without_a_text_there_is_no_vector(self, api: Api, server: EmbeddingServer) -> None:
        shop = Shop(api)
        server.forget()
        done(shop.put({"document_id": "a"}, shoe("b", "  "), shoe("c", "…")))
        assert [shop.vector(id) for id in "abc"] == [None, None, None]
        assert server.texts == []

    def test_the_same_text_is_embedded_once(self, api: Api, server: EmbeddingServer) -> None:
        shop = Shop(api)
        server.forget()
        done(shop.put(shoe("a"), shoe("b")))
        done(shop.put(shoe("a") | {"payload": {"title": "Red running shoe", "price": 3}}))
        assert server.texts == ["Red running shoe"]
        assert shop.vector("a") == shop.vector("b")

    def test_a_changed_text_gets_another_vector(self, api: Api, server: EmbeddingServer) -> None:
        shop = Shop(api)
        done(shop.put(shoe()))
        server.forget()
        done(shop.change("shoe", price=5))
        assert server.texts == []
        done(shop.change("shoe", title="Blue shoe"))
        assert shop.vector("shoe") == vector_of("Blue shoe")
        done(shop.change("shoe", payload={"title": None}))
        assert shop.vector("shoe") is None
        assert server.texts == ["Blue shoe"]

    def test_several_fields_and_a_prefix(self, api: Api, server: EmbeddingServer) -> None:
        shop = Shop(
            api,
            fields=["brand.name", "title", "body"],
            document_prefix="passage: ",
            max_characters=12,
        )
        server.forget()
        document = shoe(text={"body": "Warm."})
        document["payload"]["brand"] = {"name": "Acme"}
        done(shop.put(document))
        assert server.texts == ["passage: Acme\nRed run"]

    def test_batches(self, backend: Backend, server: EmbeddingServer) -> None:
        shop = Shop(backend.api(embedder_url=server.url, embedder_batch=4))
        server.forget()
        done(shop.put(*(shoe(str(n), f"shoe {n}") for n in range(10))))
        assert [len(batch) for batch in server.batches] == [4, 4, 2]
        assert shop.vector("9") == vector_of("shoe 9")

    def test_what_can_be_retried_is_503_and_nothing_is_stored(
        self, api: Api, server: EmbeddingServer
    ) -> None:
        shop = Shop(api)
        done(shop.put(shoe("old")))
        server.faults = [REST]
        own = shoe("own", vectors={"title": vector_of("x")})
        answer = shop.put(own, shoe("new", "Another"), shoe("old", "Changed"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        error = answer.json()["error"]
        assert (error["code"], error["details"]["retryable"]) == ("embedder_unavailable", True)
        count = done(shop.call("GET", f"/v1/namespaces/{shop.name}"))["document_count"]
        assert (count, shop.vector("old")) == (1, vector_of("Red running shoe"))
        server.faults = [REST]
        assert shop.change("old", title="Changed").status_code == 503
        assert shop.vector("old") == vector_of("Red running shoe")
        done(shop.put(shoe("new", "Another")))

    @pytest.mark.parametrize(
        "fault",
        [faults.status(401), faults.body(b"{}"), faults.vectors([1.0]), faults.vectors([0.0] * 32)],
        ids=["key", "answer", "length", "no direction"],
    )
    def test_what_will_not_pass_is_424_and_nothing_is_stored(
        self, api: Api, server: EmbeddingServer, fault: faults.Fault
    ) -> None:
        shop = Shop(api)
        server.faults = [fault]
        answer = shop.put(shoe(title="secret"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (424, "embedder_failed")
        assert "secret" not in answer.text
        assert done(shop.call("GET", f"/v1/namespaces/{shop.name}"))["document_count"] == 0


class TestSearch:
    @pytest.fixture
    def shop(self, api: Api, server: EmbeddingServer) -> Shop:
        shop = Shop(api, query_prefix="query: ")
        done(shop.put(shoe(), shoe("boot", "Brown boot"), shoe("hat", "Green hat")))
        server.forget()
        return shop

    def test_a_text_finds_by_its_vector(self, shop: Shop, server: EmbeddingServer) -> None:
        answer = done(shop.search(shop.retriever(BY_TITLE), "brown boot"))
        first = answer["documents"][0]
        assert first["document_id"] == "boot"
        assert 0.5 < first["attribution"]["vector://title"]["score"] < 1.0  # for the prefix
        assert server.texts == ["query: brown boot"]

    def test_words_and_vectors_together_ask_once(self, shop: Shop, server: EmbeddingServer) -> None:
        words = {"feature_uri": "text://title", "query": "{{INPUT.query}}"}
        answer = done(shop.search(shop.retriever(BY_TITLE, words, BY_TITLE), "red shoe"))
        assert answer["documents"][0]["attribution"].keys() == {"vector://title", "text://title"}
        assert server.texts == ["query: red shoe"]

    def test_a_query_is_remembered(self, backend: Backend, server: EmbeddingServer) -> None:
        shop = Shop(backend.api(embedder_url=server.url))
        done(shop.put(shoe()))
        retriever = shop.retriever(BY_TITLE)
        server.forget()
        first, second = (done(shop.search(retriever, "a remembered query")) for _ in range(2))
        assert first["documents"] == second["documents"]
        assert server.texts == ["a remembered query"]

    def test_a_vector_or_a_document_needs_no_embedder(
        self, shop: Shop, server: EmbeddingServer
    ) -> None:
        by_vector = shop.retriever(
            {**BY_TITLE, "query": {"input_mode": "vector", "value": "{{INPUT.query}}"}}
        )
        answer = done(shop.search(by_vector, vector_of("Green hat")))
        assert answer["documents"][0]["document_id"] == "hat"
        by_document = shop.retriever(
            {**BY_TITLE, "query": {"document_ref": {"document_id": "{{INPUT.query}}"}}}
        )
        answer = done(shop.search(by_document, "boot"))
        assert answer["documents"][0]["document_id"] == "boot"
        assert server.texts == []

    def test_a_file_is_neither_fetched_nor_embedded(
        self, shop: Shop, server: EmbeddingServer
    ) -> None:
        retriever = shop.retriever(
            {**BY_TITLE, "query": {"input_mode": "content", "value": "{{INPUT.query}}"}}
        )
        answer = shop.search(retriever, server.url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_search")
        assert server.requests == []

    def test_an_index_without_an_embedder_needs_a_vector(self, api: Api) -> None:
        path = f"/v1/namespaces/{api.namespace.name}/documents/upsert"
        done(api.post(path, {"documents": [shoe(vectors={"title": [1.0, 2.0]})]}))
        stage = {"stage_id": "feature_search", "parameters": {"searches": [BY_TITLE]}}
        body = {"retriever_name": "r", "stages": [{"stage_name": "find", "config": stage}]}
        done(api.post("/v1/retrievers", body))
        answer = api.post("/v1/retrievers/r/execute", {"inputs": {"query": "shoe"}})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_search")

    def test_when_the_endpoint_is_down_nothing_is_logged(
        self, shop: Shop, server: EmbeddingServer
    ) -> None:
        retriever = shop.retriever(BY_TITLE)
        server.faults = [REST]
        answer = shop.search(retriever)
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            503,
            "embedder_unavailable",
        )
        listed = done(shop.call("POST", f"/v1/retrievers/{retriever}/executions/list", {}))
        assert listed["pagination"]["total"] == 0

    def test_a_stage_that_may_be_skipped_is(self, shop: Shop, server: EmbeddingServer) -> None:
        retriever = shop.retriever(BY_TITLE, on_error="skip")
        server.faults = [REST]
        answer = done(shop.search(retriever))
        assert (answer["status"], answer["documents"]) == ("degraded", [])
        assert "embedder" in answer["degraded"][0]["reason"]
