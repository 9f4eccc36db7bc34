"""Which retrievers are accepted."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.retriever import ROUTE_WORDS, check_name, read_retriever
from desirepath.errors import InvalidRetriever

FULL: dict[str, Any] = {
    "retriever_name": "shop",
    "stages": [{"stage_name": "feature_search"}, {}],
    "description": "Finds shoes.",
    "collection_identifiers": ["products"],
    "input_schema": {"query": {"type": "text"}},
    "budget_limits": {},
    "tags": ["a"],
    "metadata": {"owner": None},
    "display_config": {"title": "x"},
}


def refusal(plain: object) -> InvalidRetriever:
    with pytest.raises(InvalidRetriever) as caught:
        read_retriever(plain)
    return caught.value


def test_a_name_is_enough() -> None:
    draft = read_retriever({"retriever_name": "shop"})
    assert (draft.retriever_name, draft.stages, draft.tags) == ("shop", [], [])


def test_every_field_is_read() -> None:
    draft = read_retriever(FULL)
    assert {name: getattr(draft, name) for name in FULL} == FULL


def test_collection_ids_is_another_name() -> None:
    draft = read_retriever({"retriever_name": "shop", "collection_ids": ["products"]})
    assert draft.collection_identifiers == ["products"]


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
        {"stages": [{}] * 51},
        {"tags": [1]},
        {"tags": None},
        {"metadata": {"a": float("nan")}},
        {"metadata": {"a": 2**63}},
        {"description": 5},
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
