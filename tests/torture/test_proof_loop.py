"""The whole way once, on real products with simulated shoppers: static fusion, traffic, training,
evaluation, what-if, interleaving, gate, and back.

Run with ``-s`` to see the figures; seed 1.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.backends import portal, sqlite_backend
from tests.api.client import Api, Backend, done
from tests.conftest import SHARED_DATA
from tests.proof_loop import FEATURES, Shop

__all__ = ["portal", "sqlite_backend"]  # fixtures

pytestmark = [pytest.mark.torture, pytest.mark.needs_data]

SHOP = "/v1/retrievers/shop"
FUSION = f"{SHOP}/learned-fusion"
CONFIG = {"k_values": [10], "metrics": ["ndcg", "precision", "mrr"]}


def evaluated(api: Api, shop: Shop, name: str) -> dict[str, Any]:
    """How good a retriever is by the labels."""
    path = f"/v1/retrievers/{name}/evaluations"
    started = shop.task(path, {"dataset_name": "labels", "evaluation_config": CONFIG})
    record: dict[str, Any] = done(api.get(f"{path}/{started['evaluation_id']}"))
    print(f"{name}: {record['summary']}")
    return record


def roll_out(api: Api, pct: int) -> None:
    done(api.post(f"{FUSION}/rollout", {"rollout_pct": pct}))


def asked_what_if(api: Api, shop: Shop, weights: dict[str, float]) -> dict[str, Any]:
    path = f"{SHOP}/counterfactual-evaluations"
    started = shop.task(path, {"policy": {"weights": weights}})
    record: dict[str, Any] = done(api.get(f"{path}/{started['what_if_id']}"))
    print(f"what if: {record['verdict'] or record['error_message']}")
    return record


def test_from_static_fusion_to_weights_that_won(sqlite_backend: Backend) -> None:
    api = sqlite_backend.api()
    shop = Shop(api, SHARED_DATA / "esci_small", seed=1)
    shop.judge("labels")
    shop.add_retriever("shop", "learned", evaluation_dataset_id="labels")
    roll_out(api, 0)

    # Static fusion leaves nothing to chance, and its log says so.
    shop.let_in(400)
    before = evaluated(api, shop, "shop")
    trained = shop.task(
        "/v1/models",
        {
            "kind": "weights",
            "name": "best",
            "scope": {"retriever_id": "shop"},
            "settings": {"dataset": "labels", "gain": "linear"},
        },
    )
    (model,) = done(api.get(f"/v1/tasks/{trained['task_id']}"))["outputs"]
    report = done(api.get(f"/v1/models/{model['model_id']}"))
    print(f"trained: {report['verdict']}")
    shipped = done(api.get(SHOP))["stages"][0]["parameters"]["learning_config"]
    weights = shipped["shipped_weight_set"]["weights"]
    print(f"weights: {weights}")
    assert set(weights) == set(FEATURES)
    assert asked_what_if(api, shop, weights)["status"] == "failed"

    # What was trained by a task went through the gate: rolled out, it serves, and is better.
    roll_out(api, 100)
    after = evaluated(api, shop, "shop")
    assert after["overall_metrics"]["ndcg"] > before["overall_metrics"]["ndcg"]
    state = done(api.post(f"{FUSION}/shipped-weights/rollback"))
    assert state["shipped_weight_set"] is None

    # Thompson sampling tries things out, so that its log can be asked.
    shop.let_in(600)
    asked_what_if(api, shop, weights)
    evaluated(api, shop, "shop")

    # The challenger is drafted into the lists of static fusion until people have decided.
    roll_out(api, 0)
    shop.add_retriever("rival", "weighted", weights)
    evaluated(api, shop, "rival")
    done(api.call("PATCH", SHOP, {"experiment": {"challenger": "rival"}}))
    shop.let_in(1_000)
    api.clock.advance(seconds=86_400)
    (experiment,) = done(api.get(f"{SHOP}/experiments"))["results"]
    result = done(api.get(f"{SHOP}/experiments/{experiment['experiment_id']}"))
    print(f"experiment: {result['words']}; {result['n']} of {result['n_closed']} sessions")

    # And the gate, asked again, lets them in for good.
    done(api.call("PATCH", SHOP, {"experiment": {"mode": "off"}}))
    gated = shop.task(f"{SHOP}/gate", {"model_id": "best"})
    record = done(api.get(f"{SHOP}/evaluations/{gated['evaluation_id']}"))
    print(f"gate: {record['verdict']['reason']}")
    assert record["verdict"]["passed"]
    kinds = [one["type"] for one in done(api.get(f"{FUSION}/activity"))["events"]]
    assert [kind for kind in kinds if kind.startswith("weights_")] == [
        "weights_shipped",
        "weights_rolled_back",
        "weights_shipped",
    ]
