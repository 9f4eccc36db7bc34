"""What may be changed about a retriever, and what a copy may have of its own."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.domain.retriever_changes import changed, cloned, read_clone, read_patch
from desirepath.errors import InvalidRetriever
from desirepath.testing.clock import START

LIMIT = {"stage_name": "few", "config": {"stage_id": "limit", "parameters": {"limit": 3}}}
FULL: dict[str, Any] = {
    "retriever_name": "shop",
    "stages": [LIMIT],
    "description": "Finds shoes.",
    "collection_identifiers": ["products"],
    "input_schema": {"query": {"type": "text", "required": True}, "k": {"type": "integer"}},
    "budget_limits": {"max_time_ms": 100},
    "tags": ["a"],
    "metadata": {"owner": "ada"},
    "display_config": {"title": "x"},
}
SHOP = Retriever(
    id=b"",
    namespace=1,
    retriever_id="ret_1",
    draft=read_retriever(FULL),
    version=1,
    created_at=START,
    updated_at=START,
)
CHANGES: dict[str, Any] = {
    "retriever_name": "store",
    "stages": [LIMIT, LIMIT],
    "description": "",
    "collection_identifiers": [],
    "input_schema": FULL["input_schema"] | {"colour": {"type": "string"}},
    "tags": ["b", "c"],
    "metadata": {},
    "display_config": {"title": "y"},
}


def refusal(plain: object) -> InvalidRetriever:
    with pytest.raises(InvalidRetriever) as caught:
        changed(SHOP, read_patch(plain))
    return caught.value


@pytest.mark.parametrize("name", CHANGES)
def test_one_field_changes_and_the_rest_stays(name: str) -> None:
    after = changed(SHOP, read_patch({name: CHANGES[name]}))
    assert after == read_retriever(FULL | {name: CHANGES[name]})


def test_collection_ids_is_another_name() -> None:
    after = changed(SHOP, read_patch({"collection_ids": ["x"]}))
    assert after.collection_identifiers == ["x"]


def test_other_spellings_are_accepted() -> None:
    after = changed(SHOP, read_patch({"stages": [{"stage_name": "limit"}]}))
    assert after.stages == [
        {"stage_name": "limit", "config": {"stage_id": "limit", "parameters": {}}}
    ]


def test_null_and_unknown_keys_change_nothing() -> None:
    patch = read_patch({"tags": ["b"], "description": None, "version": 7, "color": "red"})
    assert changed(SHOP, patch) == read_retriever(FULL | {"tags": ["b"]})


def test_unknown_keys_inside_of_stages_are_refused_unless_lenient() -> None:
    plain = {"stages": [LIMIT | {"color": "red"}]}
    assert refusal(plain).location == ("stages", 0, "color")
    assert read_patch(plain, lenient=True).stages == [LIMIT]


@pytest.mark.parametrize("plain", [{}, {"color": "red"}, {"tags": None}, [], 1, None])
def test_nothing_to_change_is_refused(plain: object) -> None:
    refusal(plain)


@pytest.mark.parametrize(
    ("plain", "location"),
    [
        ({"budget_limits": {"max_time_ms": 1}}, ("budget_limits",)),
        ({"retriever_name": "list"}, ("retriever_name",)),
        ({"retriever_name": ""}, ("retriever_name",)),
        ({"stages": [{"stage_name": "x", "stage_id": "y"}]}, ("stages", 0)),
        ({"input_schema": {"query": {}}}, ("input_schema",)),
        ({"tags": "b"}, ("tags",)),
        ({"visibility": "public"}, ("visibility",)),
    ],
    ids=str,
)
def test_what_breaks_a_rule_is_refused(plain: dict[str, Any], location: tuple[str, ...]) -> None:
    assert refusal(plain).location[: len(location)] == location


def test_a_schema_may_grow_but_not_break() -> None:
    broken = {
        "query": {"type": "number", "required": True},
        "n": {"type": "text", "required": True},
    }
    found = refusal({"input_schema": broken})
    assert found.location == ("input_schema",)
    for reason in ("query changes its type.", "n is new and required.", "k is removed."):
        assert reason in found.message


def test_a_clone_is_a_copy_with_changes() -> None:
    assert cloned(SHOP, read_clone({"retriever_name": "copy"})) == read_retriever(
        FULL | {"retriever_name": "copy"}
    )
    own = CHANGES | {"budget_limits": {"max_credits": 1}, "input_schema": {"q": {"type": "text"}}}
    assert cloned(SHOP, read_clone(own)) == read_retriever(own)


@pytest.mark.parametrize(
    ("plain", "location"),
    [
        ({}, ()),
        ({"retriever_name": None}, ()),
        ({"retriever_name": "ret_1"}, ("retriever_name",)),
        ({"retriever_name": "x", "color": 1}, ("color",)),
        ({"retriever_name": "x", "stages": [1]}, ("stages", 0)),
        ([], ()),
    ],
    ids=str,
)
def test_what_is_no_clone_is_refused(plain: object, location: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRetriever) as caught:
        read_clone(plain)
    assert caught.value.location == location
    if location == ("color",):
        assert read_clone(plain, lenient=True).retriever_name == "x"
