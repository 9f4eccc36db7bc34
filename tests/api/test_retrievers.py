"""Retrievers: names, lists, and what goes with one when it is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.retriever import ROUTE_WORDS, RetrieverDraft
from desirepath.testing.examples import new_id
from tests.api.client import INTERACTIONS, Api, click, done

PATH = "/v1/retrievers"
STAGE = {
    "stage_name": "search",
    "stage_type": "filter",
    "config": {"stage_id": "feature_search", "parameters": {"final_top_k": 25}},
}
FULL: dict[str, Any] = {
    "retriever_name": "Product search",
    "description": "Finds products.",
    "stages": [STAGE],
    "collection_identifiers": ["products", "col_2"],
    "input_schema": {"query": {"type": "string", "required": True}},
    "budget_limits": {"max_credits": 10, "max_time_ms": 100},
    "tags": ["live", "eu"],
    "metadata": {"owner": "ada"},
    "display_config": {"title": "Products"},
}


def create(api: Api, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.post(PATH, body)
    assert status == answer.status_code, answer.text
    result = answer.json()
    assert isinstance(result, dict)
    return result


class TestCreate:
    def test_answer_has_exactly_the_documented_fields(self, api: Api) -> None:
        answer = create(api, **FULL)
        optional = ("batch_size", "description", "on_error", "output_alias")
        assert answer == FULL | {
            "stages": [STAGE | {"parameters": {"final_top_k": 25}} | dict.fromkeys(optional)],
            "retriever_id": answer["retriever_id"],
            "collection_ids": FULL["collection_identifiers"],
            "feature_dependencies": [],
            "version": 1,
            "created_at": answer["created_at"],
            "updated_at": answer["created_at"],
            "created_by": None,
            "updated_by": None,
            "fusion": "rrf",
            "experiment": None,
        }
        assert answer["retriever_id"].startswith("ret_")

    def test_a_name_is_enough(self, api: Api) -> None:
        answer = create(api, retriever_name="x")
        assert (
            answer["stages"],
            answer["tags"],
            answer["metadata"],
            answer["input_schema"],
            answer["description"],
        ) == ([], [], {}, {}, None)

    def test_collection_ids_is_another_name(self, api: Api) -> None:
        answer = create(api, retriever_name="x", collection_ids=["a"])
        assert ["a"] == answer["collection_identifiers"] == answer["collection_ids"]

    def test_get_by_id_and_by_name(self, api: Api) -> None:
        created = create(api, **FULL)
        read = created | {"is_published": False, "marketplace_listing_id": None}
        assert read == done(api.get(f"{PATH}/{created['retriever_id']}"))
        assert read == done(api.get(f"{PATH}/Product%20search"))

    def test_other_spellings_of_stages_and_schema(self, api: Api) -> None:
        answer = create(
            api,
            retriever_name="x",
            stages=[
                {"type": "feature_search", "query": "{{INPUT.query}}", "limit": 5},
                {"stage_name": "limit", "parameters": {"limit": 3}},
            ],
            input_schema={"properties": {"query": {"type": "text"}}, "required": ["query"]},
        )
        assert [stage["stage_type"] for stage in answer["stages"]] == ["filter", "filter"]
        assert [stage["config"]["stage_id"] for stage in answer["stages"]] == [
            "feature_search",
            "limit",
        ]
        assert answer["stages"][1]["parameters"] == {"limit": 3}
        assert answer["input_schema"] == {"query": {"type": "text", "required": True}}
        assert (
            create(api, retriever_name="again", stages=answer["stages"])["stages"]
            == (answer["stages"])
        )

    def test_a_refused_stage_says_where(self, api: Api) -> None:
        stage = {"stage_name": "x", "config": {"stage_id": "llm_filter"}}
        error = create(api, 422, retriever_name="x", stages=[STAGE, stage])["error"]
        (entry,) = error["details"]["validation_errors"]
        assert entry["location"] == ["body", "stages", 1, "config", "stage_id"]
        assert "feature_search" in error["message"]

    def test_stages_of_a_version_that_took_anything_can_be_read(self, api: Api) -> None:
        draft = RetrieverDraft(retriever_name="old", stages=[{"stage": 1}, {}])
        with api.engine.storage.write() as session:
            catalog = session.catalog
            catalog.create_retriever(api.namespace.number, new_id(), draft, session.now())
        answer = done(api.get(f"{PATH}/old"))
        assert [stage["parameters"] for stage in answer["stages"]] == [{}, {}]
        assert answer["fusion"] is None
        assert done(api.post(f"{PATH}/list"))["results"] == [answer]
        assert api.post(f"{PATH}/old/explain").status_code == 422
        changed = done(api.call("PATCH", f"{PATH}/old", {"stages": [STAGE]}))
        assert changed["retriever"]["fusion"] == "rrf"

    @pytest.mark.parametrize("word", sorted(ROUTE_WORDS))
    def test_route_words_are_no_names(self, api: Api, word: str) -> None:
        assert create(api, 422, retriever_name=word)["error"]["code"] == "invalid_retriever"

    def test_every_word_of_the_routes_is_refused(self, api: Api) -> None:
        """A name that a path under /v1/retrievers hides could be created and never be read."""
        paths = done(api.get("/openapi.json"))["paths"]
        words = {p.split("/")[3] for p in paths if p.startswith(f"{PATH}/")}
        assert {word for word in words if not word.startswith("{")} <= ROUTE_WORDS

    @pytest.mark.parametrize(
        "name", ["", " ", "ret_1", "ret_", "a/b", "x" * 257, "\x00", "é" * 129, None, 1, ["x"]]
    )
    def test_names_that_cannot_be_used(self, api: Api, name: object) -> None:
        create(api, 422, retriever_name=name)

    @pytest.mark.parametrize("name", ["Interactions", "List", "x" * 256, "é", "a b", "..", "%"])
    def test_names_that_can(self, api: Api, name: str) -> None:
        assert name == create(api, retriever_name=name)["retriever_name"]

    def test_a_taken_name_is_409(self, api: Api) -> None:
        create(api, retriever_name="x")
        error = create(api, 409, retriever_name="x", description="other")["error"]
        assert (error["type"], error["code"]) == ("AlreadyExistsError", "already_exists")
        create(api, retriever_name="X")

    def test_names_belong_to_their_namespace(self, api: Api) -> None:
        create(api, retriever_name="x")
        create(api.backend.api(), retriever_name="x")

    @pytest.mark.parametrize(
        "change",
        [
            {"retriever_name": ...},
            {"stages": {}},
            {"stages": [1]},
            {"stages": [{}] * 51},
            {"tags": "live"},
            {"tags": [1]},
            {"metadata": []},
            {"description": 1},
            {"collection_identifiers": "x"},
            {"stages": [{}]},
            {"input_schema": {"q": {"type": "varchar"}}},
            {"budget_limits": {"max_time_ms": -1}},
            {"visibility": "public"},
            {"color": "red"},
            {"retriever_id": "ret_1"},
            {"version": 7},
        ],
        ids=str,
    )
    def test_refuses(self, api: Api, change: dict[str, Any]) -> None:
        body = {"retriever_name": "x"} | change
        answer = api.post(PATH, {key: value for key, value in body.items() if value != ...})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_retriever")

    def test_lenient_ignores_unknown_keys(self, api: Api) -> None:
        assert create(api.under(unknown_keys="lenient"), retriever_name="x", color="red")


class TestList:
    @pytest.fixture
    def five(self, api: Api) -> Api:
        for name, fields in (
            ("Red shoes", {"tags": ["live", "eu"], "stages": [STAGE]}),
            ("blue shoes", {"tags": ["live"], "metadata": {"owner": "ada", "rank": 2}}),
            ("hats", {"description": "Finds hats.", "metadata": {"rank": 1}}),
            ("100% wool", {"collection_identifiers": ["c1", "c2"]}),
            ("coats", {"tags": ["winter"], "collection_identifiers": ["c1"]}),
        ):
            api.clock.advance(seconds=1)
            create(api, retriever_name=name, **fields)
        return api

    def names(self, api: Api, query: str = "", body: object = None) -> list[str]:
        answer = done(api.post(f"{PATH}/list?{query}", body))
        return [row["retriever_name"] for row in answer["results"]]

    def test_oldest_first_in_the_documented_shape(self, five: Api) -> None:
        answer = done(five.post(f"{PATH}/list"))
        assert set(answer) == {"results", "total", "pagination", "warnings"}
        assert (answer["total"], answer["warnings"]) == (5, [])
        expected = ["Red shoes", "blue shoes", "hats", "100% wool", "coats"]
        assert expected == [row["retriever_name"] for row in answer["results"]]
        assert answer == done(five.get(PATH))

    def test_rows_are_what_get_answers(self, five: Api) -> None:
        row = done(five.post(f"{PATH}/list"))["results"][0]
        assert row == done(five.get(f"{PATH}/{row['retriever_id']}"))

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"search": "shoes"}, ["Red shoes", "blue shoes"]),
            ({"search": "*SHOES*"}, ["Red shoes", "blue shoes"]),
            ({"search": "red", "case_sensitive": True}, []),
            ({"search": "Red", "case_sensitive": True}, ["Red shoes"]),
            ({"search": "%"}, ["100% wool"]),
            ({"search": "r*shoes"}, ["Red shoes"]),
            ({"search": "*"}, ["Red shoes", "blue shoes", "hats", "100% wool", "coats"]),
            ({"search": "ret_"}, ["Red shoes", "blue shoes", "hats", "100% wool", "coats"]),
            ({"search": "winter"}, ["coats"]),
            ({"search": "Finds hats"}, ["hats"]),
            ({"search": ""}, ["Red shoes", "blue shoes", "hats", "100% wool", "coats"]),
            ({"search": "nothing"}, []),
        ],
        ids=str,
    )
    def test_search(self, five: Api, body: dict[str, Any], expected: list[str]) -> None:
        assert expected == self.names(five, body=body)

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, ["Red shoes", "blue shoes", "hats", "100% wool", "coats"]),
            ({"retriever_name": "hats"}, ["hats"]),
            ({"tags": {"$in": ["live"]}}, ["Red shoes", "blue shoes"]),
            ({"collection_ids": {"$in": ["c2", "c9"]}}, ["100% wool"]),
            ({"collection_identifiers": "c1", "tags": "winter"}, ["coats"]),
            ({"metadata.owner": "ada"}, ["blue shoes"]),
            ({"fusion": "rrf"}, ["Red shoes"]),
            ({"stages.config.stage_id": "feature_search"}, ["Red shoes"]),
            ({"retriever_name": {"contains": "SHOES"}}, ["Red shoes", "blue shoes"]),
            ({"version": {"gt": 1}}, []),
            ({"created_at": {"gt": "2000-01-01"}, "description": {"exists": True}}, ["hats"]),
            (
                {"OR": [{"metadata.rank": 1}, {"field": "tags", "operator": "eq", "value": "eu"}]},
                ["Red shoes", "hats"],
            ),
        ],
        ids=str,
    )
    def test_filters(self, five: Api, filters: dict[str, Any], expected: list[str]) -> None:
        assert expected == self.names(five, body={"filters": filters})

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (
                {"sort": {"field": "retriever_name"}},
                "100% wool, Red shoes, blue shoes, coats, hats",
            ),
            (
                {"sort": {"field": "created_at", "direction": "desc"}},
                "coats, 100% wool, hats, blue shoes, Red shoes",
            ),
            (
                {"sorts": [{"field": "metadata.rank", "direction": "asc"}]},
                "hats, blue shoes, Red shoes, 100% wool, coats",
            ),
            (
                {"sorts": [{"field": "metadata.rank", "direction": "desc"}]},
                "blue shoes, hats, Red shoes, 100% wool, coats",
            ),
            (
                {
                    "sorts": [
                        {"field": "version"},
                        {"field": "retriever_name", "direction": "desc"},
                    ]
                },
                "hats, coats, blue shoes, Red shoes, 100% wool",
            ),
        ],
        ids=str,
    )
    def test_sorts(self, five: Api, body: dict[str, Any], expected: str) -> None:
        assert expected == ", ".join(self.names(five, body=body))

    def test_pages(self, five: Api) -> None:
        assert self.names(five, "page_size=2") == ["Red shoes", "blue shoes"]
        assert self.names(five, "page_size=2&page=3") == ["coats"]
        assert self.names(five, "limit=1&offset=3") == ["100% wool"]
        pagination = done(five.post(f"{PATH}/list?page_size=2&page=2&include_total=true"))
        assert tuple(
            pagination["pagination"][name] for name in ("total", "total_pages", "page")
        ) == (5, 3, 2)

    def test_the_end_can_be_told(self, five: Api) -> None:
        """Somebody who follows next_page sees every retriever."""
        seen, link = [], f"{PATH}/list?page_size=2"
        for _ in range(5):
            answer = done(five.post(link))
            seen += [row["retriever_name"] for row in answer["results"]]
            link = answer["pagination"]["next_page"]
            if link is None:
                break
        assert len(seen) == 5

    @pytest.mark.parametrize("query", ["limit=0", "page_size=1001", "page=0", "offset=-1"])
    def test_numbers_out_of_range_are_400(self, five: Api, query: str) -> None:
        assert five.post(f"{PATH}/list?{query}").status_code == 400
        assert five.get(f"{PATH}?{query}").status_code == 400

    @pytest.mark.parametrize(
        "body",
        [[], [1], "x", 1, {"search": 1}, {"search": []}, {"color": 1}, {"sorts": {}}],
        ids=str,
    )
    def test_refuses(self, five: Api, body: object) -> None:
        answer = five.post(f"{PATH}/list", body)
        assert answer.status_code == 422, answer.text

    @pytest.mark.parametrize(
        "body",
        [
            {"filters": {"color": 1}},
            {"filters": {"tags": {"$in": 1}}},
            {"filters": []},
            {"sort": {"field": "color"}},
            {"sort": {"field": "version", "direction": "down"}},
            {"sorts": [{"direction": "asc"}]},
        ],
        ids=str,
    )
    def test_refuses_filters_and_sorts(self, five: Api, body: dict[str, Any]) -> None:
        answer = five.post(f"{PATH}/list", body)
        assert answer.status_code == 422, answer.text

    def test_an_empty_namespace(self, api: Api) -> None:
        assert (self.names(api), done(api.get(PATH))["total"]) == ([], 0)


class TestDelete:
    def test_takes_executions_and_interactions_with_it(self, api: Api) -> None:
        doomed, kept = api.retriever("doomed"), api.retriever("kept")
        for retriever, execution in ((doomed, "e1"), (kept, "e2")):
            api.execution(retriever, "doc_1", execution_id=execution)
        gone = [
            api.record(execution_id="e1"),
            api.record(execution_id="e1", retriever_id=doomed, feature_id="doc_2"),
            api.record(retriever_id=doomed, event_id="event-1"),
        ]
        stays = [api.record(execution_id="e2"), api.record(), api.record(retriever_id=kept)]
        assert done(api.delete(f"{PATH}/{doomed}")) == {"success": True, "retriever_id": doomed}
        for row in gone:
            assert api.get(f"{INTERACTIONS}/{row['interaction_id']}").status_code == 404
        assert stays[::-1] == api.list()["results"]
        assert api.get(f"{PATH}/{doomed}").status_code == 404
        assert api.get(f"{PATH}/{doomed}/executions/e1").status_code == 404
        assert done(api.get(f"{PATH}/{kept}/executions/e2"))["execution_id"] == "e2"
        assert [row["retriever_name"] for row in done(api.get(PATH))["results"]] == ["kept"]

    def test_frees_its_name_and_every_id_in_it(self, api: Api) -> None:
        first = api.retriever("x")
        api.execution(first, "doc_1", execution_id="e")
        api.record(execution_id="e", event_id="event-1")
        done(api.delete(f"{PATH}/x"))
        second = api.retriever("x")
        assert first != second
        assert api.execution(second, "doc_2", execution_id="e")["duplicate"] is False
        again = api.record(execution_id="e", event_id="event-1", feature_id="doc_2")
        assert again["deduplicated"] is False

    def test_takes_interactions_that_named_it_by_name(self, api: Api) -> None:
        api.retriever("products")
        row = api.record(retriever_id="products")
        done(api.delete(f"{PATH}/products"))
        assert api.get(f"{INTERACTIONS}/{row['interaction_id']}").status_code == 404

    def test_more_rows_than_fit_in_one_transaction(self, api: Api) -> None:
        doomed = api.retriever()
        for _ in range(3):
            body = {"interactions": [click(retriever_id=doomed)] * 1000}
            done(api.post(f"{INTERACTIONS}/batch", body))
        done(api.delete(f"{PATH}/{doomed}"))
        assert api.list("include_total=true")["pagination"]["total"] == 0

    @pytest.mark.parametrize("name", ["nobody", "ret_" + "0" * 32, "ret_x", "%00", "%F0%9F%98%80"])
    def test_what_does_not_exist_is_404(self, api: Api, name: str) -> None:
        for method in ("GET", "DELETE"):
            answer = api.call(method, f"{PATH}/{name}")
            assert (
                answer.status_code,
                answer.json()["error"]["details"]["resource"],
            ) == (404, "retriever")

    def test_twice_is_404(self, api: Api) -> None:
        retriever = api.retriever()
        assert [api.delete(f"{PATH}/{retriever}").status_code for _ in range(2)] == [200, 404]
