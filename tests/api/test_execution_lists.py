"""What was searched: lists, how each execution went, and ad-hoc searches."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from desirepath.domain.clock import format_time
from tests.api.client import INTERACTIONS, Api, click, done

FIND: dict[str, Any] = {
    "stage_name": "find",
    "config": {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [{"feature_uri": "text://title", "query": "{{INPUT.query}}"}],
        },
    },
}
FEW = {"stage_name": "few", "config": {"stage_id": "limit", "parameters": {"limit": 2}}}
BROKEN = {
    "stage_name": "near",
    "on_error": "skip",
    "config": {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [
                {
                    "feature_uri": "vector://nowhere",
                    "query": {"input_mode": "vector", "value": [1, 2]},
                }
            ]
        },
    },
}
LEARNED = {
    "stage_name": "find",
    "config": {
        "stage_id": "feature_search",
        "parameters": {**FIND["config"]["parameters"], "fusion": "learned"},
    },
}


@pytest.fixture
def shop(api: Api) -> Api:
    """Give a namespace with three shoes and a retriever of two stages."""
    documents = [
        {"document_id": f"shoe_{n}", "payload": {"title": f"Red shoe {n}"}} for n in range(3)
    ]
    path = f"/v1/namespaces/{api.namespace.name}/documents/upsert"
    done(api.post(path, {"documents": documents}))
    done(api.post("/v1/retrievers", {"retriever_name": "shop", "stages": [FIND, FEW]}))
    return api


def search(api: Api, query: str = "red", retriever: str = "shop", **body: Any) -> dict[str, Any]:
    path = f"/v1/retrievers/{retriever}/execute"
    return done(api.post(path, {"inputs": {"query": query}, **body}))


def listed(
    api: Api, query: str = "", retriever: str = "shop", **body: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    answer = done(api.post(f"/v1/retrievers/{retriever}/executions/list?{query}", body))
    return answer["results"], answer["pagination"]


class TestList:
    def test_a_search_of_ours(self, shop: Api) -> None:
        served = search(shop, user_id="ada", session_id="s", metadata={"device": "phone"})
        (row,), pagination = listed(shop)
        now = format_time(shop.clock.now())
        assert row == {
            "execution_id": served["execution_id"],
            "status": "completed",
            "created_at": now,
            "completed_at": now,
            "duration_ms": served["stage_statistics"]["total_time_ms"],
            "credits_used": 0.0,
            "total_processed": 6,
            "total_returned": 2,
            "cache_hit_rate": None,
            "inputs_hash": row["inputs_hash"],
            "query_summary": "red",
            "trace_id": None,
            "inputs": {"query": "red"},
            "user_id": "ada",
            "session_id": "s",
            "configuration": None,
            "metadata": {"device": "phone"},
            "parent_execution_id": None,
            "offset": 0,
            "total": 2,
            "timestamp": row["timestamp"],
        }
        assert pagination == {
            "total": 1,
            "limit": 50,
            "offset": 0,
            "has_next": False,
            "next_cursor": None,
        }

    def test_a_search_of_another_engine(self, shop: Api) -> None:
        made = shop.execution("shop", "a", "b", "c", inputs={"keywords": "x" * 300})
        (row,), _ = listed(shop)
        assert (row["execution_id"], row["status"]) == (made["execution_id"], "completed")
        assert (row["duration_ms"], row["total_processed"], row["total_returned"]) == (0.0, 3, 3)
        assert row["query_summary"].startswith('{"keywords":"xxx')
        assert len(row["query_summary"]) == 200

    def test_the_same_inputs_have_the_same_hash(self, shop: Api) -> None:
        shop.execution("shop", inputs={"a": 1, "b": [2]})
        shop.execution("shop", inputs={"b": [2], "a": 1})
        shop.execution("shop", inputs={"a": 2, "b": [2]})
        shop.execution("shop")
        hashes = [row["inputs_hash"] for row in listed(shop)[0]]
        assert hashes[0] is None
        assert hashes[1] != hashes[2] == hashes[3]

    def test_only_those_of_the_retriever(self, shop: Api) -> None:
        shop.retriever("other")
        shop.execution("other", "a")
        search(shop)
        other = shop.backend.api()
        other.retriever("shop")
        other.execution("shop", "a")
        assert [len(listed(api)[0]) for api in (shop, other)] == [1, 1]
        answer = shop.get("/v1/retrievers/nobody/executions")
        assert answer.json()["error"]["details"]["resource"] == "retriever"

    @pytest.mark.parametrize("start", ["cursor", "page", "offset"])
    def test_pages(self, shop: Api, start: str) -> None:
        for n in range(7):
            shop.execution("shop", execution_id=f"e{n}")
        seen: list[str] = []
        query = "page_size=3"
        for number in range(3):
            rows, pagination = listed(shop, query)
            seen += [row["execution_id"] for row in rows]
            assert (pagination["limit"], pagination["offset"]) == (3, 3 * number)
            assert pagination["has_next"] is (number < 2)
            following = {
                "cursor": f"cursor={quote(pagination['next_cursor'] or '')}",
                "page": f"page={number + 2}",
                "offset": f"offset={3 * number + 3}",
            }
            query = f"limit=3&{following[start]}"
            if start == "cursor" and number == 0:
                shop.execution("shop", execution_id="meanwhile")
        assert seen == [f"e{n}" for n in range(6, -1, -1)]

    def test_get_is_the_same_without_conditions(self, shop: Api) -> None:
        shop.execution("shop", execution_id="a")
        shop.execution("shop", execution_id="b")
        answer = done(shop.get("/v1/retrievers/shop/executions?limit=1&page=2"))
        assert [row["execution_id"] for row in answer["results"]] == ["a"]
        assert answer["pagination"]["total"] == 2

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"user_id": "ada"}, "ac"),
            ({"user_id": {"ne": "ada"}}, "bd"),
            ({"inputs.query": {"contains": "SHOE"}}, "ab"),
            ({"metadata.device": "phone"}, "c"),
            ({"total_returned": {"gte": 1}}, "cd"),
            ({"total": {"is_null": True}}, "abd"),
            ({"occurred_at": {"lt": "2025-06-01"}}, "a"),
            ({"created_at": {"gte": "2025-06-01"}}, "bcd"),
            ({"OR": [{"execution_id": "a"}, {"configuration": "new"}]}, "ab"),
            ({"status": "completed"}, "abcd"),
            ({"status": "failed"}, ""),
            ({"duration_ms": {"exists": True}}, ""),
            ({"live": False}, "a"),
            ({"inputs.query": {"regex": "^hat"}}, "c"),
        ],
        ids=str,
    )
    def test_filters(self, shop: Api, filters: dict[str, Any], expected: str) -> None:
        shoe = {"inputs": {"query": "red shoe"}}
        shop.execution("shop", execution_id="a", user_id="ada", occurred_at="2025-01-01", **shoe)
        shop.execution("shop", execution_id="b", user_id="bo", configuration="new", **shoe)
        more = {"metadata": {"device": "phone"}, "inputs": {"query": "hat"}, "total": 9}
        shop.execution("shop", "d1", execution_id="c", user_id="ada", **more)
        shop.execution("shop", "d1", "d2", execution_id="d")
        rows, pagination = listed(shop, filters=filters)
        assert "".join(sorted(row["execution_id"] for row in rows)) == expected
        assert pagination["total"] == len(expected)

    def test_sorts(self, shop: Api) -> None:
        for id, total, user in (("a", 2, "x"), ("b", 1, "y"), ("c", 2, "y"), ("d", None, "x")):
            extra = {} if total is None else {"total": total}
            shop.execution("shop", execution_id=id, user_id=user, **extra)

        def ids(*sorts: tuple[str, str], query: str = "") -> str:
            body = [{"field": field, "direction": direction} for field, direction in sorts]
            return "".join(row["execution_id"] for row in listed(shop, query, sorts=body)[0])

        assert ids() == ids(("timestamp", "desc")) == "dcba"
        assert ids(("timestamp", "asc")) == "abcd"
        assert ids(("total", "asc"), ("execution_id", "asc")) == "bacd"
        assert ids(("user_id", "desc"), ("execution_id", "desc")) == "cbda"
        assert ids(("total", "asc"), ("execution_id", "asc"), query="limit=2&page=2") == "cd"

    def test_skipped_stages_degrade(self, shop: Api) -> None:
        body = {"retriever_name": "half", "stages": [FIND, BROKEN]}
        done(shop.post("/v1/retrievers", body))
        degraded = search(shop, retriever="half")
        shop.execution("half", "a")
        rows, _ = listed(shop, retriever="half", status="degraded")
        assert [row["execution_id"] for row in rows] == [degraded["execution_id"]]
        assert len(listed(shop, retriever="half", status="completed")[0]) == 1

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"filters": {"color": "red"}}, 422),
            ({"filters": []}, 422),
            ({"sorts": [{"field": "documents"}]}, 422),
            ({"sorts": [{"field": "total", "direction": "up"}]}, 422),
            ({"sorts": {"field": "total"}}, 422),
            ({"search": "x"}, 422),
            ([], 422),
        ],
        ids=str,
    )
    def test_refuses(self, shop: Api, body: Any, status: int) -> None:
        answer = shop.post("/v1/retrievers/shop/executions/list", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, "invalid_filter")

    def test_a_cursor_of_another_list_is_refused(self, shop: Api) -> None:
        for _ in range(2):
            shop.execution("shop", "a")
        cursor = quote(listed(shop, "limit=1")[1]["next_cursor"])
        shop.retriever("other")
        path = f"/v1/retrievers/other/executions/list?cursor={cursor}"
        assert shop.post(path, {}).json()["error"]["code"] == "invalid_cursor"
        path = f"/v1/retrievers/shop/executions/list?cursor={cursor}"
        answer = shop.post(path, {"filters": {"total": 1}})
        assert answer.json()["error"]["code"] == "invalid_cursor"


class TestOne:
    def test_detail_of_a_search_of_ours(self, shop: Api) -> None:
        served = search(shop)
        path = f"/v1/retrievers/shop/executions/{served['execution_id']}"
        read = done(shop.get(path))
        assert read["stage_statistics"] == served["stage_statistics"]
        assert read["budget"] == served["budget"]
        assert (read["stages_completed"], read["total_stages"]) == (2, 2)
        assert [one["document_id"] for one in read["documents"]] == [
            one["document_id"] for one in served["documents"]
        ]

    def test_a_further_page_names_its_first(self, shop: Api) -> None:
        first = search(shop, limit=1)
        second = search(shop, pagination={"cursor": first["pagination"]["next_cursor"]})
        path = f"/v1/retrievers/shop/executions/{second['execution_id']}"
        assert done(shop.get(path))["parent_execution_id"] == first["execution_id"]

    def test_status(self, shop: Api) -> None:
        served = search(shop)
        answer = done(shop.get(f"/v1/retrievers/shop/executions/{served['execution_id']}/status"))
        now = format_time(shop.clock.now())
        assert answer == {
            "execution_id": served["execution_id"],
            "retriever_id": served["retriever_id"],
            "status": "completed",
            "created_at": now,
            "completed_at": now,
            "current_stage": None,
            "stages_completed": 2,
            "total_stages": 2,
            "duration_ms": served["stage_statistics"]["total_time_ms"],
            "total_returned": 2,
            "warnings": [],
        }

    def test_profile(self, shop: Api) -> None:
        body = {"retriever_name": "half", "stages": [FIND, BROKEN, FEW]}
        done(shop.post("/v1/retrievers", body))
        served = search(shop, retriever="half")
        path = f"/v1/retrievers/half/executions/{served['execution_id']}/profile"
        answer = done(shop.get(path))
        assert answer["status"] == "degraded"
        assert answer["warnings"] == served["warnings"]
        assert [
            (stage["stage_name"], stage["input_count"], stage["output_count"], bool(stage["error"]))
            for stage in answer["stages"]
        ] == [("find", 0, 3, False), ("near", 3, 3, True), ("few", 3, 2, False)]
        assert answer["fusion"]["strategy"] == "rrf"
        assert answer["fusion"]["weights"] == {"text://title": 1.0}

    def test_profile_of_another_engine_is_404(self, shop: Api) -> None:
        made = shop.execution("shop", "a")
        answer = shop.get(f"/v1/retrievers/shop/executions/{made['execution_id']}/profile")
        assert answer.status_code == 404
        assert answer.json()["error"]["details"]["resource"] == "execution profile"

    @pytest.mark.parametrize("part", ["status", "profile"])
    def test_unknown_is_404(self, shop: Api, part: str) -> None:
        for path in (f"shop/executions/nobody/{part}", f"nobody/executions/e/{part}"):
            assert shop.get(f"/v1/retrievers/{path}").status_code == 404

    @pytest.mark.parametrize("id", ["a/b", "status", "a?b", "list"])
    def test_any_id_has_a_status(self, shop: Api, id: str) -> None:
        shop.execution("shop", "a", execution_id=id)
        path = f"/v1/retrievers/shop/executions/{quote(id, safe='')}/status"
        assert done(shop.get(path))["execution_id"] == id


def adhoc(api: Api, *stages: dict[str, Any], **body: Any) -> httpx.Response:
    body = {"inputs": {"query": "red"}, **body, "stages": list(stages or (FIND, FEW))}
    return api.post("/v1/retrievers/execute", body)


class TestAdhoc:
    def test_answers_and_logs_as_any_search(self, shop: Api) -> None:
        answer = adhoc(shop, user_id="ada", metadata={"device": "phone"})
        assert answer.headers["X-Execution-Mode"] == "adhoc"
        served = done(answer)
        assert served["retriever_id"] == "ret_adhoc"
        expected = search(shop)
        assert served["documents"] == expected["documents"]
        read = done(shop.get(f"/v1/retrievers/executions/{served['execution_id']}"))
        assert (read["execution_mode"], read["query_summary"]) == ("adhoc", "red")
        assert (read["inputs"], read["total_returned"]) == ('{"query":"red"}', 2)
        listing = done(shop.post("/v1/retrievers/executions/list", {}))
        assert listing["results"] == [read]
        assert (listing["total"], listing["pagination"]["total"]) == (1, 1)

    def test_a_click_on_it_joins_it(self, shop: Api) -> None:
        served = done(adhoc(shop))
        clicked = done(
            shop.post(INTERACTIONS, click(execution_id=served["execution_id"], feature_id="shoe_0"))
        )
        assert clicked["retriever_id"] == "ret_adhoc"
        assert clicked["query_snapshot"] == {"query": "red"}

    def test_learned_fusion_is_rrf_and_says_so(self, shop: Api) -> None:
        served = done(adhoc(shop, LEARNED))
        assert served["learned_fusion_context"] is None
        assert any("rrf" in warning for warning in served["warnings"])
        done(
            shop.post(INTERACTIONS, click(execution_id=served["execution_id"], feature_id="shoe_0"))
        )
        with shop.engine.storage.read() as session:
            assert session.learned.features(shop.namespace.number, "ret_adhoc") == {}

    def test_pages(self, shop: Api) -> None:
        first = done(adhoc(shop, FIND, limit=2))
        cursor = first["pagination"]["next_cursor"]
        second = done(adhoc(shop, FIND, pagination={"cursor": cursor}))
        shown = [one["document_id"] for one in first["documents"] + second["documents"]]
        assert sorted(shown) == ["shoe_0", "shoe_1", "shoe_2"]
        assert second["documents"][0]["position"] == 2

    def test_pre_filters_are_filters(self, shop: Api) -> None:
        only = {"title": "Red shoe 1"}
        assert [
            done(adhoc(shop, **{name: only}))["documents"][0]["document_id"]
            for name in ("filters", "pre_filters")
        ] == ["shoe_1", "shoe_1"]
        assert adhoc(shop, filters=only, pre_filters={"title": "x"}).status_code == 422

    def test_an_input_schema_is_checked(self, shop: Api) -> None:
        schema = {"query": {"type": "string", "required": True}}
        assert adhoc(shop, input_schema=schema).status_code == 200
        answer = adhoc(shop, input_schema=schema, inputs={})
        assert answer.json()["error"]["code"] == "missing_input"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "invalid_search"),
            ({"stages": []}, "invalid_search"),
            (
                {"stages": [{"stage_name": "x", "config": {"stage_id": "nope"}}]},
                "invalid_retriever",
            ),
            ({"stages": [FIND], "color": "red"}, "invalid_search"),
            ({"stages": [FIND], "limit": 0}, "invalid_search"),
            ({"stages": [FIND], "stream": True}, "invalid_search"),
            ({"stages": [FIND]}, "missing_input"),
            ([], "invalid_search"),
        ],
        ids=str,
    )
    def test_refuses(self, shop: Api, body: Any, code: str) -> None:
        answer = shop.post("/v1/retrievers/execute", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)

    def test_list_by_status_and_time(self, shop: Api) -> None:
        done(adhoc(shop))
        shop.clock.advance(seconds=3600)
        now = format_time(shop.clock.now())
        done(adhoc(shop, FIND, BROKEN))

        def total(**body: Any) -> int:
            answer = done(shop.post("/v1/retrievers/executions/list", body))
            assert len(answer["results"]) == (0 if body.get("count_only") else answer["total"])
            return int(answer["total"])

        assert total() == 2
        assert total(status="degraded") == 1
        assert total(start_time=now) == 1
        assert total(end_time=now) == 1
        assert total(count_only=True) == 2
        answer = shop.post("/v1/retrievers/executions/list", {"start_time": "soon"})
        assert answer.json()["error"]["code"] == "invalid_filter"

    def test_those_of_a_retriever_are_not_among_them(self, shop: Api) -> None:
        served = search(shop)
        assert shop.get(f"/v1/retrievers/executions/{served['execution_id']}").status_code == 404
        mine = done(adhoc(shop))
        path = f"/v1/retrievers/shop/executions/{mine['execution_id']}"
        assert shop.get(path).status_code == 404
