"""What each stage does with what was found."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.domain.template import Variables
from desirepath.engine.serving.filters import Relaxation
from desirepath.engine.serving.hits import Hit
from desirepath.engine.serving.popularity import Popularity
from desirepath.engine.serving.stages import RUNS
from desirepath.errors import InvalidFilter, InvalidSearch, MissingInput, NotFound
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_interaction
from desirepath.testing.storage_contract.common import store
from tests.unit.engine.serving.stage_runs import (
    PAYLOADS,
    context_of,
    hits_of,
    ids,
    run,
    store_documents,
)

HALF: dict[str, Any] = {"lambda": 0.5}


@pytest.fixture(autouse=True)
def documents(storage: Storage) -> None:
    store_documents(storage)


def test_every_kind_but_the_search_can_be_run() -> None:
    assert set(RUNS) == set(STAGE_KINDS) - {"feature_search"}


@pytest.mark.parametrize("stage_id", RUNS)
def test_of_nothing_comes_nothing(storage: Storage, stage_id: str) -> None:
    assert run(storage, stage_id, [], **STAGE_KINDS[stage_id].example) == []


@pytest.mark.parametrize("stage_id", RUNS)
def test_hits_that_came_in_stay_as_they_were(storage: Storage, stage_id: str) -> None:
    """A stage that fails half-way must not have changed what goes on without it."""
    hits = hits_of("a", "b", "c", "ghost")
    before = [replace(hit) for hit in hits]
    run(storage, stage_id, hits, **STAGE_KINDS[stage_id].example)
    assert hits == before


class TestAttributeFilter:
    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            ({"field": "brand", "operator": "eq", "value": "x"}, "ac"),
            ({"field": "brand", "value": "z"}, ""),
            ({"field": "brand", "operator": "contains", "value": "z"}, ""),
            (
                {"field": "brand", "operator": "contains", "value": "z", "case_insensitive": True},
                "d",
            ),
            ({"field": "payload.price", "operator": "lt", "value": 15}, "bd"),
            ({"field": "metadata.rank", "operator": "gte", "value": 3}, "ed"),
            ({"field": "size.eu", "value": 40}, "a"),
            ({"field": "brand", "operator": "exists", "value": False}, "e?"),
            ({"conditions": {"tags": "red", "price": {"gt": 10}}}, "a"),
            ({"OR": [{"sale": True}, {"document_id": "b"}]}, "cb"),
            ({"NOT": [{"brand": ["x", "y"]}]}, "ed?"),
            ({"conditions": {"AND": []}}, "eacbd?"),
        ],
        ids=str,
    )
    def test_keeps_what_it_holds_of_in_order(
        self, storage: Storage, parameters: dict[str, Any], expected: str
    ) -> None:
        assert ids(run(storage, "attribute_filter", hits_of(*"eacbd?"), **parameters)) == expected

    def test_looks_at_the_payload_that_came_with_a_candidate(self, storage: Storage) -> None:
        hits = [
            Hit(document_id="ghost", score=1.0, payload={"brand": "x"}),
            Hit(document_id="b", score=0.5, payload={"brand": "x"}),
        ]
        kept = run(storage, "attribute_filter", hits, field="brand", value="x")
        assert [hit.payload for hit in kept] == [{"brand": "x"}] * 2
        assert kept[1].metadata == {"rank": 1}

    def test_templates(self, storage: Storage) -> None:
        context = {"inputs": {"brands": ["x", "y"], "field": "brand"}}
        assert (
            ids(
                run(
                    storage,
                    "attribute_filter",
                    hits_of(*"abcd"),
                    context=context,
                    field="{{INPUT.field}}",
                    operator="in",
                    value="{{INPUT.brands}}",
                )
            )
            == "abc"
        )

    def test_a_document_may_be_compared_with_itself(self, storage: Storage) -> None:
        kept = run(
            storage,
            "attribute_filter",
            hits_of(*"abcd"),
            field="metadata.rank",
            operator="lt",
            value="{{DOC.price}}",
        )
        assert ids(kept) == "abcd"
        none = run(
            storage,
            "attribute_filter",
            hits_of(*"abcd"),
            field="price",
            operator="lt",
            value="{{DOC.metadata.rank}}",
        )
        assert ids(none) == ""

    def test_a_missing_input_is_an_error(self, storage: Storage) -> None:
        with pytest.raises(MissingInput):
            run(storage, "attribute_filter", hits_of("a"), field="brand", value="{{INPUT.brand}}")

    def test_but_an_optional_one_leaves_its_condition_out_and_says_so(
        self, storage: Storage
    ) -> None:
        relaxations: list[Relaxation] = []
        context = {"left_out": frozenset({"brand"}), "relaxations": relaxations}
        kept = run(
            storage,
            "attribute_filter",
            hits_of(*"abcd"),
            context=context,
            conditions={"brand": "{{INPUT.brand}}", "price": {"lt": 15}},
        )
        assert ids(kept) == "bd"
        assert relaxations == [Relaxation(field="brand", input="brand")]

    def test_values_that_make_no_filter_are_refused(self, storage: Storage) -> None:
        with pytest.raises(InvalidFilter):
            run(
                storage,
                "attribute_filter",
                hits_of("a"),
                context={"inputs": {"brands": "x"}},
                field="brand",
                operator="in",
                value="{{INPUT.brands}}",
            )

    def test_as_the_first_stage_it_fetches(self, storage: Storage) -> None:
        first = {"is_first": True}
        found = run(storage, "attribute_filter", [], context=first, field="brand", value="x")
        assert [(hit.document_id, hit.score) for hit in found] == [("a", 0.0), ("c", 0.0)]
        assert found[0].payload == PAYLOADS["a"]
        everything = run(storage, "attribute_filter", [], context=first, conditions={"AND": []})
        assert ids(everything) == "abcde"


class TestPreFilters:
    def test_are_held_against_what_comes_in(self, storage: Storage) -> None:
        kept = run(storage, "limit", hits_of(*"abcd"), pre_filters={"brand": "x"}, limit=2)
        assert ids(kept) == "ac"

    def test_and_against_what_a_first_stage_fetches(self, storage: Storage) -> None:
        found = run(
            storage,
            "attribute_filter",
            [],
            pre_filters={"price": {"lt": 25}},
            context={"is_first": True},
            field="brand",
            value="x",
        )
        assert ids(found) == "c"


class TestSortRelevance:
    def hits(self) -> list[Hit]:
        numbers = {"a": None, "b": 1.0, "c": 3.0, "d": None, "e": 2.0}
        return [
            replace(hit, fields={} if number is None else {"scores": {"rerank": number}})
            for hit, number in zip(hits_of(*numbers), numbers.values(), strict=True)
        ]

    def test_by_the_score_highest_first(self, storage: Storage) -> None:
        assert ids(run(storage, "sort_relevance", hits_of(*"abc")[::-1])) == "abc"
        assert ids(run(storage, "sort_relevance", hits_of(*"abc"), direction="asc")) == "cba"

    @pytest.mark.parametrize(
        ("missing", "expected"), [("bottom", "cebad"), ("top", "adceb"), ("preserve", "acedb")]
    )
    def test_by_another_number(self, storage: Storage, missing: str, expected: str) -> None:
        ordered = run(
            storage,
            "sort_relevance",
            self.hits(),
            score_field="scores.rerank",
            missing_score=missing,
        )
        assert ids(ordered) == expected

    def test_by_a_field_of_the_document(self, storage: Storage) -> None:
        ordered = run(storage, "sort_relevance", hits_of(*"eabcd"), score_field="price")
        assert ids(ordered) == "acbde"

    def test_equal_scores_stay_as_they_came(self, storage: Storage) -> None:
        for direction in ("asc", "desc"):
            hits = hits_of(*"cab", score=1.0)
            assert ids(run(storage, "sort_relevance", hits, direction=direction)) == "cab"


class TestSortAttribute:
    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            ({"field": "price"}, "acbde"),
            ({"field": "price", "direction": "asc"}, "dbcae"),
            ({"field": "price", "direction": "asc", "nulls_last": False}, "edbca"),
            ({"field": "price", "nulls_last": False}, "acbde"),
            ({"field": "brand", "direction": "asc"}, "dacbe"),
            ({"field": "metadata.rank"}, "edcba"),
            ({"field": "document_id"}, "edcba"),
            ({"field": "nothing"}, "abcde"),
            ({"field": "{{INPUT.by}}"}, "acbde"),
        ],
        ids=str,
    )
    def test_order(self, storage: Storage, parameters: dict[str, Any], expected: str) -> None:
        context = {"inputs": {"by": "price"}}
        hits = run(storage, "sort_attribute", hits_of(*"abcde"), context=context, **parameters)
        assert ids(hits) == expected

    def test_a_field_that_is_none(self, storage: Storage) -> None:
        for value in (5, ""):
            with pytest.raises(InvalidSearch):
                run(
                    storage,
                    "sort_attribute",
                    hits_of("a"),
                    context={"inputs": {"by": value}},
                    field="{{INPUT.by}}",
                )


class TestLimit:
    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            ({"limit": 2}, "ab"),
            ({"limit": 2, "offset": 1}, "bc"),
            ({"offset": 4}, "e"),
            ({"offset": 9}, ""),
            ({}, "abcde"),
        ],
        ids=str,
    )
    def test_keeps_the_first(
        self, storage: Storage, parameters: dict[str, Any], expected: str
    ) -> None:
        assert ids(run(storage, "limit", hits_of(*"abcde"), **parameters)) == expected


class TestDeduplicate:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            (["brand"], "cbde"),
            (["brand", "price"], "cabde"),
            (["document_id"], "cabde"),
            (["nothing"], "cabde"),
        ],
    )
    def test_keeps_the_first_of_each(
        self, storage: Storage, fields: list[str], expected: str
    ) -> None:
        assert ids(run(storage, "deduplicate", hits_of(*"cabde"), fields=fields)) == expected

    def test_values_compare_as_json(self, storage: Storage) -> None:
        payloads: list[dict[str, Any]] = [
            {"v": 1},
            {"v": True},
            {"v": "1"},
            {"v": {"a": 1, "b": 2}},
            {"v": {"b": 2, "a": 1}},
            {"v": [1]},
        ]
        hits = [
            Hit(document_id=str(n), score=0.0, payload=payload)
            for n, payload in enumerate(payloads)
        ]
        assert ids(run(storage, "deduplicate", hits, fields=["v"])) == "01235"


class TestMmr:
    def test_by_vectors(self, storage: Storage) -> None:
        hits = hits_of(*"abcde", score=1.0)
        ordered = run(storage, "mmr", hits, **HALF, diversity_feature_uri="image")
        assert ids(ordered)[0] == "a"
        assert ids(ordered)[-1] == "b"  # the twin of a
        assert ordered[0].fields == {"scores": {"mmr": 0.5}}

    def test_relevance_alone_is_the_order_that_came(self, storage: Storage) -> None:
        ordered = run(
            storage, "mmr", hits_of(*"abcd"), **HALF | {"lambda": 1}, diversity_feature_uri="image"
        )
        assert ids(ordered) == "abcd"

    def test_by_fields(self, storage: Storage) -> None:
        hits = hits_of(*"acbde", score=1.0)
        ordered = run(storage, "mmr", hits, diversity_fields=["brand"])
        assert ids(ordered) == "abdec"

    def test_top_k(self, storage: Storage) -> None:
        kept = run(storage, "mmr", hits_of(*"abcd"), diversity_fields=["brand"], top_k=2)
        assert len(kept) == 2

    def test_scores_of_any_scale_are_traded(self, storage: Storage) -> None:
        orders = {
            ids(
                run(
                    storage,
                    "mmr",
                    [replace(hit, score=hit.score * scale + shift) for hit in hits_of(*"abcd")],
                    **HALF,
                    diversity_feature_uri="image",
                )
            )
            for scale, shift in ((1, 0), (100, -50), (0.001, 7))
        }
        assert len(orders) == 1

    def test_an_index_that_is_not_there(self, storage: Storage) -> None:
        with pytest.raises(NotFound) as caught:
            run(storage, "mmr", hits_of("a"), diversity_feature_uri="vector://none")
        assert caught.value.resource == "vector index"

    def test_documents_without_vectors_are_like_no_other(self, storage: Storage) -> None:
        hits = hits_of("e", "ghost", score=1.0)
        assert [
            h.document_id for h in run(storage, "mmr", hits, diversity_feature_uri="image")
        ] == [
            "e",
            "ghost",
        ]


class TestRerank:
    def test_by_a_weighted_sum_of_what_a_hit_and_its_document_have(self, storage: Storage) -> None:
        hits = [replace(hit, features={"ctr": n}) for n, hit in enumerate(hits_of(*"abcd"))]
        weights = {"price": 0.1, "features.ctr": 1, "score": 2}
        ordered = run(storage, "rerank", hits, weights=weights)
        scores = {hit.document_id: hit.fields["scores"]["rerank"] for hit in ordered}
        assert scores == pytest.approx(
            {"a": 3 + 0 + 2, "b": 1 + 1 + 1, "c": 2 + 2 + 0.5, "d": 0.55 + 3 + 0.25}
        )
        assert ids(ordered) == "acdb"
        assert [hit.score for hit in ordered] == [1.0, 0.25, 0.125, 0.5]

    def test_those_past_the_cap_follow_as_they_came(self, storage: Storage) -> None:
        ordered = run(storage, "rerank", hits_of(*"abcde"), weights={"score": -1}, max_candidates=3)
        assert ids(ordered) == "cbade"
        assert ordered[3].fields == {}
        kept = run(
            storage, "rerank", hits_of(*"abcde"), weights={"score": -1}, max_candidates=3, top_k=4
        )
        assert ids(kept) == "cbad"

    def test_ten_unless_said_otherwise(self, storage: Storage) -> None:
        hits = [Hit(document_id=str(n), score=-float(n)) for n in range(12)]
        weights = {"score": -1}
        cut = run(storage, "rerank", hits, weights=weights)
        assert [hit.document_id for hit in cut] == [*map(str, range(9, -1, -1)), "10", "11"]
        whole = run(storage, "rerank", hits, weights=weights, max_candidates=None)
        assert [hit.document_id for hit in whole] == [*map(str, range(11, -1, -1))]

    def test_what_is_no_number_is_nothing(self, storage: Storage) -> None:
        ordered = run(storage, "rerank", hits_of(*"ac"), weights={"brand": 5, "sale": 5})
        assert [hit.fields["scores"]["rerank"] for hit in ordered] == [0.0, 0.0]

    def test_another_field_for_the_score(self, storage: Storage) -> None:
        weights = {"price": 1}
        (hit,) = run(storage, "rerank", hits_of("a"), weights=weights, score_field="score")
        assert (hit.score, hit.fields) == (30.0, {})

    def test_boost_by_interaction_count(self, storage: Storage) -> None:
        store(storage, an_interaction(feature_id="c", user_id="u"))
        boost = {"interaction_types": ["click"], "boost_multiplier": 9}
        ordered = run(storage, "rerank", hits_of(*"abc"), boost_by_interaction_count=boost)
        assert ids(ordered) == "cab"
        assert ordered[0].fields["scores"]["rerank"] == pytest.approx(0.25 * 9)


class TestPopularityBoost:
    @pytest.fixture
    def popular(self, storage: Storage) -> Storage:
        clicks = [("c", f"user {n}") for n in range(7)] + [("b", "user 1"), ("b", "user 1")]
        store(storage, *(an_interaction(feature_id=id, user_id=user) for id, user in clicks))
        return storage

    def test_raises_by_the_logarithm_of_the_people(self, popular: Storage) -> None:
        hits = hits_of(*"abc", score=1.0)
        raised = run(popular, "popularity_boost", hits, multiplier=3)
        assert [(hit.document_id, hit.score) for hit in raised] == [
            ("c", 3.0),
            ("b", pytest.approx(1 + 2 * 1 / 3)),  # ln 2 / ln 8
            ("a", 1.0),
        ]
        assert [hit.fields["interaction_count"] for hit in raised] == [7, 1, 0]

    def test_raises_what_is_below_zero_too(self, popular: Storage) -> None:
        raised = run(popular, "popularity_boost", hits_of(*"abc", score=-1.0), multiplier=3)
        assert [(hit.document_id, round(hit.score, 3)) for hit in raised] == [
            ("c", 1.0),
            ("b", -0.333),
            ("a", -1.0),
        ]

    def test_one_changes_nothing(self, popular: Storage) -> None:
        raised = run(popular, "popularity_boost", hits_of(*"abc"), multiplier=1)
        assert [hit.score for hit in raised] == [1.0, 0.5, 0.25]

    def test_of_other_types_or_another_time_nobody_is_counted(self, popular: Storage) -> None:
        hits = hits_of(*"abc")
        changes: tuple[dict[str, Any], ...] = (
            {"interaction_types": ["share"]},
            {"window_days": 1, "context": {"now": START + 3 * 86_400_000_000}},
        )
        for change in changes:
            raised = run(popular, "popularity_boost", hits, **change)
            assert ids(raised) == "abc"
            assert {hit.fields["interaction_count"] for hit in raised} == {0}

    def test_searches_share_a_count(self, popular: Storage) -> None:
        shared = {"popularity": Popularity()}
        run(popular, "popularity_boost", hits_of("a"), context=shared)
        store(popular, an_interaction(feature_id="a", user_id="new"))
        (old,) = run(popular, "popularity_boost", hits_of("a"), context=shared)
        (new,) = run(popular, "popularity_boost", hits_of("a"))
        assert (old.fields, new.fields) == ({"interaction_count": 0}, {"interaction_count": 1})


def test_variables_beside_the_inputs(storage: Storage) -> None:
    variables = Variables(inputs={}, context={"first": ["c"]}, stage={"search": {"total": 20}})
    kept = run(
        storage,
        "attribute_filter",
        hits_of(*"abc"),
        context={"variables": variables},
        conditions={
            "OR": [
                {"field": "document_id", "operator": "in", "value": "{{CONTEXT.first}}"},
                {"price": {"lt": "{{STAGE.search.total}}"}},
            ]
        },
    )
    assert ids(kept) == "bc"


def test_a_context_knows_its_inputs(storage: Storage) -> None:
    with storage.read() as session:
        context = context_of(session, inputs={"a": 1})
        assert context.filled_by == Variables(inputs={"a": 1})
