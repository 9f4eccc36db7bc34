"""The gate over HTTP: asked for, done by a worker, shown in the retriever, rolled back."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.engine.tasks.running import run_task
from tests.api.client import Api, done
from tests.gated_shop import BODY, TITLE, add_products, gated_retriever, judged, weight_set

FUSION = "/v1/retrievers/shop/learned-fusion"


@pytest.fixture
def gated(api: Api) -> Api:
    """A gated retriever with good weights."""
    add_products(api.engine, api.namespace)
    retriever = gated_retriever(
        api.engine, judged(api.engine, api.namespace).dataset_id, namespace=api.namespace
    )
    weight_set(api.engine, retriever, 1.0, 0.0, namespace=api.namespace)
    return api


def learning_of(retriever: dict[str, Any]) -> dict[str, Any]:
    (stage,) = retriever["stages"]
    assert stage["config"]["parameters"] == stage["parameters"]
    found: dict[str, Any] = stage["parameters"]["learning_config"]
    return found


def test_what_passes_is_shown_and_rolled_back(gated: Api) -> None:
    asked = gated.post("/v1/retrievers/shop/gate", {"model_id": "best"})
    assert asked.status_code == 202
    started = asked.json()
    assert (started["status"], started["task_type"]) == ("pending", "retriever.evaluation")
    path = f"/v1/retrievers/shop/evaluations/{started['evaluation_id']}"
    assert done(gated.get(path))["verdict"] is None
    assert "shipped_weight_set" not in learning_of(done(gated.get("/v1/retrievers/shop")))
    assert run_task(gated.engine)
    record = done(gated.get(path))
    assert record["status"] == "completed"
    assert record["verdict"]["passed"] is True
    assert record["weight_set_id"].startswith("mod_")
    baseline = done(
        gated.get(f"/v1/retrievers/shop/evaluations/{record['baseline_evaluation_id']}")
    )
    assert baseline["verdict"] is None
    metric = record["verdict"]["per_metric"]["ndcg@10"]
    assert metric["baseline"] == pytest.approx(baseline["metrics_by_k"]["10"]["ndcg"])
    assert metric["candidate"] == pytest.approx(record["metrics_by_k"]["10"]["ndcg"])
    shipped = learning_of(done(gated.get("/v1/retrievers/shop")))["shipped_weight_set"]
    assert shipped["weights"] == {TITLE: 1.0, BODY: 0.0}
    assert shipped["weight_set_id"] == record["weight_set_id"]
    assert set(shipped) == {
        *("weight_set_id", "weights", "evaluation_id", "baseline_evaluation_id", "shipped_at")
    }
    assert done(gated.get(f"{FUSION}/weights"))["shipped_weight_set"] == shipped
    (listed,) = done(gated.post("/v1/retrievers/list", {}))["results"]
    assert learning_of(listed)["shipped_weight_set"] == shipped
    state = done(gated.post(f"{FUSION}/shipped-weights/rollback"))
    assert state["shipped_weight_set"] is None
    again = gated.post(f"{FUSION}/shipped-weights/rollback")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    kinds = [one["type"] for one in done(gated.get(f"{FUSION}/activity"))["events"]]
    assert kinds == ["weights_rolled_back", "weights_shipped"]


def test_what_was_shipped_may_be_sent_back_and_not_changed(gated: Api) -> None:
    gated.post("/v1/retrievers/shop/gate", {"model_id": "best"})
    assert run_task(gated.engine)
    stages = done(gated.get("/v1/retrievers/shop"))["stages"]
    answer = gated.call("PATCH", "/v1/retrievers/shop", {"stages": stages})
    shipped = learning_of(done(answer)["retriever"])["shipped_weight_set"]
    for changed in ({TITLE: 0.5, BODY: 0.5}, None):
        for parameters in (stages[0]["parameters"], stages[0]["config"]["parameters"]):
            parameters["learning_config"]["shipped_weight_set"] = changed and (
                shipped | {"weights": changed}
            )
        answer = gated.call("PATCH", "/v1/retrievers/shop", {"stages": stages})
        assert answer.status_code == (422 if changed else 200)
        if changed:
            assert "read-only" in answer.json()["error"]["message"]
    assert learning_of(answer.json()["retriever"])["shipped_weight_set"] == shipped


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([], 422, "invalid_evaluation"),
        ({}, 422, "invalid_evaluation"),
        ({"model_id": "best", "version": 0}, 422, "invalid_evaluation"),
        ({"model_id": "best", "force": True}, 422, "invalid_evaluation"),
        ({"model_id": "nobody"}, 404, "not_found"),
        ({"model_id": "best", "version": 9}, 404, "not_found"),
    ],
)
def test_what_cannot_be_asked(gated: Api, body: object, status: int, code: str) -> None:
    answer = gated.post("/v1/retrievers/shop/gate", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_weights_are_not_deployed_past_the_gate(gated: Api) -> None:
    answer = gated.post("/v1/models/best/deploy", {"force": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_gated")
