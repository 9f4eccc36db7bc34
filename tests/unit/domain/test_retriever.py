"""Which retrievers are accepted, and what their stages mean together."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from desirepath.domain.learning_config import LearningConfig
from desirepath.domain.retriever import (
    ROUTE_WORDS,
    Retriever,
    RetrieverDraft,
    check_name,
    read_retriever,
)
from desirepath.errors import InvalidRetriever
from desirepath.testing.clock import START

SEARCH: dict[str, Any] = {
    "stage_name": "search",
    "config": {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [
                {"feature_uri": "text://title", "query": "{{INPUT.query}}"},
                {"feature_uri": "image", "query": "{{INPUT.query}}"},
            ],
            "fusion": "learned",
        },
    },
}
FULL: dict[str, Any] = {
    "retriever_name": "shop",
    "stages": [SEARCH],
    "description": "Finds shoes.",
    "collection_identifiers": ["products"],
    "input_schema": {"query": {"type": "text"}},
    "budget_limits": {"max_credits": 1.5, "max_time_ms": 100},
    "tags": ["a"],
    "metadata": {"owner": None},
    "display_config": {"title": "x"},
    "experiment": {
        "mode": "split",
        "challenger": "ret_2",
        "share": 0.25,
        "days": 3,
        "matters": 0.5,
    },
}


def refusal(plain: object) -> InvalidRetriever:
    with pytest.raises(InvalidRetriever) as caught:
        read_retriever(plain)
    return caught.value


def stored(draft: RetrieverDraft) -> Retriever:
    return Retriever(
        id=b"",
        namespace=1,
        retriever_id="ret_1",
        draft=draft,
        version=1,
        created_at=START,
        updated_at=START,
    )


def a_retriever(**changes: Any) -> Retriever:
    return stored(read_retriever(FULL | changes))


def test_a_name_is_enough() -> None:
    draft = read_retriever({"retriever_name": "shop"})
    assert (draft.retriever_name, draft.stages, draft.tags) == ("shop", [], [])


def test_every_field_is_read() -> None:
    draft = read_retriever(FULL)
    assert msgspec.to_builtins(draft) == FULL


def test_stages_and_schema_are_kept_in_their_current_form() -> None:
    draft = read_retriever(
        {
            "retriever_name": "shop",
            "stages": [{"stage_name": "limit", "parameters": {"limit": 3}}],
            "input_schema": {"properties": {"q": {"type": "text"}}, "required": ["q"]},
        }
    )
    config = {"stage_id": "limit", "parameters": {"limit": 3}}
    assert draft.stages == [{"stage_name": "limit", "config": config}]
    assert draft.input_schema == {"q": {"type": "text", "required": True}}


def test_collection_ids_is_another_name() -> None:
    draft = read_retriever({"retriever_name": "shop", "collection_ids": ["products"]})
    assert draft.collection_identifiers == ["products"]


def test_null_is_as_good_as_left_out() -> None:
    nulls = dict.fromkeys([*FULL, "collection_ids", "visibility"])
    assert read_retriever(nulls | {"retriever_name": "shop"}) == read_retriever(
        {"retriever_name": "shop"}
    )


def test_what_the_sdk_may_say_of_a_market_says_nothing() -> None:
    private = {"visibility": "private", "requires_subscription": False}
    assert read_retriever(FULL | private) == read_retriever(FULL)
    assert refusal(FULL | {"visibility": "public"}).location == ("visibility",)
    assert refusal(FULL | {"marketplace_listing_id": "m"}).location == ("marketplace_listing_id",)


def test_defaults_are_not_shared() -> None:
    first, second = (read_retriever({"retriever_name": name}) for name in ("a", "b"))
    first.stages.append({})
    assert second.stages == []


@pytest.mark.parametrize("name", ["shop", "Läden", "a b", "x" * 256, "executes", "RET_", "retail"])
def test_names_that_a_path_can_tell_are_accepted(name: str) -> None:
    check_name(name)
    assert read_retriever({"retriever_name": name}).retriever_name == name


@pytest.mark.parametrize(
    "name", [*sorted(ROUTE_WORDS), "ret_1", "ret_", "a/b", "/", " ", "é" * 129]
)
def test_names_that_a_path_could_not_tell_are_refused(name: str) -> None:
    assert refusal({"retriever_name": name}).location == ("retriever_name",)
    with pytest.raises(InvalidRetriever):
        check_name(name)


@pytest.mark.parametrize(
    "changes",
    [
        {"retriever_name": None},
        {"retriever_name": ""},
        {"retriever_name": 1},
        {"retriever_name": "\x00"},
        {"stages": {}},
        {"stages": ["feature_search"]},
        {"stages": [{}]},
        {"stages": [{"stage_name": "x", "config": {"stage_id": "llm_filter"}}]},
        {"stages": [SEARCH] * 51},
        {"tags": [1]},
        {"metadata": {"a": float("nan")}},
        {"metadata": {"a": 2**63}},
        {"description": 5},
        {"input_schema": []},
        {"input_schema": {"query": {"type": "varchar"}}},
        {"budget_limits": []},
        {"budget_limits": {"max_time_ms": -1}},
        {"budget_limits": {"max_time_ms": 1.5}},
        {"budget_limits": {"max_money": 1}},
        {"cache_config": {}},
    ],
)
def test_what_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    refusal(FULL | changes)


@pytest.mark.parametrize("plain", [None, [], "shop", 1])
def test_a_retriever_is_an_object(plain: object) -> None:
    refusal(plain)


def test_unknown_keys_are_refused_or_ignored() -> None:
    assert refusal(FULL | {"stage": []}).location == ("stage",)
    assert read_retriever(FULL | {"stage": []}, lenient=True) == read_retriever(FULL)


class TestDefinition:
    def test_of_a_search_that_learns(self) -> None:
        shop = a_retriever()
        assert [stage.stage_name for stage in shop.stages] == ["search"]
        assert shop.fusion == "learned"
        assert shop.feature_uris == ("text://title", "image")
        assert shop.learning == LearningConfig()
        assert list(shop.input_schema) == ["query"]
        assert shop.inputs_read == {"query", "user_id", "session_id"}
        assert shop.problem is None

    def test_without_a_search(self) -> None:
        for stages in ([], [{"stage_name": "limit"}]):
            shop = a_retriever(stages=stages, input_schema=None)
            assert (shop.fusion, shop.feature_uris, shop.learning) == (None, (), None)
            assert (shop.feature_search, shop.input_schema) == (None, {})

    def test_the_search_that_learns_counts_before_another(self) -> None:
        first = {"stage_name": "first", "stage_id": "feature_search"}
        assert a_retriever(stages=[first]).fusion == "rrf"
        assert a_retriever(stages=[first, SEARCH]).fusion == "learned"

    def test_contexts_of_learning_read_inputs(self) -> None:
        stage = {**SEARCH, "config": {**SEARCH["config"]}}
        stage["config"]["parameters"] = {
            **SEARCH["config"]["parameters"],
            "learning_config": {
                "context_features": ["INPUT.member.id"],
                "demographic_features": ["INPUT.country"],
            },
        }
        assert a_retriever(stages=[stage]).inputs_read >= {"member", "country", "query"}

    def test_the_hash_changes_with_the_stages_and_with_nothing_else(self) -> None:
        shop = a_retriever()
        assert len(shop.stages_hash) == 16
        assert int(shop.stages_hash, 16)
        assert shop.stages_hash == a_retriever(tags=["b"], input_schema={}).stages_hash
        turned = {"config": SEARCH["config"], "stage_name": "search"}
        assert shop.stages_hash == a_retriever(stages=[turned]).stages_hash
        assert shop.stages_hash != a_retriever(stages=[]).stages_hash
        renamed = SEARCH | {"stage_name": "other"}
        assert shop.stages_hash != a_retriever(stages=[renamed]).stages_hash

    def test_what_was_accepted_leniently_is_read_leniently(self) -> None:
        config = {"stage_id": "limit", "parameters": {"limit": 3, "color": "red"}}
        stage = {"stage_name": "few", "config": config}
        draft = read_retriever({"retriever_name": "x", "stages": [stage]}, lenient=True)
        assert draft.stages == [stage]
        assert stored(draft).problem is None

    def test_stages_of_a_version_that_took_anything_can_be_read_and_not_used(self) -> None:
        draft = RetrieverDraft(retriever_name="old", stages=[{"stage": {"x": 1}}, {}])
        old = stored(draft)
        assert old.problem is not None
        assert (old.stages, old.fusion, old.feature_uris, old.learning) == ((), None, (), None)
        assert stored(RetrieverDraft(retriever_name="old", input_schema={"q": {}})).problem
