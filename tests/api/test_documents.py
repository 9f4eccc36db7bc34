"""Documents over HTTP: stored whole, read, listed, changed and deleted."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from desirepath.domain import document
from tests.api.client import Api, Request, done

DOCUMENT: dict[str, Any] = {
    "document_id": "doc_1",
    "vectors": {"title": [0.1, -2.5, 3]},
    "payload": {"title": "Red shoe", "price": 9.5, "tags": ["a"], "metadata": "mine"},
    "metadata": {"source": {"feed": 3}},
    "text": {"body": "Comfortable."},
}


def path_of(api: Api, rest: str = "") -> str:
    return f"/v1/namespaces/{api.namespace.name}/documents{rest}"


def upsert(api: Api, *documents: Any, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.post(path_of(api, "/upsert"), {"documents": list(documents), **body})
    assert status == answer.status_code, answer.text
    result = answer.json()
    assert isinstance(result, dict)
    return result


def problem(answer: dict[str, Any]) -> tuple[list[Any], str]:
    """Where and what."""
    (found,) = answer["error"]["details"]["validation_errors"]
    assert found["type"] == "invalid_document"
    return found["location"], found["message"]


def get(api: Api, document_id: str, query: str = "") -> dict[str, Any]:
    return done(api.get(path_of(api, f"/{quote(document_id, safe='')}{query}")))


def listed(api: Api, query: str = "", **body: Any) -> dict[str, Any]:
    return done(api.post(path_of(api, f"/list{query}"), body))


def ids(page: dict[str, Any]) -> list[str]:
    return [row["document_id"] for row in page["results"]]


class TestUpsert:
    def test_a_document_reads_back_as_it_was_sent(self, api: Api) -> None:
        answer = upsert(api, DOCUMENT, {"document_id": "doc_2"})
        assert answer == {
            "inserted": 2,
            "document_ids": ["doc_1", "doc_2"],
            "write_token": None,
            "warnings": [],
        }
        read = get(api, "doc_1", "?return_vectors=true")
        assert {name: read[name] for name in DOCUMENT} == DOCUMENT
        assert get(api, "doc_2")["payload"] == {}

    def test_answer_has_the_payload_beside_its_own_fields(self, api: Api) -> None:
        upsert(api, DOCUMENT)
        read = get(api, "doc_1")
        id = api.namespace.namespace_id
        assert read == {
            **{name: DOCUMENT["payload"][name] for name in ("title", "price", "tags")},
            **{name: DOCUMENT[name] for name in ("document_id", "payload", "metadata", "text")},
            "collection_id": id,
            "vectors": None,
            "created_at": read["created_at"],
            "updated_at": read["created_at"],
            "_internal": {
                "namespace_id": id,
                "document_id": "doc_1",
                "collection_id": id,
                "created_at": read["created_at"],
                "updated_at": read["created_at"],
                "metadata": DOCUMENT["metadata"],
            },
        }

    def test_again_replaces_the_whole_document(self, api: Api) -> None:
        upsert(api, DOCUMENT)
        first = get(api, "doc_1")
        api.clock.advance(seconds=5)
        upsert(api, {"document_id": "doc_1", "payload": {"title": "Blue"}})
        second = get(api, "doc_1", "?return_vectors=true")
        assert (second["payload"], second["metadata"], second["text"]) == (
            {"title": "Blue"},
            {},
            {},
        )
        assert second["vectors"] is None
        assert second["created_at"] == first["created_at"]
        assert second["updated_at"] > first["updated_at"]

    def test_what_the_sdk_adds_changes_nothing(self, api: Api) -> None:
        said = {"acl": None, "source_type": "direct_upsert", "lineage_chain": None}
        options = {"write_token": True, "idempotency_key": "k"}
        upsert(api, DOCUMENT | said, collection_id="col_1", options=options)
        assert get(api, "doc_1")["payload"] == DOCUMENT["payload"]

    @pytest.mark.parametrize(
        ("changes", "location", "message"),
        [
            ({"document_id": ""}, ["document_id"], "length"),
            ({"document_id": ...}, [], "document_id"),
            ({"colour": "red"}, ["colour"], "Unknown key colour"),
            ({"acl": {"public": True}}, ["acl"], "acl is not available"),
            ({"vectors": {"v": [[1], [2]]}}, ["vectors"], "multi-vectors are not available"),
            ({"vectors": {"v": {"indices": [1], "values": [1]}}}, ["vectors"], "sparse"),
            ({"vectors": {"title": [1]}}, ["vectors"], "has 1 numbers and its index 3"),
            ({"vectors": {"title": [0, 0, 0]}}, ["vectors"], "no direction"),
            ({"vectors": {"title": [1e13, 0, 0]}}, ["vectors"], "beyond"),
            ({"payload": "x"}, ["payload"], "Expected `object`"),
        ],
    )
    def test_a_bad_document_refuses_the_call_and_is_named(
        self, api: Api, changes: dict[str, Any], location: list[Any], message: str
    ) -> None:
        upsert(api, DOCUMENT)
        bad = {
            key: value
            for key, value in ({"document_id": "bad"} | changes).items()
            if value is not ...
        }
        where, what = problem(upsert(api, {"document_id": "good"}, bad, status=422))
        assert where == ["body", "documents", 1, *location]
        assert message in what
        assert ids(listed(api)) == ["doc_1"]

    def test_a_bad_body_is_refused(self, api: Api) -> None:
        wrong: tuple[Any, ...] = ({}, [], [{}] * 1001)
        bad: list[Any] = [{}, [], *({"documents": documents} for documents in wrong)]
        for body in bad:
            answer = api.post(path_of(api, "/upsert"), body)
            assert answer.status_code == 422, answer.text
        upsert(api, DOCUMENT, status=422, options={"upsert": True})
        upsert(api, DOCUMENT, status=422, options=[])
        upsert(api, DOCUMENT, status=422, colour="red")

    def test_an_id_given_twice_is_refused(self, api: Api) -> None:
        where, what = problem(upsert(api, DOCUMENT, {"document_id": "x"}, DOCUMENT, status=422))
        assert where == ["body", "documents", 2, "document_id"]
        assert "given twice" in what

    def test_a_thousand_at_once(self, api: Api) -> None:
        many = [{"document_id": f"{n:04}", "payload": {"title": f"w{n}"}} for n in range(1000)]
        assert upsert(api, *many)["inserted"] == 1000
        assert listed(api, include_total=True, page_size=1)["pagination"]["total"] == 1000

    def test_a_vector_of_a_new_name_makes_its_index(self, api: Api) -> None:
        upsert(api, DOCUMENT, {"document_id": "b", "vectors": {"image": [1, 2]}})
        namespace = done(api.get(f"/v1/namespaces/{api.namespace.name}"))
        assert namespace["vector_configs"] == [
            {"name": "image", "dimension": 2, "metric": "cosine", "embedder": None},
            {"name": "title", "dimension": 3, "metric": "cosine", "embedder": None},
        ]

    def test_a_refused_call_makes_no_index(self, api: Api) -> None:
        upsert(
            api,
            {"document_id": "a", "vectors": {"v": [1, 2]}},
            {"document_id": "b", "vectors": {"v": [1]}},
            status=422,
        )
        assert done(api.get(f"/v1/namespaces/{api.namespace.name}"))["vector_configs"] == []

    def test_fixed_vectors_take_no_other_names(self, api: Api) -> None:
        headers = {"X-Namespace": api.namespace.name}
        name = f"{api.namespace.name}-fixed"
        configs = [{"name": "a", "dimension": 1}, {"name": "b", "dimension": 2, "metric": "l2"}]
        body = {"namespace_name": name, "vector_configs": configs}
        done(api.post("/v1/namespaces", body, key="admin", headers=headers))
        path = f"/v1/namespaces/{name}/documents/upsert"

        def send(**vectors: Any) -> httpx.Response:
            body = {"documents": [{"document_id": "x", "vectors": vectors}]}
            return api.post(path, body, key="admin", headers=headers)

        done(send(a=[1], b=[0, 0]))
        where, what = problem(send(a=[1], secret=[1]).json())
        assert where == ["body", "documents", 0, "vectors"]
        assert "its vectors are a, b." in what
        assert "secret" not in what

    def test_needs_a_key_of_that_namespace(self, api: Api) -> None:
        other = api.backend.api()
        body = {"documents": [DOCUMENT]}
        assert api.post(path_of(other, "/upsert"), body).status_code == 404
        assert api.post(path_of(api, "/upsert"), body, key="read").status_code == 403
        headers = {"X-Namespace": api.namespace.name}  # the path decides for an admin
        done(api.post(path_of(other, "/upsert"), body, key="admin", headers=headers))
        assert ids(listed(api)) == []
        assert ids(listed(other)) == ["doc_1"]


class TestOne:
    @pytest.mark.parametrize(
        "id", ["a b", "ü/x", "list", "upsert", "a%2Fb", "?x#", "日本", "x" * 256]
    )
    def test_any_id_can_be_read_and_deleted(self, api: Api, id: str) -> None:
        upsert(api, {"document_id": id, "payload": {"n": 1}})
        assert get(api, id)["document_id"] == id
        for deleted in (True, False):
            answer = done(api.delete(path_of(api, f"/{quote(id, safe='')}")))
            assert (answer["success"], answer["deleted"]) == (True, deleted)
        assert api.get(path_of(api, f"/{quote(id, safe='')}")).status_code == 404

    def test_what_is_not_there_is_404(self, api: Api) -> None:
        for id in ("nothing", "%00", "a%00b"):
            answer = api.get(path_of(api, f"/{id}"))
            assert answer.status_code == 404
            assert answer.json()["error"]["message"] == "No such document in this namespace."
        assert api.get("/v1/namespaces/nowhere/documents/x").status_code == 404

    def test_keys_do_what_they_may(self, api: Api) -> None:
        upsert(api, DOCUMENT)
        assert api.get(path_of(api, "/doc_1"), key="read").status_code == 200
        assert api.delete(path_of(api, "/doc_1"), key="read").status_code == 403
        assert api.get(path_of(api, "/doc_1"), key="public").status_code == 403


class TestList:
    @pytest.fixture
    def filled(self, api: Api) -> Api:
        upsert(
            api,
            *(
                {
                    "document_id": f"d{n}",
                    "payload": {"color": "red" if n % 2 else "blue", "n": n},
                    "metadata": {"even": n % 2 == 0},
                    "vectors": {"v": [n + 0.5]},
                }
                for n in range(7)
            ),
        )
        return api

    def test_by_id_page_by_page(self, filled: Api) -> None:
        seen: list[str] = []
        cursor = None
        while True:
            page = listed(filled, page_size=3, cursor=cursor)
            seen += ids(page)
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                break
        assert seen == [f"d{n}" for n in range(7)]
        assert ids(listed(filled, "?page=2&page_size=3")) == ["d3", "d4", "d5"]
        assert ids(listed(filled, limit=2, offset=5)) == ["d5", "d6"]
        assert listed(filled)["pagination"]["total"] is None

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"color": "red"}, [1, 3, 5]),
            ({"payload.color": {"ne": "red"}}, [0, 2, 4, 6]),
            ({"metadata.even": True, "n": {"gt": 2}}, [4, 6]),
            ({"document_id": {"in": ["d1", "d9"]}}, [1]),
            ({"NOT": [{"color": "red"}, {"n": 0}]}, [2, 4, 6]),
            ({"color": "red", "document_id": {"regex": "[35]$"}}, [3, 5]),
            ({"nothing": {"exists": True}}, []),
        ],
    )
    def test_filters_pick(self, filled: Api, filters: Any, expected: list[int]) -> None:
        page = listed(filled, filters=filters, include_total=True)
        assert ids(page) == [f"d{n}" for n in expected]
        assert page["pagination"]["total"] == page["total_documents"] == len(expected)
        first = listed(filled, filters=filters, page_size=2)
        assert ids(first) == ids(page)[:2]
        if cursor := first["pagination"]["next_cursor"]:
            rest = listed(filled, filters=filters, page_size=9, cursor=cursor)
            assert ids(rest) == ids(page)[2:]
            answer = filled.post(path_of(filled, "/list"), {"cursor": cursor})
            assert answer.status_code == 400  # it belongs to another list

    def test_vectors_only_when_asked(self, filled: Api) -> None:
        assert listed(filled)["results"][0]["vectors"] is None
        page = listed(filled, return_vectors=True, page_size=2)
        assert [row["vectors"] for row in page["results"]] == [{"v": [0.5]}, {"v": [1.5]}]

    @pytest.mark.parametrize(
        "body",
        [
            {"sort": {"field": "n", "direction": "asc"}},
            {"group_by": "color"},
            {"search": "red"},
            {"colour": "red"},
            {"page_size": 0},
            {"filters": {"n": {"between": [1, 2]}, "": 1}},
            {"filters": {"color": {"regex": "("}}},
            {"filters": {"n": {"regex": "x"}}},
            {"filters": []},
        ],
    )
    def test_what_is_not_available_is_refused(self, filled: Api, body: Any) -> None:
        answer = filled.post(path_of(filled, "/list"), body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["code"] == "invalid_filter"

    def test_what_says_nothing_is_not(self, filled: Api) -> None:
        body: dict[str, Any] = {
            "sort": None,
            "search": None,
            "group_by": None,
            "return_presigned_urls": False,
        }
        assert len(listed(filled, **body)["results"]) == 7

    def test_a_list_that_takes_too_long_says_so(self, filled: Api) -> None:
        upsert(filled, *({"document_id": f"more {n}"} for n in range(1000)))
        slow = filled.under(list_seconds=0.001)
        answer = slow.post(path_of(slow, "/list"), {"filters": {"n": {"gt": 5_000}}})
        assert answer.status_code == 503, answer.text
        assert answer.json()["error"]["code"] == "query_too_slow"
        assert "document_id" in answer.json()["error"]["message"]


class TestCollections:
    """The Mixpeek SDK's paths: any collection is the namespace's one."""

    def test_are_the_same_documents(self, api: Api) -> None:
        upsert(api, DOCUMENT)
        for name in ("products", "col_1", "a b"):
            path = f"/v1/collections/{quote(name)}/documents"
            assert done(api.get(f"{path}/doc_1")) == get(api, "doc_1")
            assert ids(done(api.post(f"{path}/list", {"page_size": 5}))) == ["doc_1"]
        assert done(api.delete("/v1/collections/x/documents/doc_1"))["deleted"]
        assert api.get(path_of(api, "/doc_1")).status_code == 404

    def patch(self, api: Api, body: Any, id: str = "doc_1") -> httpx.Response:
        return api.call("PATCH", f"/v1/collections/products/documents/{id}", body)

    def test_a_patch_sets_and_removes_single_keys(self, api: Api) -> None:
        upsert(api, DOCUMENT)
        api.clock.advance(seconds=5)
        changes = {
            "payload": {"title": "Blue shoe", "tags": None},
            "price": 10,
            "metadata": {"checked": True},
            "text": {"body": None, "about": "New."},
            "vectors": {"title": None, "image": [1, 2]},
        }
        changed = done(self.patch(api, changes))
        after = get(api, "doc_1", "?return_vectors=true")
        assert after["payload"] == {"title": "Blue shoe", "price": 10, "metadata": "mine"}
        assert after["metadata"] == {"source": {"feed": 3}, "checked": True}
        assert after["text"] == {"about": "New."}
        assert after["vectors"] == {"image": [1, 2]}
        assert after["updated_at"] > after["created_at"]
        assert changed == after | {"vectors": None}

    def test_a_patch_keeps_vectors_it_does_not_name(self, api: Api) -> None:
        upsert(api, DOCUMENT)
        done(self.patch(api, {"price": 1}))
        assert get(api, "doc_1", "?return_vectors=true")["vectors"] == DOCUMENT["vectors"]

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            {"document_id": "x"},
            {"created_at": "2026-01-01"},
            {"payload": "x"},
            {"metadata": []},
            {"text": {"a": 1}},
            {"vectors": {"title": [1]}},
            {"vectors": {"title": 1}},
            {"vectors": {"title": "abc"}},
        ],
    )
    def test_a_patch_that_cannot_be_changes_nothing(self, api: Api, body: Any) -> None:
        upsert(api, DOCUMENT)
        before = get(api, "doc_1", "?return_vectors=true")
        answer = self.patch(api, body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["code"] == "invalid_document"
        assert get(api, "doc_1", "?return_vectors=true") == before

    def test_patches_do_not_let_a_document_grow_without_end(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(document, "MAX_BYTES", 1_000)
        upsert = f"/v1/namespaces/{api.namespace.name}/documents/upsert"
        done(api.post(upsert, {"documents": [{"document_id": "a", "metadata": {"a": "x" * 900}}]}))
        path = "/v1/collections/any/documents/a"
        done(api.call("PATCH", path, {"price": 1}))
        answer = api.call("PATCH", path, {"metadata": {"b": "x" * 100}})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_document")
        stored = done(api.get(path))
        assert (stored["payload"], list(stored["metadata"])) == ({"price": 1}, ["a"])

    def test_a_patch_of_nothing_is_404(self, api: Api) -> None:
        assert self.patch(api, {"price": 1}).status_code == 404
        assert self.patch(api, {"price": 1}, "a%00b").status_code == 404

    def test_patches_at_once_lose_nothing(self, api: Api) -> None:
        upsert(api, {"document_id": "doc_1"})
        path = "/v1/collections/x/documents/doc_1"
        key = api.keys.server
        answers = api.send(
            *(Request("PATCH", path, {f"k{n}": n}, key) for n in range(12)),
        )
        assert [answer.status_code for answer in answers] == [200] * 12
        assert get(api, "doc_1")["payload"] == {f"k{n}": n for n in range(12)}
