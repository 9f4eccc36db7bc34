"""Changing and copying retrievers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Api, Request, done

PATH = "/v1/retrievers"
LIMIT = {"stage_name": "few", "config": {"stage_id": "limit", "parameters": {"limit": 3}}}
FULL: dict[str, Any] = {
    "retriever_name": "shop",
    "description": "Finds products.",
    "stages": [LIMIT],
    "collection_identifiers": ["products"],
    "input_schema": {"query": {"type": "string", "required": True}},
    "budget_limits": {"max_time_ms": 100},
    "tags": ["live"],
    "metadata": {"owner": "ada"},
    "display_config": {"title": "Products"},
}


@pytest.fixture
def shop(api: Api) -> dict[str, Any]:
    return done(api.post(PATH, FULL))


def patch(api: Api, name: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.call("PATCH", f"{PATH}/{name}", body)
    assert answer.status_code == status, answer.text
    result = answer.json()
    assert isinstance(result, dict)
    return result


class TestPatch:
    def test_changes_what_is_sent_and_counts_versions(self, api: Api, shop: dict[str, Any]) -> None:
        api.clock.advance(seconds=1)
        changes: dict[str, Any] = {"description": "New.", "tags": [], "metadata": {}}
        answer = patch(api, "shop", **changes)
        assert set(answer) == {"retriever"}
        after = answer["retriever"]
        assert after == shop | changes | {"version": 2, "updated_at": after["updated_at"]}
        assert after["updated_at"] > shop["updated_at"]
        read = done(api.get(f"{PATH}/shop"))
        assert {name: read[name] for name in after} == after
        assert patch(api, shop["retriever_id"], tags=["x"])["retriever"]["version"] == 3

    def test_stages_are_replaced_and_checked(self, api: Api, shop: dict[str, Any]) -> None:
        search = {"stage_name": "search", "stage_id": "feature_search"}
        after = patch(api, "shop", stages=[search])["retriever"]
        assert [stage["config"]["stage_id"] for stage in after["stages"]] == ["feature_search"]
        assert (shop["fusion"], after["fusion"]) == (None, "rrf")
        error = patch(api, "shop", 422, stages=[{"stage_name": "x", "stage_id": "y"}])["error"]
        (entry,) = error["details"]["validation_errors"]
        assert entry["location"][:3] == ["body", "stages", 0]
        assert done(api.get(f"{PATH}/shop"))["version"] == 2

    def test_each_breaking_change_of_the_schema_is_named(
        self, api: Api, shop: dict[str, Any]
    ) -> None:
        grown = shop["input_schema"] | {"k": {"type": "integer", "default": 10}}
        assert patch(api, "shop", input_schema=grown)["retriever"]["input_schema"] == grown
        broken = {"query": {"type": "number", "required": True}}
        message = patch(api, "shop", 422, input_schema=broken)["error"]["message"]
        assert "query changes its type." in message
        assert "k is removed." in message

    def test_a_new_name_is_found_and_the_old_one_is_free(
        self, api: Api, shop: dict[str, Any]
    ) -> None:
        patch(api, "shop", retriever_name="store")
        assert done(api.get(f"{PATH}/store"))["retriever_id"] == shop["retriever_id"]
        assert api.get(f"{PATH}/shop").status_code == 404
        done(api.post(PATH, {"retriever_name": "shop"}))
        error = patch(api, "store", 409, retriever_name="shop")["error"]
        assert error["code"] == "already_exists"

    def test_interactions_find_it_by_its_new_name(self, api: Api, shop: dict[str, Any]) -> None:
        api.record(retriever_id="shop")
        patch(api, "shop", retriever_name="store")
        assert api.record(retriever_id="store")["retriever_id"] == shop["retriever_id"]
        assert api.record(retriever_id="shop")["retriever_id"] != shop["retriever_id"]

    @pytest.mark.usefixtures("shop")
    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"tags": None},
            {"color": "red"},
            {"budget_limits": {"max_time_ms": 1}},
            {"retriever_name": "list"},
            {"tags": "x"},
            {"stages": {}},
            {"stages": [LIMIT | {"color": 1}]},
            {"visibility": "marketplace"},
        ],
        ids=str,
    )
    def test_refuses(self, api: Api, body: dict[str, Any]) -> None:
        assert patch(api, "shop", 422, **body)["error"]["code"] == "invalid_retriever"
        assert done(api.get(f"{PATH}/shop"))["version"] == 1

    def test_unknown_keys_are_ignored(self, api: Api, shop: dict[str, Any]) -> None:
        after = patch(api, "shop", tags=["x"], color="red", retriever_id="ret_1", version=9)
        assert after["retriever"]["retriever_id"] == shop["retriever_id"]
        assert after["retriever"]["version"] == 2

    @pytest.mark.usefixtures("shop")
    def test_changes_at_the_same_moment_are_all_kept(self, api: Api) -> None:
        fields = ("description", "tags", "metadata", "display_config", "collection_identifiers")
        values: list[Any] = ["new", ["new"], {"new": 1}, {"new": 2}, ["new"]]
        requests = [
            Request("PATCH", f"{PATH}/shop", {field: value}, api.keys.server)
            for field, value in zip(fields, values, strict=True)
        ]
        assert [answer.status_code for answer in api.send(*requests)] == [200] * 5
        read = done(api.get(f"{PATH}/shop"))
        assert [read[field] for field in fields] == values
        assert read["version"] == 6

    def test_what_does_not_exist_is_404(self, api: Api) -> None:
        patch(api, "nobody", 404, tags=[])
        patch(api.backend.api(), "shop", 404, tags=[])

    @pytest.mark.usefixtures("shop")
    def test_reading_keys_may_not(self, api: Api) -> None:
        for method, path in (("PATCH", "shop"), ("POST", "shop/clone")):
            body = {"retriever_name": "x"}
            assert api.call(method, f"{PATH}/{path}", body, key="read").status_code == 403


class TestClone:
    def test_copies_all_but_the_name(self, api: Api, shop: dict[str, Any]) -> None:
        patch(api, "shop", tags=["two"])
        api.clock.advance(seconds=1)
        answer = done(api.post(f"{PATH}/shop/clone", {"retriever_name": "copy"}))
        assert set(answer) == {"retriever", "source_retriever_id"}
        assert answer["source_retriever_id"] == shop["retriever_id"]
        copy = answer["retriever"]
        own = ("retriever_id", "created_at", "updated_at")
        assert copy == shop | {"retriever_name": "copy", "tags": ["two"]} | {
            name: copy[name] for name in own
        }
        assert all(copy[name] != shop[name] for name in own)
        assert copy["version"] == 1

    def test_what_is_sent_takes_the_place(self, api: Api, shop: dict[str, Any]) -> None:
        changes = {
            "retriever_name": "copy",
            "description": "Other.",
            "stages": [],
            "collection_ids": ["c"],
            "input_schema": {"q": {"type": "number", "required": True}},
            "budget_limits": {"max_credits": 1},
            "tags": [],
            "metadata": {},
            "display_config": {},
        }
        copy = done(api.post(f"{PATH}/{shop['retriever_id']}/clone", changes))["retriever"]
        assert {name: copy[name] for name in changes} == changes

    def test_has_no_executions_of_its_source(self, api: Api, shop: dict[str, Any]) -> None:
        api.execution(shop["retriever_id"], "doc_1", execution_id="e")
        done(api.post(f"{PATH}/shop/clone", {"retriever_name": "copy"}))
        assert api.get(f"{PATH}/copy/executions/e").status_code == 404

    @pytest.mark.usefixtures("shop")
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 422),
            ({"retriever_name": "shop"}, 409),
            ({"retriever_name": "ret_1"}, 422),
            ({"retriever_name": "x", "color": 1}, 422),
            ({"retriever_name": "x", "stages": [{}]}, 422),
        ],
        ids=str,
    )
    def test_refuses(self, api: Api, body: dict[str, Any], status: int) -> None:
        assert api.post(f"{PATH}/shop/clone", body).status_code == status

    def test_what_does_not_exist_is_404(self, api: Api) -> None:
        assert api.post(f"{PATH}/nobody/clone", {"retriever_name": "x"}).status_code == 404
