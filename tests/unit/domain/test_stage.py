"""Stages in all the spellings that clients use."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.stage import MAX_STAGES, OnError, Stage, read_stages
from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.domain.stage_kinds.limit import LimitParameters
from desirepath.errors import InvalidRetriever

QUERY = "{{INPUT.query}}"
LIMIT: dict[str, Any] = {
    "stage_name": "few",
    "config": {"stage_id": "limit", "parameters": {"limit": 3}},
}

MMR = {"stage_name": "vary", "config": {"stage_id": "mmr"}}
OLD_SEARCH: dict[str, Any] = {
    "type": "feature_search",
    "feature_extractor": {"type": "text"},
    "query": "red {{INPUT.query}}",
    "collection_ids": ["c"],
    "limit": 7,
}


def search(*uris: str, **parameters: Any) -> dict[str, Any]:
    """A feature_search stage."""
    searches = [{"feature_uri": uri, "query": QUERY} for uri in uris]
    return {
        "stage_name": "search",
        "config": {
            "stage_id": "feature_search",
            "parameters": {"searches": searches, **parameters},
        },
    }


def one(plain: object, lenient: bool = False) -> Stage:
    (stage,) = read_stages([plain], lenient)
    return stage


def refusal(*plain: object) -> InvalidRetriever:
    with pytest.raises(InvalidRetriever) as caught:
        read_stages(list(plain))
    return caught.value


def test_the_current_form() -> None:
    plain = {
        "stage_name": "few",
        "stage_type": "filter",
        "config": {
            "stage_id": "limit",
            "parameters": {"limit": 3},
            "pre_filters": {"brand": "{{INPUT.brand}}"},
            "post_filters": {"anything": "at all"},
        },
        "description": "Few.",
        "on_error": "skip",
        "output_alias": "first",
        "batch_size": "10",
    }
    stage = one(plain)
    assert (stage.stage_name, stage.stage_id, stage.stage_type) == ("few", "limit", "filter")
    assert stage.parameters == LimitParameters(limit=3)
    assert stage.pre_filters == {"brand": "{{INPUT.brand}}"}
    assert (stage.on_error, stage.description) == (OnError.SKIP, "Few.")
    assert (stage.output_alias, stage.batch_size) == ("first", "10")
    assert stage.inputs_read == {"brand"}
    assert stage.sent == plain


def test_what_is_left_out_stays_out() -> None:
    assert one(LIMIT).sent == LIMIT
    bare = {"stage_name": "few", "config": {"stage_id": "limit"}}
    assert one(bare).sent == {
        "stage_name": "few",
        "config": {"stage_id": "limit", "parameters": {}},
    }
    nulls = LIMIT | {"stage_type": None, "description": None, "on_error": None}
    assert one(nulls).sent == LIMIT


def test_parameters_are_given_back_as_they_were_sent() -> None:
    plain = search("text://title")
    plain["config"]["parameters"]["learning_config"] = None
    assert one(plain).sent == plain


def test_a_stage_of_an_answer_can_be_sent_again() -> None:
    """Answers carry the parameters twice; those in config count."""
    assert one(LIMIT | {"parameters": {"limit": 99}}) == one(LIMIT)


@pytest.mark.parametrize(
    "plain",
    [
        {"stage_name": "few", "stage_id": "limit", "parameters": {"limit": 3}},
        {"stage_name": "few", "stage_id": "limit", "parameters": {"limit": 3}, "stats": {"n": 1}},
        {"stage_name": "few", "type": "limit", "limit": 3},
    ],
    ids=str,
)
def test_other_spellings_mean_the_same(plain: dict[str, Any]) -> None:
    assert one(plain) == one(LIMIT)


def test_a_name_may_be_the_kind() -> None:
    stage = one({"stage_name": "limit", "parameters": {"limit": 3}, "pre_filters": {"a": 1}})
    assert (stage.stage_id, stage.pre_filters) == ("limit", {"a": 1})
    assert one({"type": "limit"}).stage_name == "limit"


class TestOldClients:
    def test_an_old_search_is_one_of_all_texts(self) -> None:
        parameters = one(OLD_SEARCH).parameters
        assert isinstance(parameters, FeatureSearchParameters)
        assert parameters.final_top_k == 7
        (only,) = parameters.searches
        assert (only.uri, only.top_k) == ("text://*", 100)
        assert only.query is not None
        assert only.query.value == "red {{INPUT.query}}"

    def test_a_filter_before_it_is_its_own(self) -> None:
        """Alone it would be a stage that the search after it begins anew from."""
        conditions = {"brand": "x"}
        stages = read_stages([{"type": "attribute_filter", "conditions": conditions}, OLD_SEARCH])
        assert [stage.stage_id for stage in stages] == ["feature_search"]
        assert stages[0].pre_filters == conditions

    def test_a_filter_after_it_is_a_stage(self) -> None:
        old_filter = {"type": "attribute_filter", "conditions": {"brand": "x"}}
        stages = read_stages([OLD_SEARCH, old_filter])
        assert [stage.stage_id for stage in stages] == ["feature_search", "attribute_filter"]

    def test_refusals_say_which_stage(self) -> None:
        assert refusal(LIMIT, OLD_SEARCH | {"color": 1}).location == ("stages", 1, "color")
        assert refusal(OLD_SEARCH | {"limit": "x"}).location[:2] == ("stages", 0)
        assert refusal(OLD_SEARCH | {"limit": 5001}).location[:2] == ("stages", 0)
        assert refusal({"type": "feature_search"}).location[:2] == ("stages", 0)
        bad = [{"type": "attribute_filter", "conditions": {"a": {"in": 1}}}, OLD_SEARCH]
        assert refusal(*bad).location[:2] == ("stages", 1)


@pytest.mark.parametrize(
    ("plain", "location"),
    [
        (1, ()),
        (None, ()),
        ({}, ("config",)),
        ({"stage_name": "x"}, ("config", "stage_id")),
        ({"config": {"stage_id": "limit"}}, ()),
        ({"stage_name": "", "config": {"stage_id": "limit"}}, ("stage_name",)),
        ({"stage_name": "x", "config": 1}, ("config",)),
        ({"stage_name": "x", "config": {}}, ("config",)),
        ({"stage_name": "x", "config": {"stage_id": "llm_filter"}}, ("config", "stage_id")),
        ({"stage_name": "x", "config": {"stage_id": "limit", "color": 1}}, ("config", "color")),
        (LIMIT | {"stage_type": "sort"}, ("stage_type",)),
        (LIMIT | {"stage_type": "x"}, ("stage_type",)),
        (LIMIT | {"on_error": "retry"}, ("on_error",)),
        (LIMIT | {"color": "red"}, ("color",)),
        (
            {"stage_name": "x", "config": {"stage_id": "limit", "parameters": {"limit": 0}}},
            ("config", "parameters", "limit"),
        ),
        (
            {"stage_name": "x", "config": {"stage_id": "limit", "pre_filters": {"a": {"in": 1}}}},
            ("config", "pre_filters"),
        ),
        (
            {"stage_name": "x", "config": {"stage_id": "limit", "pre_filters": {"a": "{{b}}"}}},
            ("config", "pre_filters"),
        ),
        (search("text://{{SECRET.field}}"), ("config", "parameters")),
        ({"stage_name": "x", "config": {"stage_id": "mmr"}}, ("config", "parameters")),
    ],
    ids=str,
)
def test_what_breaks_a_rule_is_refused(plain: object, location: tuple[str, ...]) -> None:
    found = refusal(LIMIT, plain).location
    assert found[: len(location) + 2] == ("stages", 1, *location)


def test_an_unknown_stage_lists_the_known_ones() -> None:
    message = refusal({"stage_name": "<b>", "config": {"stage_id": "<b>"}}).message
    assert all(stage_id in message for stage_id in STAGE_KINDS)
    assert "<b>" not in message


def test_stages_are_a_list_with_an_end() -> None:
    others: tuple[object, ...] = ({}, "limit", None, 1)
    for plain in others:
        with pytest.raises(InvalidRetriever) as caught:
            read_stages(plain)
        assert caught.value.location == ("stages",)
    assert len(read_stages([LIMIT] * MAX_STAGES)) == MAX_STAGES
    assert refusal(*[LIMIT] * (MAX_STAGES + 1)).location == ("stages",)


def test_lenient_ignores_unknown_keys() -> None:
    plain: dict[str, Any] = {**LIMIT, "color": 1, "config": {**LIMIT["config"], "color": 2}}
    assert one(plain, lenient=True) == one(LIMIT)


def test_a_retriever_learns_in_one_stage() -> None:
    learned = search("text://a", "image", fusion="learned")
    assert read_stages([learned, search("text://a")])
    assert refusal(learned, learned).location == ("stages",)


class TestMmr:
    def index_after(self, *stages: dict[str, Any]) -> str | None:
        parameters = read_stages([*stages, MMR])[-1].parameters
        uri = getattr(parameters, "diversity_feature_uri", None)
        assert uri is None or isinstance(uri, str)
        return uri

    def test_varies_by_the_vectors_that_were_searched(self) -> None:
        assert self.index_after(search("text://a", "image", "vector://b")) == "image"
        assert self.index_after(search("image"), search("vector://b"), LIMIT) == "vector://b"

    def test_needs_to_know_what_is_alike(self) -> None:
        assert refusal(search("text://a"), MMR).location == (
            "stages",
            1,
            "config",
            "parameters",
            "diversity_feature_uri",
        )

    def test_fields_will_do(self) -> None:
        vary = {"stage_name": "vary", "stage_id": "mmr", "parameters": {"diversity_fields": ["a"]}}
        (stage,) = read_stages([vary])
        assert stage.sent["config"]["parameters"] == {"diversity_fields": ["a"]}


def test_inputs_that_templates_read() -> None:
    plain = search("text://a")
    plain["config"]["parameters"]["searches"][0]["filters"] = {"a": "{{inputs.colour.name}}"}
    plain["config"]["pre_filters"] = {"field": "b", "value": "{{DOC.c}} {{INPUT['d e']}}"}
    assert one(plain).inputs_read == {"query", "colour", "d e"}
