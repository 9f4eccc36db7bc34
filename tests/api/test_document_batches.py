"""Many documents at once, and the paths beside those of a namespace."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.engine import document_batches
from tests.api.client import Api, done

ANY = "/v1/collections/any/documents"


@pytest.fixture
def shop(api: Api) -> Api:
    """Give a namespace with six documents, two of each brand."""
    documents = [
        {
            "document_id": f"d{n}",
            "payload": {"title": f"Shoe {n}", "brand": "abc"[n % 3], "price": n, "tags": ["x"]},
            "metadata": {"feed": n % 2},
            "vectors": {"v": [1.0, n]},
        }
        for n in range(6)
    ]
    done(
        api.post(f"/v1/namespaces/{api.namespace.name}/documents/upsert", {"documents": documents})
    )
    return api


def prices(api: Api) -> dict[str, Any]:
    page = done(api.get(ANY))
    return {row["document_id"]: row["payload"].get("price") for row in page["results"]}


class TestUnderDocuments:
    def test_one(self, shop: Api) -> None:
        expected = done(shop.get(f"{ANY}/d1"))
        assert done(shop.get("/v1/documents/d1")) == expected
        vectors = done(shop.get("/v1/documents/d1?return_vectors=true"))["vectors"]
        assert vectors == {"v": [1.0, 1.0]}
        for method, price in (("PATCH", 10), ("PUT", 11)):
            changed = done(shop.call(method, "/v1/documents/d1", {"price": price}))
            assert changed["payload"] == expected["payload"] | {"price": price}
        assert done(shop.call("PUT", f"{ANY}/d1", {"price": 12}))["payload"]["price"] == 12
        assert shop.get("/v1/documents/nobody").status_code == 404

    def test_batch_get(self, shop: Api) -> None:
        ids = ["d3", "nobody", "d1", "d3"]
        answer = done(shop.post("/v1/documents/batch-get", {"document_ids": ids}))
        assert [one["document_id"] for one in answer["documents"]] == ["d3", "d1"]
        assert answer["not_found"] == ["nobody"]
        assert answer["documents"][0] == done(shop.get("/v1/documents/d3"))
        body = {"document_ids": ["d1"], "return_vectors": True}
        (one,) = done(shop.post("/v1/documents/batch-get", body))["documents"]
        assert one["vectors"] == {"v": [1.0, 1.0]}

    @pytest.mark.parametrize("ids", [None, [], [""], ["x"] * 1001, "d1", [1]])
    def test_batch_get_refuses(self, shop: Api, ids: Any) -> None:
        answer = shop.post("/v1/documents/batch-get", {"document_ids": ids})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_document")

    def test_lists(self, shop: Api) -> None:
        expected = done(shop.post(f"{ANY}/list", {"filters": {"brand": "a"}}))
        assert done(shop.post("/v1/documents/list", {"filters": {"brand": "a"}})) == expected
        queries = [
            {"key": "a", "request": {"filters": {"brand": "a"}}},
            {
                "key": "bad",
                "request": {"filters": {"field": "brand", "operator": "near", "value": 1}},
            },
            {"key": "first", "request": {"limit": 1}},
        ]
        answer = done(shop.post("/v1/documents/list/batch", {"queries": queries}))
        results = {one["key"]: one for one in answer["results"]}
        assert results["a"]["response"]["results"] == expected["results"]
        assert results["bad"]["response"] is None
        assert results["bad"]["error"]
        assert len(results["first"]["response"]["results"]) == 1

    @pytest.mark.parametrize(
        "queries", [None, [], [{}], [{"key": ""}], [{"key": "a"}] * 11, [1]], ids=str
    )
    def test_lists_refuse(self, shop: Api, queries: Any) -> None:
        answer = shop.post("/v1/documents/list/batch", {"queries": queries})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_filter")


class TestCreate:
    def test_stores_what_is_not_there(self, shop: Api) -> None:
        body = {
            "document_id": "new",
            "title": "Hat",
            "metadata": {"a": 1},
            "vectors": {"v": [1, 2]},
        }
        made = done(shop.post(ANY, body))
        assert made == done(shop.get(f"{ANY}/new"))
        assert (made["payload"], made["metadata"]) == ({"title": "Hat"}, {"a": 1})
        answer = shop.post(ANY, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_exists")

    def test_keeps_the_order_of_keys(self, shop: Api) -> None:
        names = [f"key {n}" for n in range(20)]
        made = done(shop.post(ANY, dict.fromkeys(names, 1)))
        assert list(made["payload"]) == names

    def test_makes_an_id(self, shop: Api) -> None:
        first, second = (done(shop.post(ANY, {"title": "Hat"}))["document_id"] for _ in range(2))
        assert first.startswith("doc_")
        assert first != second

    @pytest.mark.parametrize(
        "body",
        [
            [],
            {"payload": 1},
            {"document_id": ""},
            {"vectors": {"v": [1]}},
            {"lineage_path": "x"},
            {"metadata": 1},
        ],
        ids=str,
    )
    def test_refuses(self, shop: Api, body: Any) -> None:
        answer = shop.post(ANY, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_document")
        assert len(prices(shop)) == 6


class TestChange:
    def test_each_by_itself(self, shop: Api) -> None:
        updates = [
            {"document_id": "d0", "update_data": {"price": 10}},
            {"document_id": "nobody", "update_data": {"price": 10}},
            {"document_id": "d1", "update_data": {"vectors": {"v": [1]}}},
            {"document_id": "d2", "update_data": {"payload": 1}},
            {"document_id": "d3", "update_data": {"document_id": "other"}},
            {"document_id": "d4", "update_data": {"payload": {"price": None}}},
        ]
        answer = done(shop.post(f"{ANY}/batch", {"updates": updates}))
        assert (answer["updated_count"], answer["failed_count"]) == (2, 4)
        assert [one["success"] for one in answer["results"]] == [True, *[False] * 4, True]
        assert [bool(one["error"]) for one in answer["results"]] == [False, *[True] * 4, False]
        assert prices(shop) == {"d0": 10, "d1": 1, "d2": 2, "d3": 3, "d4": None, "d5": 5}

    @pytest.mark.parametrize("path", ["batch", "bulk"])
    def test_all_that_match(self, shop: Api, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(document_batches, "_IN_TRANSACTION", 2)
        body = {"filters": {"brand": {"in": ["a", "b"]}}, "update_data": {"price": 7}}
        method = "POST" if path == "batch" else "PATCH"
        answer = done(shop.call(method, f"{ANY}/{path}", body))
        assert answer["updated_count"] == 4
        assert prices(shop) == {"d0": 7, "d1": 7, "d2": 2, "d3": 7, "d4": 7, "d5": 5}
        answer = done(shop.call(method, f"{ANY}/{path}", {"update_data": {"price": 1}}))
        assert answer["updated_count"] == 6

    def test_more_than_may_be_chosen(self, shop: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(document_batches, "MOST_MATCHES", 5)
        answer = shop.call("PATCH", f"{ANY}/bulk", {"update_data": {"price": 7}})
        assert answer.json()["error"]["code"] == "invalid_filter"
        assert 7 not in prices(shop).values()

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"updates": []},
            {"updates": [{"document_id": "d1"}]},
            {"updates": [{"document_id": "d1", "update_data": {"a": 1}}] * 2},
            {"updates": [{"document_id": "d1", "update_data": {}}], "update_data": {"a": 1}},
            {
                "filters": {"field": "brand", "operator": "near", "value": 1},
                "update_data": {"a": 1},
            },
            {"update_data": {"vectors": {"v": [1]}}},
            {"update_data": []},
        ],
        ids=str,
    )
    def test_refuses(self, shop: Api, body: Any) -> None:
        answer = shop.post(f"{ANY}/batch", body)
        assert answer.status_code == 422, answer.text
        assert prices(shop) == {f"d{n}": n for n in range(6)}


class TestDelete:
    def test_by_ids(self, shop: Api) -> None:
        body = {"document_ids": ["d0", "nobody", "d1", "d0"], "reason": "sold out"}
        answer = done(shop.call("DELETE", f"{ANY}/batch", body))
        assert (answer["deleted_count"], answer["failed_count"]) == (2, 1)
        assert [one["success"] for one in answer["results"]] == [True, False, True]
        assert list(prices(shop)) == ["d2", "d3", "d4", "d5"]

    def test_by_filter(self, shop: Api) -> None:
        body = {"filters": {"price": {"gte": 2}}}
        assert done(shop.call("DELETE", f"{ANY}/batch", body))["deleted_count"] == 4
        assert list(prices(shop)) == ["d0", "d1"]

    @pytest.mark.parametrize(
        "body",
        [
            None,
            {},
            {"filters": {}},
            {"document_ids": []},
            {"document_ids": ["d1"], "filters": {"price": 1}},
            {"filters": {"field": "price", "operator": "near", "value": 1}},
        ],
        ids=str,
    )
    def test_refuses(self, shop: Api, body: Any) -> None:
        assert shop.call("DELETE", f"{ANY}/batch", body).status_code == 422
        assert len(prices(shop)) == 6


class TestCounts:
    def test_count(self, shop: Api) -> None:
        answer = done(shop.get(f"{ANY}/count"))
        assert answer == {"collection_id": shop.namespace.namespace_id, "count": 6}

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"field": "brand"}, [("a", 2), ("b", 2), ("c", 2)]),
            ({"field": "brand", "limit": 1}, [("a", 2)]),
            ({"field": "tags"}, [("x", 6)]),
            ({"field": "metadata.feed", "filters": {"price": {"lt": 3}}}, [(0, 2), (1, 1)]),
            ({"field": "nothing"}, []),
            ({"field": "title.deeper"}, []),
        ],
        ids=str,
    )
    def test_distinct(
        self, shop: Api, body: dict[str, Any], expected: list[tuple[Any, int]]
    ) -> None:
        answer = done(shop.post(f"{ANY}/distinct", body))
        assert [(one["value"], one["count"]) for one in answer["values"]] == expected
        assert (answer["field"], answer["total_distinct"]) == (body["field"], len(expected))

    def test_nothing_of_another_namespace(self, shop: Api) -> None:
        other = shop.backend.api()
        assert done(other.get(f"{ANY}/count"))["count"] == 0
        assert done(other.post(f"{ANY}/distinct", {"field": "brand"}))["values"] == []
        body = {"document_ids": ["d1"]}
        assert done(other.post("/v1/documents/batch-get", body))["not_found"] == ["d1"]
        assert done(other.call("DELETE", f"{ANY}/batch", body))["deleted_count"] == 0
        assert len(prices(shop)) == 6
