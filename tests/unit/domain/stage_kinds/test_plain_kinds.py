"""Parameters of the stages that filter and order what was found."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.domain.stage_kinds.attribute_filter import AttributeFilterParameters
from desirepath.domain.stage_kinds.base import StageKind
from desirepath.domain.stage_kinds.mmr import MmrParameters
from desirepath.domain.stage_kinds.popularity_boost import PopularityBoostParameters
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.errors import InvalidRetriever


def read(stage_id: str, **plain: Any) -> Any:
    return STAGE_KINDS[stage_id].read(plain, False)


def refusal(stage_id: str, **plain: Any) -> InvalidRetriever:
    with pytest.raises(InvalidRetriever) as caught:
        read(stage_id, **plain)
    return caught.value


@pytest.mark.parametrize("kind", STAGE_KINDS.values(), ids=STAGE_KINDS)
class TestEveryKind:
    def test_takes_its_example(self, kind: StageKind) -> None:
        assert isinstance(kind.read(kind.example, False), kind.parameters)

    def test_refuses_unknown_keys_unless_lenient(self, kind: StageKind) -> None:
        plain = {**kind.example, "color": "red"}
        with pytest.raises(InvalidRetriever) as caught:
            kind.read(plain, False)
        assert caught.value.location == ("color",)
        assert kind.read(plain, True) == kind.read(kind.example, False)

    def test_describes_itself(self, kind: StageKind) -> None:
        assert kind.description.endswith(".")
        assert kind.use_cases
        assert kind.icon


class TestAttributeFilter:
    def filter_of(self, **plain: Any) -> dict[str, Any]:
        parameters = read("attribute_filter", **plain)
        assert isinstance(parameters, AttributeFilterParameters)
        return parameters.filter

    def test_one_condition(self) -> None:
        assert self.filter_of(field="price", operator="lt", value=5) == {
            "case_sensitive": True,
            "field": "price",
            "operator": "lt",
            "value": 5,
        }
        assert self.filter_of(field="sold_at")["operator"] == "eq"

    def test_a_whole_filter(self) -> None:
        tree = {"OR": [{"brand": "x"}, {"NOT": {"price": {"$gt": 5}}}]}
        assert self.filter_of(conditions=tree) == {"case_sensitive": True, **tree}
        assert self.filter_of(**tree, case_insensitive=True) == {"case_sensitive": False, **tree}
        assert (
            self.filter_of(conditions=tree | {"case_sensitive": False})["case_sensitive"] is False
        )

    @pytest.mark.parametrize(
        "plain",
        [
            {"field": "brand", "operator": "in", "value": "{{INPUT.brands}}"},
            {"field": "brand", "operator": "$contains", "value": "{{INPUT.brand}}"},
            {"field": "brand", "operator": "exists", "value": "{{INPUT.has_brand}}"},
            {"field": "price", "operator": "lt", "value": "{{INPUT.most | default(100)}}"},
            {"field": "{{INPUT.field}}", "operator": "eq", "value": 1},
            {"conditions": {"price": {"gte": "{{INPUT.least}}", "lt": 100}}},
            {"conditions": {"brand": ["{{INPUT.brand}}", "x"]}},
            {"conditions": {"brand": "{{INPUT.brand}}"}},
            {"conditions": {"shop": {"city": "{{INPUT.city}}"}}},
            {"conditions": {"field": "a", "value": {"type": "dynamic", "field": "inputs.a"}}},
            {"AND": [{"field": "a", "operator": "regex", "value": "{{INPUT.a}}"}]},
        ],
        ids=str,
    )
    def test_templates_stand_where_values_and_fields_do(self, plain: dict[str, Any]) -> None:
        assert self.filter_of(**plain)

    @pytest.mark.parametrize(
        ("plain", "location"),
        [
            ({}, ("field",)),
            ({"field": "a", "value": 1, "conditions": {"b": 1}}, ("field",)),
            ({"conditions": {"b": 1}, "AND": []}, ("conditions",)),
            ({"field": "a", "operator": "like", "value": 1}, ("operator",)),
            ({"field": "a", "operator": "like", "value": "{{INPUT.a}}"}, ("operator",)),
            ({"field": "a", "operator": "in", "value": 1}, ("value",)),
            ({"field": "a..b", "value": 1}, ("field",)),
            ({"conditions": {"AND": {"a": 1}}}, ("conditions", "AND")),
            ({"natural_language": "cheap ones"}, ("natural_language",)),
            ({"field": "a", "operator": "geo_radius", "value": 1}, ("value",)),
        ],
        ids=str,
    )
    def test_refuses(self, plain: dict[str, Any], location: tuple[str, ...]) -> None:
        assert refusal("attribute_filter", **plain).location == location


class TestRerank:
    def test_weights(self) -> None:
        parameters = read("rerank", weights={"score": 1, "features.ctr": -0.5})
        assert isinstance(parameters, RerankParameters)
        assert (parameters.max_candidates, parameters.top_k) == (10, None)

    def test_a_ranker_by_name(self) -> None:
        parameters = read("rerank", inference_name="films", model_version=2)
        assert isinstance(parameters, RerankParameters)
        assert (parameters.inference_name, parameters.model_version) == ("films", 2)

    def test_null_candidates_are_all(self) -> None:
        assert read("rerank", weights={"score": 1}, max_candidates=None).max_candidates is None

    def test_boost_by_interaction_count(self) -> None:
        boost = {"interaction_types": ["click"], "time_window_days": 7, "boost_multiplier": 2}
        parameters = read("rerank", boost_by_interaction_count=boost)
        assert parameters.boost_by_interaction_count == PopularityBoostParameters(
            interaction_types=tuple(
                read("popularity_boost", interaction_types=["click"]).interaction_types
            ),
            window_days=7,
            multiplier=2.0,
        )

    @pytest.mark.parametrize(
        ("plain", "location"),
        [
            ({}, ("weights",)),
            ({"weights": {}}, ("weights",)),
            ({"model_version": 2, "weights": {"score": 1}}, ("model_version",)),
            ({"decision_model": "a"}, ("decision_model",)),
            ({"feature_uri": "mixpeek://a@v1/b"}, ("feature_uri",)),
            ({"weights": {"score": "1"}}, ("weights",)),
            ({"weights": {"score": 1}, "max_candidates": 0}, ("max_candidates",)),
            ({"weights": {"score": 1}, "score_field": "payload.score"}, ("score_field",)),
            ({"weights": {"score": 1}, "score_field": "scores."}, ("score_field",)),
            (
                {"boost_by_interaction_count": {"interaction_types": ["like"]}},
                ("boost_by_interaction_count", "interaction_types"),
            ),
            (
                {"weights": {"score": 1}, "learning_config": {"shipped_weight_set": {"a": 1}}},
                ("learning_config", "shipped_weight_set"),
            ),
        ],
        ids=str,
    )
    def test_refuses(self, plain: dict[str, Any], location: tuple[str, ...]) -> None:
        assert refusal("rerank", **plain).location[: len(location)] == location

    def test_keeps_the_dataset_of_a_ranker(self) -> None:
        parameters = read(
            "rerank", weights={"score": 1}, learning_config={"evaluation_dataset_id": "ds_1"}
        )
        assert parameters.learning_config.evaluation_dataset_id == "ds_1"


class TestMmr:
    def test_index(self) -> None:
        for uri in ("image", "vector://image"):
            parameters = read("mmr", diversity_feature_uri=uri)
            assert isinstance(parameters, MmrParameters)
            assert (parameters.index, parameters.lambda_) == ("image", 0.7)

    @pytest.mark.parametrize(
        "plain",
        [
            {"lambda": 1.1},
            {"top_k": 501},
            {"diversity_feature_uri": "text://title"},
            {"diversity_feature_uri": "mixpeek://a@v1/b"},
            {"diversity_feature_uri": "image", "diversity_fields": ["brand"]},
            {"diversity_fields": []},
            {"diversity_fields": ["brand"], "mmr_score_field": "document_id"},
            {"similarity_metric": "dot"},
        ],
        ids=str,
    )
    def test_refuses(self, plain: dict[str, Any]) -> None:
        refusal("mmr", **plain)


@pytest.mark.parametrize(
    ("stage_id", "plain"),
    [
        ("sort_relevance", {"direction": "down"}),
        ("sort_relevance", {"missing_score": "middle"}),
        ("sort_relevance", {"feature_address": "mixpeek://a@v1/b"}),
        ("sort_attribute", {}),
        ("sort_attribute", {"field": ""}),
        ("sort_attribute", {"field": "a", "nulls_last": "yes"}),
        ("limit", {"limit": 0}),
        ("limit", {"limit": 10_001}),
        ("limit", {"limit": "{{INPUT.k}}"}),
        ("limit", {"offset": -1}),
        ("deduplicate", {}),
        ("deduplicate", {"fields": []}),
        ("deduplicate", {"fields": "brand"}),
        ("deduplicate", {"fields": ["brand"], "keep": "last"}),
        ("popularity_boost", {"interaction_types": []}),
        ("popularity_boost", {"interaction_types": ["like"]}),
        ("popularity_boost", {"window_days": 0}),
        ("popularity_boost", {"multiplier": 0.5}),
    ],
    ids=str,
)
def test_limits_of_the_others(stage_id: str, plain: dict[str, Any]) -> None:
    refusal(stage_id, **plain)


def test_null_is_as_good_as_left_out() -> None:
    parameters = read("sort_relevance", score_field=None, direction=None, feature_address=None)
    assert (parameters.score_field, parameters.direction) == ("score", "desc")
