"""Searches that a trained ranker orders: what is answered and logged, and what is refused."""

from __future__ import annotations

import math
import sys
import time
from contextlib import closing
from typing import Any

import pytest

from desirepath.engine.engine import Engine
from desirepath.engine.models import delete_model, deploy_model, roll_back_model
from desirepath.engine.recording import RecordingRules
from tests.api.client import Api, done
from tests.api.test_execute import PATH, TITLE, create, execute, fill, search, stage
from tests.rankers import deploy_ranker, trees_by

BY_PRICE = {"field:price": 1.0}


def ids(answer: dict[str, Any]) -> list[str]:
    return [document["document_id"] for document in answer["documents"]]


def refusal(api: Api, *stages: dict[str, Any]) -> tuple[str, list[Any]]:
    answer = api.post(PATH, {"retriever_name": "shop", "stages": stages})
    assert answer.status_code == 422, answer.text
    (entry,) = answer.json()["error"]["details"]["validation_errors"]
    return entry["message"], entry["location"]


@pytest.fixture
def shop(api: Api) -> Api:
    """Documents, and a ranker that puts the dearest first."""
    fill(api)
    deploy_ranker(api.engine, api.namespace, BY_PRICE)
    api.engine.rankers.patience_seconds = 600.0
    return api


def test_a_ranker_orders(shop: Api) -> None:
    id = create(shop, search(TITLE), stage("rerank", inference_name="ours"))
    answer = execute(shop, id, inputs={"query": "red shoe"}, explain=True)
    assert ids(answer) == ["red-shoe", "blue-shoe", "red-boot"]
    assert answer["warnings"] == []
    scores = [document["scores"]["rerank"] for document in answer["documents"]]
    assert scores == sorted(scores, reverse=True)
    run = answer["stage_statistics"]["stages"]["rerank"]
    assert (run["model"], run["model_version"], run["error"]) == ("ours", 1, None)
    (explained,) = answer["explain_plan"]["rerank"]
    assert (explained["model"], explained["model_version"]) == ("ours", 1)
    seen = {one["document_id"]: one for one in explained["documents"]}
    assert {id: one["features"] for id, one in seen.items()} == {
        "red-shoe": {"field:price": 30.0},
        "blue-shoe": {"field:price": 20.0},
        "red-boot": {"field:price": 10.0},
    }
    assert [seen[id]["score"] for id in ids(answer)] == scores


def test_nothing_is_explained_unless_it_is_asked(shop: Api) -> None:
    id = create(shop, search(TITLE), stage("rerank", inference_name="ours"))
    assert execute(shop, id, inputs={"query": "red"}).get("explain_plan") is None


def test_the_log_knows_the_order_before_and_who_made_the_one_after(shop: Api) -> None:
    plain = create(shop, search(TITLE), retriever_name="plain")
    before = execute(shop, plain, inputs={"query": "red shoe"})
    by_model = stage("rerank", inference_name="ours", score_field="score", max_candidates=2)
    id = create(shop, search(TITLE), by_model)
    answer = execute(shop, id, inputs={"query": "red shoe"}, features={"red-boot": {"margin": 7.0}})
    with shop.engine.storage.read() as session:
        logged = session.executions.get(shop.namespace.number, answer["execution_id"])
    assert logged is not None
    assert logged.profile is not None
    (run,) = [run for run in logged.profile.stages if run.stage_id == "rerank"]
    assert (run.model, run.model_version) == ("ours", 1)
    features = {one.document_id: one.features or {} for one in logged.documents}
    for rank, document in enumerate(before["documents"]):
        of_document = features[document["document_id"]]
        assert of_document["rerank.rank"] == rank
        assert of_document["rerank.score"] == document["score"]
    assert features["red-boot"]["margin"] == 7.0
    assert [one.score for one in logged.documents][:2] != [
        document["score"] for document in before["documents"]
    ][:2]
    profile = done(shop.get(f"{PATH}/{id}/executions/{answer['execution_id']}/profile"))
    assert profile["stages"][1]["model"] == "ours"


def test_clicks_are_seen_after_their_minute(shop: Api) -> None:
    deploy_ranker(shop.engine, shop.namespace, {"popularity": 1.0}, name="popular")
    id = create(shop, search(TITLE), stage("rerank", inference_name="popular"))

    def popularity() -> dict[str, float]:
        answer = execute(shop, id, inputs={"query": "red shoe"}, explain=True)
        assert answer["warnings"] == []
        (explained,) = answer["explain_plan"]["rerank"]
        return {one["document_id"]: one["features"]["popularity"] for one in explained["documents"]}

    shown = execute(shop, id, inputs={"query": "red shoe"})
    click = {
        "feature_id": "red-boot",
        "interaction_type": ["click"],
        "position": 0,
        "execution_id": shown["execution_id"],
    }
    done(shop.post(f"{PATH}/interactions", click))
    assert set(popularity().values()) == {0.0}
    shop.clock.advance(seconds=66)
    assert popularity() == pytest.approx(
        {"red-shoe": 0.0, "blue-shoe": 0.0, "red-boot": math.log(2)}, abs=1e-4
    )


