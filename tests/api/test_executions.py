"""Executions of any engine: logged before or after their interactions, each id once."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from desirepath.domain.clock import format_time
from tests.api.client import INTERACTIONS, Api, Request, click, done

FULL: dict[str, Any] = {
    "execution_id": "search/2026?q=1",
    "inputs": {"query": "red shoes", "k": 10, "nested": {"a": [1, None]}},
    "user_id": "user_1",
    "session_id": "session_1",
    "configuration": "elastic-8 bm25 v3",
    "metadata": {"region": "eu", "ms": 12.5},
    "offset": 20,
    "total": 95,
    "occurred_at": "2025-06-01T10:00:00.500000Z",
    "documents": [
        {
            "document_id": "doc_1",
            "score": 12.5,
            "scores": {"text://title": 3.25, "vector://image": -0.5},
            "features": {"price": 10, "age_days": 3.5},
        },
        {"document_id": "doc_2", "score": 11},
        {"document_id": "doc_3"},
    ],
}
THREE = [{"document_id": f"doc_{n}"} for n in (1, 2, 3)]


@pytest.fixture
def retriever(api: Api) -> str:
    return api.retriever("products")


def path(retriever: str) -> str:
    return f"/v1/retrievers/{retriever}/executions"


def log(api: Api, retriever: str, **body: Any) -> httpx.Response:
    return api.post(path(retriever), {"documents": THREE} | body)


def logged(api: Api, retriever: str, **body: Any) -> dict[str, Any]:
    return done(log(api, retriever, **body))


class TestCreate:
    def test_smallest_answer_has_exactly_the_documented_fields(
        self, api: Api, retriever: str
    ) -> None:
        answer = logged(api, retriever)
        now = format_time(api.clock.now())
        assert answer == {
            "execution_id": answer["execution_id"],
            "retriever_id": retriever,
            "status": "completed",
            "documents": [
                {
                    "document_id": f"doc_{n + 1}",
                    "position": n,
                    "score": None,
                    "scores": None,
                    "features": None,
                }
                for n in range(3)
            ],
            "pagination": {"total": 3, "returned": 3, "has_next": False},
            "created_at": now,
            "completed_at": now,
            "inputs": None,
            "user_id": None,
            "session_id": None,
            "configuration": None,
            "metadata": None,
            "offset": 0,
            "total": None,
            "occurred_at": now,
            "timestamp": answer["timestamp"],
            "documents_retained": True,
            "total_returned": 3,
            "stage_statistics": None,
            "budget": None,
            "warnings": [],
            "stages_completed": 0,
            "total_stages": 0,
            "parent_execution_id": None,
            "duplicate": False,
        }
        assert answer["execution_id"].startswith("exec_")

    def test_everything_sent_is_stored(self, api: Api, retriever: str) -> None:
        answer = logged(api, retriever, **FULL)
        for name in FULL.keys() - {"documents"}:
            assert FULL[name] == answer[name], name
        assert answer["documents"][0] == FULL["documents"][0] | {"position": 20}
        assert [document["position"] for document in answer["documents"]] == [20, 21, 22]
        assert answer["pagination"] == {"total": 95, "returned": 3, "has_next": True}

    def test_get_answers_what_create_answered(self, api: Api, retriever: str) -> None:
        created = logged(api, retriever, **FULL)
        again = done(api.get(f"{path(retriever)}/search%2F2026%3Fq=1"))
        assert created == again
        assert created == done(api.get(f"{path('products')}/search%2F2026%3Fq=1"))

    def test_no_documents_is_a_search_that_found_nothing(self, api: Api, retriever: str) -> None:
        answer = logged(api, retriever, documents=[])
        assert (answer["documents"], answer["total_returned"]) == ([], 0)
        read = done(api.get(f"{path(retriever)}/{answer['execution_id']}"))
        assert answer == read

    def test_retriever_by_name(self, api: Api, retriever: str) -> None:
        assert retriever == logged(api, "products")["retriever_id"]

    def test_unknown_retriever_is_404(self, api: Api) -> None:
        for name in ("nobody", "ret_" + "0" * 32, "%00"):
            answer = log(api, name)
            assert (
                answer.status_code,
                answer.json()["error"]["details"]["resource"],
            ) == (404, "retriever")

    def test_future_is_clamped_to_now(self, api: Api, retriever: str) -> None:
        answer = logged(api, retriever, occurred_at="2999-01-01T00:00:00Z")
        assert format_time(api.clock.now()) == answer["occurred_at"]

    @pytest.mark.parametrize(
        "change",
        [
            {"documents": ...},
            {"documents": None},
            {"documents": {}},
            {"documents": [1]},
            {"documents": [{}]},
            {"documents": [{"document_id": 1}]},
            {"documents": [{"document_id": ""}]},
            {"documents": [{"document_id": "x" * 257}]},
            {"documents": [{"document_id": "a"}, {"document_id": "a"}]},
            {"documents": [{"document_id": "a", "score": "1"}]},
            {"documents": [{"document_id": "a", "scores": {"": 1}}]},
            {"documents": [{"document_id": "a", "scores": {"u": None}}]},
            {"documents": [{"document_id": "a", "scores": {"é" * 129: 1}}]},
            {"documents": [{"document_id": "a", "features": {"f": True}}]},
            {"documents": [{"document_id": str(n)} for n in range(10_001)]},
            {"execution_id": ""},
            {"execution_id": 1},
            {"execution_id": "x" * 257},
            {"inputs": []},
            {"user_id": " "},
            {"offset": -1},
            {"offset": 1.0},
            {"offset": None},
            {"total": -1},
            {"configuration": {}},
            {"metadata": "x"},
            {"occurred_at": "soon"},
            {"color": "red"},
            {"retriever_id": "other"},
            {"timestamp": "2025-01-01"},
        ],
        ids=lambda change: str(change)[:50],
    )
    def test_refuses(self, api: Api, retriever: str, change: dict[str, Any]) -> None:
        body = {
            key: value for key, value in ({"documents": THREE} | change).items() if value != ...
        }
        answer = api.post(path(retriever), body)
        assert (
            answer.status_code,
            answer.json()["error"]["code"],
        ) == (422, "invalid_execution"), answer.text

    def test_unknown_key_of_a_document(self, api: Api, retriever: str) -> None:
        answer = log(api, retriever, documents=[{"document_id": "a", "color": "red"}])
        assert answer.status_code == 422, "a document's unknown key was dropped in silence"

    def test_ten_thousand_documents(self, api: Api, retriever: str) -> None:
        documents = [{"document_id": f"document-{n}", "score": 1 / (n + 1)} for n in range(10_000)]
        answer = logged(api, retriever, documents=documents)
        read = done(api.get(f"{path(retriever)}/{answer['execution_id']}"))
        assert answer == read
        assert read["documents"][-1]["position"] == 9_999


class TestSameId:
    def test_same_content_gets_the_first_answer(self, api: Api, retriever: str) -> None:
        first = logged(api, retriever, execution_id="e", inputs={"a": 1})
        api.clock.advance(seconds=1000)
        again = logged(api, retriever, execution_id="e", inputs={"a": 1})
        assert first | {"duplicate": True} == again

    @pytest.mark.parametrize(
        "change",
        [
            {"inputs": {"a": 2}},
            {"documents": THREE[:2]},
            {"documents": THREE[::-1]},
            {"user_id": "u"},
            {"occurred_at": "2025-01-01"},
            {"offset": 3},
        ],
        ids=str,
    )
    def test_other_content_is_409(self, api: Api, retriever: str, change: dict[str, Any]) -> None:
        first = logged(api, retriever, execution_id="e", inputs={"a": 1})
        answer = log(api, retriever, **({"execution_id": "e", "inputs": {"a": 1}} | change))
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "event_conflict")
        assert first == done(api.get(f"{path(retriever)}/e"))

    def test_other_retriever_is_409(self, api: Api, retriever: str) -> None:
        logged(api, retriever, execution_id="e")
        other = api.retriever("other")
        assert log(api, other, execution_id="e").status_code == 409
        assert api.get(f"{path(other)}/e").status_code == 404

    def test_one_of_many_at_the_same_moment_is_stored(self, api: Api, retriever: str) -> None:
        body = {"documents": THREE, "execution_id": "e"}
        request = Request("POST", path(retriever), body, api.keys.server)
        answers = [done(answer) for answer in api.send(*[request] * 12)]
        assert sum(answer["duplicate"] for answer in answers) == 11
        assert len({answer["timestamp"] for answer in answers}) == 1

    def test_is_unique_in_its_namespace_only(self, api: Api, retriever: str) -> None:
        logged(api, retriever, execution_id="e")
        other = api.backend.api()
        theirs = logged(other, other.retriever(), execution_id="e", inputs={"theirs": True})
        assert theirs["duplicate"] is False


class TestBatch:
    def test_answers_item_by_item(self, api: Api, retriever: str) -> None:
        items: list[Any] = [
            {"documents": THREE, "execution_id": "a"},
            {"documents": THREE},
            None,
            {"documents": THREE, "execution_id": "a"},
            {"documents": [], "execution_id": "a"},
            {"documents": THREE, "offset": -1},
            {"documents": []},
        ]
        answer = done(api.post(f"{path(retriever)}/batch", {"executions": items}))
        assert (answer["created"], answer["duplicates"], answer["failed"]) == (3, 1, 3)
        indexed = [(result["index"], result["status"]) for result in answer["results"]]
        assert indexed == [(0, "created"), (1, "created"), (3, "duplicate"), (6, "created")]
        assert [error.split(" ")[0] for error in answer["errors"]] == ["[2]", "[4]", "[5]"]
        for result in answer["results"]:
            assert done(api.get(f"{path(retriever)}/{result['execution_id']}"))

    @pytest.mark.parametrize("size", [0, 1001])
    def test_size_outside_1_to_1000_is_422_for_all(
        self, api: Api, retriever: str, size: int
    ) -> None:
        body: dict[str, Any] = {"executions": [{"documents": []}] * size}
        assert api.post(f"{path(retriever)}/batch", body).status_code == 422

    def test_a_thousand(self, api: Api, retriever: str) -> None:
        body = {"executions": [{"documents": THREE, "execution_id": f"e{n}"} for n in range(1000)]}
        first = done(api.post(f"{path(retriever)}/batch", body))
        again = done(api.post(f"{path(retriever)}/batch", body))
        assert (first["created"], first["duplicates"]) == (1000, 0)
        assert (again["created"], again["duplicates"]) == (0, 1000)


class TestJoin:
    """Interactions take their retriever and query from their execution, whichever came first."""

    def test_execution_first(self, api: Api, retriever: str) -> None:
        logged(api, retriever, execution_id="e", inputs={"query": "shoes"})
        created = api.record(execution_id="e")
        assert (retriever, {"query": "shoes"}) == (
            created["retriever_id"],
            created["query_snapshot"],
        )

    @pytest.mark.parametrize("batch", [False, True])
    def test_execution_later(self, api: Api, retriever: str, batch: bool) -> None:
        created = api.record(execution_id="e")
        other = api.record(execution_id="other")
        assert (created["retriever_id"], created["query_snapshot"]) == (None, None)
        body = {"documents": THREE, "execution_id": "e", "inputs": {"query": "shoes"}}
        if batch:
            done(api.post(f"{path(retriever)}/batch", {"executions": [body]}))
        else:
            done(api.post(path(retriever), body))
        joined = api.read(created["interaction_id"])
        expected = created | {"retriever_id": retriever, "query_snapshot": {"query": "shoes"}}
        assert expected == joined
        assert [joined] == api.list(retriever_id=retriever)["results"]
        assert [joined] == api.list(filters={"query_snapshot.query": "shoes"})["results"]
        assert other == api.read(other["interaction_id"])

    def test_keeps_what_the_interaction_said(self, api: Api, retriever: str) -> None:
        created = api.record(
            execution_id="e", retriever_id="mine", query_snapshot={"query": "my own"}
        )
        logged(api, retriever, execution_id="e", inputs={"query": "shoes"})
        assert created == api.read(created["interaction_id"])

    def test_fills_only_what_is_missing(self, api: Api, retriever: str) -> None:
        created = api.record(execution_id="e", query_snapshot={"query": "my own"})
        logged(api, retriever, execution_id="e", inputs={"query": "shoes"})
        joined = api.read(created["interaction_id"])
        assert (retriever, {"query": "my own"}) == (
            joined["retriever_id"],
            joined["query_snapshot"],
        )

    def test_user_and_session_stay_as_sent(self, api: Api, retriever: str) -> None:
        logged(api, retriever, execution_id="e", user_id="ada", session_id="s")
        created = api.record(execution_id="e")
        assert (created["user_id"], created["session_id"]) == (None, None)

    def test_never_across_namespaces(self, api: Api) -> None:
        created = api.record(execution_id="e")
        other = api.backend.api()
        logged(other, other.retriever(), execution_id="e", inputs={"query": "theirs"})
        assert created == api.read(created["interaction_id"])
        assert api.record(execution_id="e", feature_id="doc_2")["query_snapshot"] is None

    def test_deduplication_goes_on_across_the_arrival(self, api: Api, retriever: str) -> None:
        api.record(execution_id="e")
        logged(api, retriever, execution_id="e")
        assert api.record(execution_id="e")["deduplicated"] is True

    def test_a_refused_execution_joins_nothing(self, api: Api, retriever: str) -> None:
        created = api.record(execution_id="e")
        assert log(api, retriever, execution_id="e", offset=-1).status_code == 422
        assert created == api.read(created["interaction_id"])

    def test_many_interactions_at_once(self, api: Api, retriever: str) -> None:
        body = {"interactions": [click(execution_id="e", position=n) for n in range(700)]}
        done(api.post(f"{INTERACTIONS}/batch", body))
        logged(api, retriever, execution_id="e", inputs={"query": "shoes"})
        rows = api.list("page_size=1000", retriever_id=retriever)["results"]
        assert sum(row["query_snapshot"] == {"query": "shoes"} for row in rows) == 700


class TestGet:
    @pytest.mark.parametrize("name", ["nobody", "exec_" + "0" * 32, "a/b/c", "%00", "batch%2Fx"])
    def test_what_does_not_exist_is_404(self, api: Api, retriever: str, name: str) -> None:
        answer = api.get(f"{path(retriever)}/{name}")
        assert (
            answer.status_code,
            answer.json()["error"]["details"]["resource"],
        ) == (404, "execution")

    @pytest.mark.parametrize("name", ["a/b", "a b", "ü", "%", "?", "a+b", "...", "#", "'--"])
    def test_any_id_of_the_senders_can_be_read(self, api: Api, retriever: str, name: str) -> None:
        created = logged(api, retriever, execution_id=name)
        assert created == done(api.get(f"{path(retriever)}/{quote(name, safe='')}"))
