"""Parameters of feature_search."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.learning_config import LearningConfig
from desirepath.domain.stage_kinds.feature_search import (
    FEATURE_SEARCH,
    FeatureSearch,
    FeatureSearchParameters,
    FusionName,
)
from desirepath.domain.template import Variables
from desirepath.errors import InvalidRetriever, InvalidSearch, MissingInput

QUERY = "{{INPUT.query}}"
FOUR: list[dict[str, Any]] = [{"feature_uri": f"text://{n}", "query": QUERY} for n in range(4)]


def read(lenient: bool = False, **plain: Any) -> FeatureSearchParameters:
    parameters = FEATURE_SEARCH.read(plain, lenient)
    assert isinstance(parameters, FeatureSearchParameters)
    return parameters


def one(feature_uri: str = "text://title", **search: Any) -> FeatureSearch:
    return read(searches=[{"feature_uri": feature_uri, "query": QUERY} | search]).searches[0]


def refusal(**plain: Any) -> InvalidRetriever:
    with pytest.raises(InvalidRetriever) as caught:
        read(**plain)
    return caught.value


def test_defaults() -> None:
    parameters = read()
    assert parameters.searches == ()
    assert (parameters.final_top_k, parameters.fusion) == (25, FusionName.RRF)
    search = one()
    assert (search.top_k, search.weight, search.min_score) == (100, 1.0, None)
    assert (search.lexical, search.optional, search.on_empty.value) == (False, False, "error")


def test_every_key_of_the_sdk_is_accepted() -> None:
    parameters = read(
        searches=[
            {
                "feature_uri": "image",
                "query": {"input_mode": "content", "value": QUERY},
                "top_k": 5000,
                "min_score": 0.5,
                "weight": 0,
                "optional": True,
                "on_empty": "random",
                "filters": {"brand": "{{INPUT.brand}}"},
                "query_preprocessing": {"max_chunks": 20},
                "collection_identifiers": ["c"],
            }
        ],
        final_top_k=5000,
        fusion="max",
        facets=[{"key": "brand"}, {"key": "metadata.x", "limit": 1000, "exact": True}],
        group_by={"field": "brand", "max_per_group": 3, "limit": 500, "output_mode": "flatten"},
        hard_timeout_ms=100,
        interactive=True,
        degrade_retry=False,
        cache_behavior="disabled",
        cache_ttl_seconds=0,
        auto_preprocess=False,
        query_preprocessing={},
        collection_identifiers=["c"],
        learning_config=None,
    )
    assert parameters.facets is not None
    assert parameters.facets[0].limit == 10
    assert parameters.group_by is not None
    assert parameters.group_by.limit == 500


@pytest.mark.parametrize(
    ("plain", "location"),
    [
        ({"searches": {}}, ("searches",)),
        ({"searches": [1]}, ("searches", 0)),
        ({"searches": [{"query": QUERY}]}, ("searches", 0)),
        ({"searches": [{"feature_uri": "", "query": QUERY}]}, ("searches", 0, "feature_uri")),
        ({"searches": [{"feature_uri": " ", "query": QUERY}]}, ("searches", 0, "feature_uri")),
        ({"searches": [{"feature_uri": "é" * 129}]}, ("searches", 0, "feature_uri")),
        (
            {"searches": [{"feature_uri": "text://", "query": QUERY}]},
            ("searches", 0, "feature_uri"),
        ),
        ({"searches": [{"feature_uri": "text://a"}]}, ("searches", 0, "query")),
        ({"searches": [{"feature_uri": "vector://a"}]}, ("searches", 0, "query")),
        ({"searches": [{"feature_uri": "a", "lexical": True}]}, ("searches", 0, "query")),
        (
            {"searches": [{"feature_uri": "text://a", "query": {"value": [1.0]}}]},
            ("searches", 0, "query", "input_mode"),
        ),
        (
            {"searches": [{"feature_uri": "a", "query": {"input_mode": "x", "value": "y"}}]},
            ("searches", 0, "query", "input_mode"),
        ),
        (
            {"searches": [{"feature_uri": "a", "query": QUERY, "top_k": 0}]},
            ("searches", 0, "top_k"),
        ),
        (
            {"searches": [{"feature_uri": "a", "query": QUERY, "top_k": 5001}]},
            ("searches", 0, "top_k"),
        ),
        (
            {"searches": [{"feature_uri": "a", "query": QUERY, "weight": 1.1}]},
            ("searches", 0, "weight"),
        ),
        (
            {"searches": [{"feature_uri": "a", "query": QUERY, "color": 1}]},
            ("searches", 0, "color"),
        ),
        (
            {"searches": [{"feature_uri": "a", "query": QUERY, "filters": {"b": {"in": 1}}}]},
            ("searches", 0, "filters"),
        ),
        ({"searches": [{"feature_uri": "a", "query": QUERY}] * 11}, ("searches",)),
        ({"final_top_k": 0}, ("final_top_k",)),
        ({"final_top_k": 5001}, ("final_top_k",)),
        ({"fusion": "borda"}, ("fusion",)),
        ({"facets": [{"limit": 1}]}, ("facets", 0)),
        ({"group_by": {}}, ("group_by",)),
        ({"top_k": 10}, ("top_k",)),
    ],
)
def test_what_breaks_a_rule_is_refused(plain: dict[str, Any], location: tuple[Any, ...]) -> None:
    assert refusal(**plain).location[: len(location)] == location


def test_lenient_ignores_unknown_keys_at_every_depth() -> None:
    parameters = read(
        True,
        color="red",
        searches=[{"feature_uri": "a", "color": 1, "query": {"value": "x", "color": 2}}],
        fusion="learned",
        learning_config={"color": 3},
    )
    assert parameters.searches[0].top_k == 100


@pytest.mark.parametrize(
    ("search", "uri", "kind"),
    [
        ({"feature_uri": "text://title"}, "text://title", FeatureKind.TEXT),
        ({"feature_uri": "text://title", "lexical": True}, "text://title", FeatureKind.TEXT),
        ({"feature_uri": "image"}, "image", FeatureKind.VECTOR),
        # A search by words is not the search by vectors of the same name.
        ({"feature_uri": "image", "lexical": True}, "text://*", FeatureKind.TEXT),
        ({"feature_uri": "mixpeek://a@v1/b", "lexical": True}, "text://*", FeatureKind.TEXT),
        ({"feature_uri": "mixpeek://a@v1/b"}, "mixpeek://a@v1/b", FeatureKind.SENT),
        # Without a query a bare name is not ours to search.
        ({"feature_uri": "bm25", "query": None}, "bm25", FeatureKind.SENT),
    ],
)
def test_the_feature_of_a_search(search: dict[str, Any], uri: str, kind: FeatureKind) -> None:
    found = one(**search)
    assert (found.uri, found.feature.kind) == (uri, kind)


def test_two_searches_by_one_feature_are_one_arm() -> None:
    searches: list[dict[str, Any]] = [
        {"feature_uri": uri, "query": QUERY}
        for uri in ("text://a+b", "image", "text://b+a", "vector://image", "bm25", "image")
    ]
    searches.append({"feature_uri": "image", "query": QUERY, "lexical": True})
    parameters = read(searches=searches)
    uris = ["text://a+b", "image", "bm25", "text://*"]
    assert list(parameters.feature_to_uri.values()) == uris


class TestLearning:
    def test_only_learned_fusion_learns(self) -> None:
        config = {"min_interactions": 3}
        assert read(searches=FOUR, learning_config=config).learning is None
        learned = read(searches=FOUR, fusion="learned", learning_config=config)
        assert learned.learning == LearningConfig(min_interactions=3)
        assert read(searches=FOUR, fusion="learned").learning == LearningConfig()

    def test_weights_must_be_able_to_sum_to_one(self) -> None:
        for least, ok in ((0.25, True), (0.26, False)):
            plain: dict[str, Any] = {
                "searches": FOUR,
                "fusion": "learned",
                "learning_config": {"min_weight": least},
            }
            if ok:
                assert read(**plain).learning
            else:
                assert refusal(**plain).location == ("learning_config", "min_weight")

    def test_bounds_count_arms_and_not_searches(self) -> None:
        config = {"min_weight": 0.5}
        assert read(searches=FOUR[:1] * 4, fusion="learned", learning_config=config).learning

    @pytest.mark.parametrize(
        ("config", "location"),
        [
            ({"algorithm": "ucb"}, ("learning_config", "algorithm")),
            ({"algorithm": 1}, ("learning_config", "algorithm")),
            ({"color": 1}, ("learning_config", "color")),
            ({"reward_map": {"like": 1}}, ("learning_config", "reward_map")),
            ({"shipped_weight_set": {}}, ("learning_config", "shipped_weight_set")),
            ({"min_interactions": 0}, ("learning_config", "min_interactions")),
            ([], ("learning_config",)),
        ],
    )
    def test_a_config_that_breaks_a_rule(self, config: object, location: tuple[str, ...]) -> None:
        found = refusal(searches=FOUR, fusion="learned", learning_config=config)
        assert found.location == location

    def test_candidates_may_all_come_with_the_search(self) -> None:
        parameters = read(fusion="learned")
        assert parameters.learning
        assert not parameters.feature_to_uri
        assert refusal(fusion="learned", searches=[]).location == ("searches",)
        assert read(fusion="rrf", searches=[]).searches == ()


class TestOnEmpty:
    VARIABLES = Variables(inputs={"blank": " ", "query": "shoes"})

    def test_error(self) -> None:
        assert one().asked(self.VARIABLES) == "shoes"
        with pytest.raises(MissingInput):
            one(query="{{INPUT.none}}").asked(self.VARIABLES)
        with pytest.raises(InvalidSearch):
            one(query="{{INPUT.blank}}").asked(self.VARIABLES)

    @pytest.mark.parametrize("on_empty", ["skip", "random"])
    def test_otherwise_nothing_is_asked(self, on_empty: str) -> None:
        for query in ("{{INPUT.none}}", "{{INPUT.blank}}"):
            assert one(query=query, on_empty=on_empty).asked(self.VARIABLES) is None
        assert one(on_empty=on_empty).asked(self.VARIABLES) == "shoes"