class TestVersions:
    def test_deploying_and_rolling_back_change_the_order(self, shop: Api) -> None:
        id = create(shop, search(TITLE), stage("rerank", inference_name="ours"))
        pinned = create(
            shop,
            search(TITLE),
            stage("rerank", inference_name="ours", model_version=1),
            retriever_name="pinned",
        )
        dear = ids(execute(shop, id, inputs={"query": "red shoe"}))
        deploy_ranker(shop.engine, shop.namespace, {"field:price": -1.0})
        assert ids(execute(shop, id, inputs={"query": "red shoe"})) == dear[::-1]
        assert ids(execute(shop, pinned, inputs={"query": "red shoe"})) == dear
        roll_back_model(shop.engine, shop.namespace.number, "ours")
        shop.engine.directory.forget()
        assert ids(execute(shop, id, inputs={"query": "red shoe"})) == dear

    def test_other_processes_see_it_within_a_second(
        self, shop: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deploy_ranker(shop.engine, shop.namespace, {"field:price": -1.0})
        engine = shop.engine
        with closing(Engine(engine.storage, engine.clock, RecordingRules())) as other:
            number = shop.namespace.number
            assert other.rankers.get(number, "ours", None).artifact.version == 2
            deploy_model(engine, number, "ours", 1)
            seconds = time.monotonic
            monkeypatch.setattr(time, "monotonic", lambda: seconds() + 1.0)
            assert other.rankers.get(number, "ours", None).artifact.version == 1


class TestRefusals:
    def test_a_ranker_that_is_not_there(self, api: Api) -> None:
        message, location = refusal(api, search(TITLE), stage("rerank", inference_name="none"))
        assert message == "No ranker of this name is deployed."
        assert location == ["body", "stages", 1, "config", "parameters", "inference_name"]

    def test_a_version_that_is_not_there(self, shop: Api) -> None:
        named = stage("rerank", inference_name="ours", model_version=2)
        assert (
            refusal(shop, search(TITLE), named)[0] == "No ranker of this name is of this version."
        )

    def test_trees_of_another_layout(self, shop: Api) -> None:
        trees = trees_by({"a": 1.0, "b": 1.0})
        deploy_ranker(shop.engine, shop.namespace, BY_PRICE, name="odd", trees=trees)
        message, _ = refusal(shop, search(TITLE), stage("rerank", inference_name="odd"))
        assert "another layout" in message

    def test_trees_that_are_none(self, shop: Api) -> None:
        deploy_ranker(shop.engine, shop.namespace, BY_PRICE, name="odd", trees="nonsense")
        message, _ = refusal(shop, search(TITLE), stage("rerank", inference_name="odd"))
        assert "model" in message

    def test_scores_by_features_that_the_retriever_lacks(self, shop: Api) -> None:
        weights = {"score:text://brand": 1.0, "score:text://title": 1.0}
        deploy_ranker(shop.engine, shop.namespace, weights, name="by-brand")
        message, _ = refusal(shop, search(TITLE), stage("rerank", inference_name="by-brand"))
        assert "another layout" in message
        assert "text://brand." in message

    def test_a_missing_library(self, shop: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        message, _ = refusal(shop, search(TITLE), stage("rerank", inference_name="ours"))
        assert "desirepath[train]" in message

    def test_a_change_is_checked_too(self, shop: Api) -> None:
        id = create(shop, search(TITLE))
        stages = [search(TITLE), stage("rerank", inference_name="none")]
        assert shop.call("PATCH", f"{PATH}/{id}", {"stages": stages}).status_code == 422


class TestWithout:
    """A search goes on without a ranker."""

    def test_in_the_order_that_came(self, shop: Api) -> None:
        plain = create(shop, search(TITLE), retriever_name="plain")
        expected = ids(execute(shop, plain, inputs={"query": "red shoe"}))
        id = create(shop, search(TITLE), stage("rerank", inference_name="ours"))
        delete_model(shop.engine, shop.namespace.number, "ours")
        shop.engine.directory.forget()
        answer = execute(shop, id, inputs={"query": "red shoe"})
        assert ids(answer) == expected
        assert answer["status"] == "degraded"
        assert answer["warnings"] == ["A stage was skipped: No ranker of this name is deployed."]

    def test_unless_the_stage_says_so(self, shop: Api) -> None:
        strict = {**stage("rerank", inference_name="ours"), "on_error": "error"}
        id = create(shop, search(TITLE), strict)
        delete_model(shop.engine, shop.namespace.number, "ours")
        shop.engine.directory.forget()
        answer = shop.post(f"{PATH}/{id}/execute", {"inputs": {"query": "red"}})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "ranker_unavailable"

    def test_until_it_has_read_the_log(self, shop: Api) -> None:
        id = create(shop, search(TITLE), stage("rerank", inference_name="ours"))
        shop.engine.rankers.patience_seconds = 0.0
        shop.clock.advance(seconds=300)
        shop.engine.rankers.close()  # nobody reads it
        answer = execute(shop, id, inputs={"query": "red shoe"})
        assert answer["warnings"] == [
            "A stage was skipped: The ranker is still reading what came to the log."
        ]
