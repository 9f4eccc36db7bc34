"""Searches over the API: what is found, filtered, fused, shown, logged and refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desirepath.domain.document import Metric, VectorIndex
from desirepath.domain.ranking import Ranking
from desirepath.methods.fusion.learned import learned_scores, replay
from desirepath.testing.examples import a_document
from tests.api.client import Api, done

PATH = "/v1/retrievers"
TITLES = {
    "red shoe": {"brand": "ant", "price": 30, "vector": (1.0, 0.0)},
    "red boot": {"brand": "bee", "price": 10, "vector": (0.8, 0.6)},
    "blue shoe": {"brand": "ant", "price": 20, "vector": (0.0, 1.0)},
    "green hat": {"brand": "cat", "price": 40, "vector": (-1.0, 0.0)},
}
TITLE = {"feature_uri": "text://title", "query": "{{INPUT.query}}"}
IMAGE = {"feature_uri": "image", "query": {"input_mode": "vector", "value": "{{INPUT.vector}}"}}


def fill(api: Api) -> None:
    """Store the documents, whose ids are their titles."""
    documents = [
        a_document(
            document_id=title.replace(" ", "-"),
            payload={"title": title, "brand": about["brand"], "price": about["price"]},
            metadata={"shelf": number},
            vectors={"image": about["vector"]},
        )
        for number, (title, about) in enumerate(TITLES.items())
    ]
    with api.engine.storage.write() as session:
        index = VectorIndex(name="image", dimension=2, metric=Metric.COSINE)
        session.documents.define_vector(api.namespace.number, index)
        session.documents.upsert(api.namespace.number, documents)


def search(*searches: Mapping[str, Any], **parameters: Any) -> dict[str, Any]:
    """A feature_search stage."""
    pre_filters = parameters.pop("pre_filters", None)
    config = {"stage_id": "feature_search", "parameters": {"searches": searches, **parameters}}
    if pre_filters is not None:
        config["pre_filters"] = pre_filters
    return {"stage_name": "search", "config": config}


def stage(stage_id: str, **parameters: Any) -> dict[str, Any]:
    return {"stage_name": stage_id, "config": {"stage_id": stage_id, "parameters": parameters}}


def create(api: Api, *stages: Mapping[str, Any], **fields: Any) -> str:
    """A retriever; its id."""
    body = {"retriever_name": "shop", "stages": stages, **fields}
    made = done(api.post(PATH, body))
    id: str = made["retriever_id"] if "retriever_id" in made else made["retriever"]["retriever_id"]
    return id


def execute(api: Api, retriever: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = done(api.post(f"{PATH}/{retriever}/execute", body))
    return answer


def refused(api: Api, retriever: str, **body: Any) -> Any:
    """The message and place of a 422."""
    answer = api.post(f"{PATH}/{retriever}/execute", body)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    return error["message"], error["details"].get("validation_errors", [])


def shown(answer: Mapping[str, Any]) -> list[str]:
    return [document["document_id"] for document in answer["documents"]]


def sent(*pairs: tuple[str, float]) -> list[dict[str, Any]]:
    return [{"document_id": id, "score": score} for id, score in pairs]


def ranking_of(api: Api, execution_id: str) -> Ranking:
    with api.engine.storage.read() as session:
        execution = session.executions.get(api.namespace.number, execution_id)
    assert execution is not None
    assert execution.ranking is not None
    return execution.ranking


class TestFinding:
    def test_words_find_and_payloads_come_back(self, api: Api) -> None:
        fill(api)
        answer = execute(api, create(api, search(TITLE)), inputs={"query": "boot"})
        (document,) = answer["documents"]
        assert document["document_id"] == "red-boot"
        assert document["payload"] == {"title": "red boot", "brand": "bee", "price": 10}
        assert document["position"] == 0
        assert document["attribution"]["text://title"]["share"] == 1.0

    def test_vectors_find_by_what_is_near(self, api: Api) -> None:
        fill(api)
        answer = execute(api, create(api, search(IMAGE)), inputs={"vector": [1, 0.1]})
        assert shown(answer) == ["red-shoe", "red-boot", "blue-shoe", "green-hat"]

    def test_vectors_come_when_they_are_asked_for(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE))
        answer = execute(api, retriever, inputs={"query": "boot"}, return_vectors=True)
        (document,) = answer["documents"]
        assert document["vectors"]["image"] == pytest.approx([0.8, 0.6])

    def test_a_document_finds_those_like_it(self, api: Api) -> None:
        fill(api)
        like = {"feature_uri": "image", "query": {"document_ref": {"document_id": "{{INPUT.id}}"}}}
        retriever = create(api, search(like))
        assert shown(execute(api, retriever, inputs={"id": "blue-shoe"}))[:2] == [
            "blue-shoe",
            "red-boot",
        ]
        message, _ = refused(api, retriever, inputs={"id": "nobody"})
        assert message == "The document to search by has no such vector."

    def test_a_text_is_not_taken_for_the_id_of_a_document(self, api: Api) -> None:
        fill(api)
        by_text = {"feature_uri": "image", "query": "{{INPUT.query}}"}
        message, _ = refused(api, create(api, search(by_text)), inputs={"query": "blue-shoe"})
        assert "vector index is searched with a vector" in message

    def test_lists_of_several_features_are_fused(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE, IMAGE, fusion="weighted"))
        answer = execute(api, retriever, inputs={"query": "hat", "vector": [1, 0]})
        documents = {document["document_id"]: document for document in answer["documents"]}
        assert len(documents) == 4
        for document in documents.values():
            given = sum(part["score"] for part in document["attribution"].values())
            assert document["score"] == pytest.approx(given)
        assert set(documents["green-hat"]["attribution"]) == {"text://title", "image"}

    def test_two_spellings_of_a_feature_are_one_arm_with_both_their_lists(self, api: Api) -> None:
        fill(api)
        other = {
            "feature_uri": "vector://image",
            "query": {"input_mode": "vector", "value": "{{INPUT.other}}"},
        }
        few = {"top_k": 1}
        retriever = create(api, search(IMAGE | few, other | few, fusion="max"))
        answer = execute(api, retriever, inputs={"vector": [1, 0], "other": [-1, 0.1]})
        assert set(shown(answer)) == {"red-shoe", "green-hat"}
        assert all(set(one["attribution"]) == {"image"} for one in answer["documents"])
        assert ranking_of(api, answer["execution_id"]).features == ("image",)

    def test_a_lexical_search_is_one_of_all_texts(self, api: Api) -> None:
        fill(api)
        lexical = {"feature_uri": "image", "query": "{{INPUT.query}}", "lexical": True}
        answer = execute(api, create(api, search(lexical)), inputs={"query": "hat bee"})
        assert set(shown(answer)) == {"green-hat", "red-boot"}
        assert answer["documents"][0]["attribution"].keys() == {"text://*"}

    def test_a_score_that_is_too_low_is_left_out(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(IMAGE | {"min_score": 0.5}))
        answer = execute(api, retriever, inputs={"vector": [1, 0]})
        assert shown(answer) == ["red-shoe", "red-boot"]

    def test_an_optional_search_of_what_is_not_there_is_left_out(self, api: Api) -> None:
        fill(api)
        nowhere = {"feature_uri": "text://nowhere", "query": "{{INPUT.query}}"}
        retriever = create(api, search(TITLE, nowhere | {"optional": True}))
        assert shown(execute(api, retriever, inputs={"query": "hat"})) == ["green-hat"]
        strict = create(api, search(nowhere), retriever_name="strict")
        answer = api.post(f"{PATH}/{strict}/execute", {"inputs": {"query": "hat"}})
        assert answer.status_code == 404


class TestEmptyQueries:
    def test_are_refused_by_default(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE))
        assert refused(api, retriever, inputs={"query": "  "})[0] == (
            "A query of the search is empty."
        )
        message, places = refused(api, retriever, inputs={})
        assert message.startswith("The retriever needs inputs.query")
        assert places[0]["location"] == ["body", "inputs", "query"]

    def test_may_be_skipped(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE | {"on_empty": "skip"}))
        assert execute(api, retriever, inputs={})["documents"] == []

    def test_may_find_documents_at_random_of_those_that_are_let_pass(self, api: Api) -> None:
        fill(api)
        random = TITLE | {"on_empty": "random", "top_k": 1, "filters": {"brand": "ant"}}
        retriever = create(api, search(random))
        found = {shown(execute(api, retriever))[0] for _ in range(64)}
        assert found == {"red-shoe", "blue-shoe"}  # the chance to see one only is 2**-63


class TestFilters:
    def test_of_the_request_hold_of_what_is_found_and_fetched(self, api: Api) -> None:
        fill(api)
        cheap = {"AND": [{"field": "price", "operator": "lt", "value": 25}]}
        searching = create(api, search(TITLE))
        answer = execute(api, searching, inputs={"query": "red shoe"}, filters=cheap)
        assert set(shown(answer)) == {"red-boot", "blue-shoe"}
        fetching = create(
            api,
            stage("attribute_filter", field="brand", value="ant"),
            retriever_name="by brand",
        )
        assert shown(execute(api, fetching)) == ["blue-shoe", "red-shoe"]
        assert shown(execute(api, fetching, filters=cheap)) == ["blue-shoe"]

    def test_a_condition_on_an_optional_input_is_left_out_and_named(self, api: Api) -> None:
        fill(api)
        brand = {"brand": "{{INPUT.brand}}"}
        schema = {"query": {"type": "text", "required": True}, "brand": {"type": "string"}}
        for number, retriever in enumerate(
            [
                create(api, search(TITLE, pre_filters=brand), input_schema=schema),
                create(
                    api,
                    search(TITLE | {"filters": brand}),
                    input_schema=schema,
                    retriever_name="own filter",
                ),
                create(
                    api,
                    search(TITLE),
                    stage("attribute_filter", field="brand", value="{{INPUT.brand}}"),
                    input_schema=schema,
                    retriever_name="later",
                ),
            ]
        ):
            one = execute(api, retriever, inputs={"query": "shoe", "brand": "ant"})
            assert set(shown(one)) == {"red-shoe", "blue-shoe"}, number
            assert one["interpretation"]["relaxations"] == []
            other = execute(api, retriever, inputs={"query": "red"})
            assert set(shown(other)) == {"red-shoe", "red-boot"}, number
            assert other["interpretation"]["relaxations"] == [{"field": "brand", "input": "brand"}]

    def test_a_condition_on_an_undeclared_input_is_not_left_out(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE, pre_filters={"brand": "{{INPUT.brand}}"}))
        message, _ = refused(api, retriever, inputs={"query": "red"})
        assert message.startswith("The retriever needs inputs.brand")

    def test_templates_in_a_filter_that_is_sent_are_plain_text(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE))
        answer = execute(
            api, retriever, inputs={"query": "red"}, filters={"brand": "{{INPUT.query}}"}
        )
        assert answer["documents"] == []

    def test_filters_alone_find_all_that_match_up_to_the_limit(self, api: Api) -> None:
        fill(api)
        # Whether an array holds a number is decided after the database has narrowed nothing.
        retriever = create(api, search(pre_filters={"metadata.shelf": {"gte": 2}}, final_top_k=1))
        assert shown(execute(api, retriever)) == ["blue-shoe"]
        nothing = create(api, search(), retriever_name="nothing")
        answer = execute(api, nothing)
        assert answer["documents"] == []
        assert "Nothing was searched" in answer["warnings"][0]


class TestStages:
    def test_run_one_after_another(self, api: Api) -> None:
        fill(api)
        retriever = create(
            api,
            search(TITLE),
            stage("sort_attribute", field="price", direction="asc"),
            stage("limit", limit=2),
        )
        answer = execute(api, retriever, inputs={"query": "red shoe"})
        assert shown(answer) == ["red-boot", "blue-shoe"]
        stages = answer["stage_statistics"]["stages"]
        assert [stages[name]["output_count"] for name in stages] == [3, 3, 2]
        with api.engine.storage.read() as session:
            logged = session.executions.get(api.namespace.number, answer["execution_id"])
        assert logged is not None
        assert [one.document_id for one in logged.documents] == shown(answer)

    def test_one_that_fails_may_be_skipped(self, api: Api) -> None:
        fill(api)
        failing = stage("sort_attribute", field="{{INPUT.by}}")
        assert_fails = create(api, search(TITLE), failing)
        refused(api, assert_fails, inputs={"query": "red"})
        retriever = create(
            api, search(TITLE), failing | {"on_error": "skip"}, retriever_name="lenient"
        )
        answer = execute(api, retriever, inputs={"query": "red"})
        assert set(shown(answer)) == {"red-shoe", "red-boot"}
        assert answer["status"] == "degraded"
        assert answer["degraded"][0]["id"] == "sort_attribute"

    def test_the_last_of_several_searches_is_what_is_logged(self, api: Api) -> None:
        fill(api)
        first = search(TITLE, fusion="learned") | {"stage_name": "words", "output_alias": "words"}
        second = search(IMAGE) | {"stage_name": "vectors"}
        retriever = create(api, first, second)
        answer = execute(api, retriever, inputs={"query": "red", "vector": [0, 1]})
        assert shown(answer)[0] == "blue-shoe"
        ranking = ranking_of(api, answer["execution_id"])
        assert (ranking.features, ranking.fusion, ranking.draw) == (("image",), "rrf", None)

    def test_one_that_takes_too_long_is_ended(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE), budget_limits={"max_time_ms": 0})
        answer = api.post(f"{PATH}/{retriever}/execute", {"inputs": {"query": "red"}})
        assert answer.status_code == 503
        error = answer.json()["error"]
        assert error["details"]["retryable"] is False
        enough = create(
            api,
            search(TITLE),
            budget_limits={"max_time_ms": 60_000},
            retriever_name="patient",
        )
        assert shown(execute(api, enough, inputs={"query": "boot"})) == ["red-boot"]


class TestCandidates:
    def test_of_your_own_engine_are_fused(self, api: Api) -> None:
        mine = {"feature_uri": "mine://words"}, {"feature_uri": "mine://vectors"}
        retriever = create(api, search(*mine, fusion="rrf"))
        answer = execute(
            api,
            retriever,
            candidates={
                "mine://words": sent(("a", 9.0), ("b", 8.0)),
                "mine://vectors": sent(("b", 0.9), ("c", 0.1)),
            },
        )
        assert shown(answer) == ["b", "a", "c"]

    def test_mix_with_features_of_the_index(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE, {"feature_uri": "mine://x"}, fusion="rrf"))
        answer = execute(
            api,
            retriever,
            inputs={"query": "hat"},
            candidates={"mine://x": sent(("green-hat", 1.0), ("elsewhere", 0.5))},
        )
        assert shown(answer) == ["green-hat", "elsewhere"]
        assert answer["documents"][0]["payload"]["title"] == "green hat"
        assert answer["documents"][1]["payload"] == {}
        without = execute(api, retriever, inputs={"query": "hat"})
        assert without["warnings"] == ["No candidates were sent for feature mine://x."]

    def test_need_no_features_in_the_retriever(self, api: Api) -> None:
        retriever = create(api, stage("feature_search", fusion="learned"))
        answer = execute(api, retriever, candidates={"mine://x": sent(("b", 1), ("a", 2))})
        assert shown(answer) == ["a", "b"]
        assert ranking_of(api, answer["execution_id"]).features == ("mine://x",)

    def test_an_empty_list_is_no_error(self, api: Api) -> None:
        retriever = create(api, search({"feature_uri": "mine://x"}))
        assert execute(api, retriever, candidates={"mine://x": []})["documents"] == []

    @pytest.mark.parametrize(
        ("candidates", "message"),
        [
            ({"mine://y": sent(("a", 1.0))}, "it has mine://x"),
            ({"mine://x": sent(("a", 1.0), ("a", 2.0))}, "lists a document twice"),
            ({"mine://x": sent(*((f"d{n}", n) for n in range(10_001)))}, "10000"),
            ({"mine://x": [{"document_id": "a"}]}, "score"),
            ({"mine://x": [{"document_id": "a", "score": "1"}]}, "float"),
            ({"mine://x": [{"document_id": "", "score": 1}]}, ""),
            ({"": sent(("a", 1.0))}, ""),
        ],
        ids=["unknown", "twice", "too many", "no score", "text", "no id", "no feature"],
    )
    def test_that_cannot_be_used_are_refused(self, api: Api, candidates: Any, message: str) -> None:
        retriever = create(api, search({"feature_uri": "mine://x"}))
        assert message in refused(api, retriever, candidates=candidates)[0]


class TestBadInput:
    @pytest.mark.parametrize("vector", [[1.0], [1.0, 2.0, 3.0], "x", [1.0, None], [], [0, 0]])
    def test_vectors_that_do_not_fit(self, api: Api, vector: Any) -> None:
        fill(api)
        answer = api.post(
            f"{PATH}/{create(api, search(IMAGE))}/execute", {"inputs": {"vector": vector}}
        )
        assert answer.status_code in (422, 200)
        assert answer.status_code == 422 or answer.json()["documents"] == []

    @pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
    def test_what_is_no_number(self, api: Api, number: bytes) -> None:
        fill(api)
        body = b'{"inputs": {"vector": [1, %s]}}' % number
        path = f"{PATH}/{create(api, search(IMAGE))}/execute"
        assert api.call("POST", path, content=body).status_code in (400, 422)

    def test_a_retriever_without_stages_does_not_search(self, api: Api) -> None:
        assert "no stages" in refused(api, create(api))[0]

    def test_a_page_of_another_search(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE))
        body = {"inputs": {"query": "red"}, "parent_execution_id": "exec_nobody"}
        assert api.post(f"{PATH}/{retriever}/execute", body).status_code == 404


class TestPages:
    def test_go_on_with_the_same_weights(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(TITLE, IMAGE, fusion="learned"))
        inputs = {"query": "red shoe hat", "vector": [1, 0.2]}
        first = execute(api, retriever, inputs=inputs, limit=2)
        cursor = first["pagination"]["next_cursor"]
        second = execute(api, retriever, inputs=inputs, limit=2, pagination={"cursor": cursor})
        assert len({*shown(first), *shown(second)}) == 4
        assert second["documents"][0]["position"] == 2
        assert not second["pagination"]["has_next"]
        one, two = (ranking_of(api, page["execution_id"]) for page in (first, second))
        assert one.weights == two.weights

    def test_by_number(self, api: Api) -> None:
        fill(api)
        retriever = create(api, search(IMAGE))
        page = {"method": "offset", "page_size": 3, "page_number": 2}
        answer = execute(api, retriever, inputs={"vector": [1, 0]}, pagination=page)
        assert shown(answer) == ["green-hat"]
        assert answer["pagination"]["total"] == 4


def test_several_at_once(api: Api) -> None:
    fill(api)
    retriever = create(api, search(TITLE))
    queries = [{"inputs": {"query": "hat"}}, {"inputs": {}}]
    answer = done(api.post(f"{PATH}/{retriever}/execute/batch", {"queries": queries}))
    assert (answer["succeeded"], answer["failed"]) == (1, 1)
    assert shown(answer["results"]["0"]) == ["green-hat"]
    assert "inputs.query" in answer["results"]["1"]["error"]


SCORES = st.floats(-1e6, 1e6, allow_subnormal=False)
LISTS = st.lists(
    st.dictionaries(st.sampled_from([f"d{n}" for n in range(12)]), SCORES, max_size=12),
    min_size=1,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(lists=LISTS)
def test_a_learned_search_is_served_again_from_its_record(
    api: Api, lists: Sequence[Mapping[str, float]]
) -> None:
    name = f"replay-{len(lists)}"
    found = api.get(f"{PATH}/{name}")
    if found.status_code == 404:
        features = [{"feature_uri": f"mine://{n}"} for n in range(len(lists))]
        create(api, search(*features, fusion="learned"), retriever_name=name)
    candidates = {f"mine://{n}": sent(*scores.items()) for n, scores in enumerate(lists)}
    answer = execute(api, name, candidates=candidates)
    ranking = ranking_of(api, answer["execution_id"])
    levels = np.frombuffer(ranking.levels, "<u2").reshape(len(ranking.pool), len(lists))
    weights = np.array(ranking.weights)
    assert shown(answer) == replay(ranking.pool, levels, weights)
    assert shown(answer) == list(ranking.pool)
    scores = learned_scores(levels, weights)
    assert [one["score"] for one in answer["documents"]] == scores.tolist()
