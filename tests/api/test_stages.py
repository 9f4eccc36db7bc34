"""Which stages there are, what those of a retriever would do, and typeahead."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.testing.examples import a_document
from tests.api.client import Api, done

PATH = "/v1/retrievers"
STAGES: list[dict[str, Any]] = [
    {
        "stage_name": "search",
        "stage_id": "feature_search",
        "parameters": {
            "searches": [
                {"feature_uri": "text://title", "query": "{{INPUT.query}}", "top_k": 100},
                {"feature_uri": "text://brand", "query": "{{INPUT.query}}", "top_k": 50},
            ],
            "final_top_k": 40,
        },
    },
    {
        "stage_name": "brand",
        "stage_id": "attribute_filter",
        "parameters": {"field": "brand", "value": "{{INPUT.brand}}"},
    },
    {"stage_name": "few", "stage_id": "limit", "parameters": {"limit": 5}},
]


def fill(api: Api, *titles: str, **payload: Any) -> None:
    """Store a document for each title."""
    documents = [
        a_document(document_id=f"doc_{n:04}", payload={"title": title, **payload})
        for n, title in enumerate(titles)
    ]
    with api.engine.storage.write() as session:
        session.documents.upsert(api.namespace.number, documents)


class TestDiscovery:
    def test_every_kind_can_be_made_from_its_example(self, api: Api) -> None:
        kinds = api.get(f"{PATH}/stages").json()
        assert [kind["stage_id"] for kind in kinds] == list(STAGE_KINDS)
        for kind in kinds:
            assert set(kind) == {
                "stage_id",
                "description",
                "category",
                "icon",
                "parameter_schema",
                "example_config",
                "common_use_cases",
                "cost_tier",
                "requires_collections",
            }
            made = done(
                api.post(
                    PATH, {"retriever_name": kind["stage_id"], "stages": [kind["example_config"]]}
                )
            )
            assert made["stages"][0]["stage_type"] == kind["category"]

    def test_schemas_know_every_parameter(self, api: Api) -> None:
        for kind in api.get(f"{PATH}/stages").json():
            schema = kind["parameter_schema"]
            parameters = kind["example_config"]["config"]["parameters"]
            assert set(parameters) <= set(schema["properties"])
            assert all("description" in field for field in schema["properties"].values())

    @pytest.mark.parametrize(
        ("category", "n"), [("filter", 4), ("sort", 5), ("reduce", 0), ("apply", 0), ("enrich", 0)]
    )
    def test_category(self, api: Api, category: str, n: int) -> None:
        kinds = api.get(f"{PATH}/stages?category={category}").json()
        assert [kind["category"] for kind in kinds] == [category] * n

    def test_an_unknown_category_is_400(self, api: Api) -> None:
        assert api.get(f"{PATH}/stages?category=magic").status_code == 400


class TestExplain:
    @pytest.fixture
    def shop(self, api: Api) -> str:
        fill(api, *(f"shoe {n}" for n in range(30)))
        answer = done(api.post(PATH, {"retriever_name": "shop", "stages": STAGES}))
        return str(answer["retriever_id"])

    def explain(self, api: Api, name: str, **body: Any) -> dict[str, Any]:
        answer = done(api.post(f"{PATH}/{name}/execute/explain", body))
        assert answer == done(api.post(f"{PATH}/{name}/explain", body))
        return answer

    def test_follows_documents_through_the_stages(self, api: Api, shop: str) -> None:
        plan = self.explain(api, "shop")
        assert (plan["retriever_id"], plan["retriever_name"]) == (shop, "shop")
        assert plan["total_estimated_stages"] == 3
        flow = [
            (stage["stage_name"], stage["estimated_input"], stage["estimated_output"])
            for stage in plan["execution_plan"]
        ]
        assert flow == [("search", 30, 30), ("brand", 30, 15), ("few", 15, 5)]
        assert [stage["stage_index"] for stage in plan["execution_plan"]] == [0, 1, 2]
        assert [stage["stage_type"] for stage in plan["execution_plan"]] == ["filter"] * 3
        assert plan["execution_plan"][1]["estimated_efficiency"] == 0.5
        assert plan["bottleneck_stages"] == ["search"]
        total = sum(stage["estimated_duration_ms"] for stage in plan["execution_plan"])
        assert plan["estimated_cost"] == {
            "total_credits": 0,
            "total_duration_ms": pytest.approx(total),
        }
        assert (plan["optimization_applied"], plan["optimization_details"]) == (False, None)
        assert "nothing was searched" in plan["note"]

    @pytest.mark.usefixtures("shop")
    def test_names_inputs_that_are_missing(self, api: Api) -> None:
        plan = self.explain(api, "shop", inputs={"query": "shoes"})
        warnings = [stage["warnings"] for stage in plan["execution_plan"]]
        assert warnings[0] == warnings[2] == []
        assert any("inputs.brand" in warning for warning in warnings[1])
        plan = self.explain(api, "shop", inputs={})
        assert (
            plan["execution_plan"][0]["warnings"]
            == ["Needs inputs.query, which the inputs lack."] * 2
        )

    def test_a_default_is_not_missing(self, api: Api) -> None:
        schema = {"query": {"type": "text", "default": "shoes"}}
        body = {"retriever_name": "x", "stages": STAGES[:1], "input_schema": schema}
        done(api.post(PATH, body))
        assert self.explain(api, "x", inputs={})["execution_plan"][0]["warnings"] == []

    def test_suggests(self, api: Api) -> None:
        stages = [
            {
                "stage_name": "search",
                "stage_id": "feature_search",
                "parameters": {
                    "searches": [{"feature_uri": "text://a", "query": "x", "top_k": 10}],
                    "final_top_k": 20,
                },
            },
            {"stage_name": "old", "stage_id": "sort_attribute", "parameters": {"field": "a"}},
            {"stage_name": "sort_relevance", "parameters": {}},
        ]
        done(api.post(PATH, {"retriever_name": "x", "stages": stages}))
        suggestions = self.explain(api, "x")["optimization_suggestions"]
        assert [(s["type"], s["stage"]) for s in suggestions] == [
            ("reorder_stages", "old"),
            ("reduce_limit", "search"),
        ]

    def test_without_stages_there_is_nothing_to_do(self, api: Api) -> None:
        api.retriever("x")
        plan = self.explain(api, "x")
        assert (plan["execution_plan"], plan["total_estimated_stages"]) == ([], 0)

    @pytest.mark.usefixtures("shop")
    @pytest.mark.parametrize("body", [[], {"inputs": 1}, {"color": 1}], ids=str)
    def test_refuses(self, api: Api, body: object) -> None:
        for path in ("execute/explain", "explain"):
            answer = api.post(f"{PATH}/shop/{path}", body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_search")

    def test_what_does_not_exist_is_404(self, api: Api) -> None:
        assert api.post(f"{PATH}/nobody/explain").status_code == 404


class TestTypeahead:
    def suggest(self, api: Api, query: str) -> dict[str, Any]:
        return done(api.get(f"{PATH}/typeahead?{query}"))

    def test_values_of_fields_with_their_counts(self, api: Api) -> None:
        fill(api, "Red shoe", "red shoe", "Red shoe", "Blue shoe", brand="Redoute", tags=["red"])
        answer = self.suggest(api, "q=red&fields=title,brand,tags")
        assert answer["query"] == "red"
        assert answer["values"] == [
            {"field": "brand", "value": "Redoute", "count": 4},
            {"field": "tags", "value": "red", "count": 4},
            {"field": "title", "value": "Red shoe", "count": 2},
            {"field": "title", "value": "red shoe", "count": 1},
        ]
        assert answer["suggestions"] == ["Redoute", "red", "Red shoe"]
        assert answer["warnings"] == []

    def test_limit(self, api: Api) -> None:
        fill(api, *(f"red {n}" for n in range(5)))
        assert len(self.suggest(api, "q=red&fields=title&limit=2")["values"]) == 2

    def test_what_three_people_searched_for(self, api: Api) -> None:
        shop = api.retriever()
        for query, users in (("red shoes", "abc"), ("red hats", "ab"), ("red coats", "aaa")):
            for user in users:
                api.execution(shop, inputs={"query": query}, user_id=user)
        answer = self.suggest(api, "q=Red")
        assert answer["recent_searches"] == answer["suggestions"] == ["red shoes"]
        assert self.suggest(api, "q=blue")["recent_searches"] == []

    def test_collections_that_retrievers_name(self, api: Api) -> None:
        body = {"retriever_name": "x", "collection_identifiers": ["Products", "pages"]}
        done(api.post(PATH, body))
        answer = self.suggest(api, "q=p")
        assert answer["collections"] == [
            {"collection_id": "Products", "collection_name": "Products"},
            {"collection_id": "pages", "collection_name": "pages"},
        ]

    def test_says_when_not_everything_was_looked_at(self, api: Api) -> None:
        fill(api, *(f"red {n}" for n in range(1001)))
        assert self.suggest(api, "q=red&fields=title")["warnings"]

    def test_of_another_namespace_nothing_is_said(self, api: Api) -> None:
        fill(api, "red shoe")
        assert self.suggest(api.backend.api(), "q=red&fields=title")["suggestions"] == []

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=51", "fields=a,b,c,d,e,f", "q=%00", "q=" + "x" * 201]
    )
    def test_parameters_out_of_range_are_400(self, api: Api, query: str) -> None:
        assert api.get(f"{PATH}/typeahead?{query}").status_code == 400

    def test_a_field_that_cannot_be_is_400(self, api: Api) -> None:
        assert api.get(f"{PATH}/typeahead?q=a&fields=a..b").status_code == 400
