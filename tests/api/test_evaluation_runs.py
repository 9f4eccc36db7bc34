"""Evaluations of a retriever over HTTP: started, done by a worker, listed, read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desirepath.engine.datasets import delete_dataset
from desirepath.engine.tasks.running import cancel_task, run_task
from tests.api.client import INTERACTIONS, Api, done
from tests.api.operations import LEARNED

DATASETS = "/v1/retrievers/evaluations/datasets"
RUNS = "/v1/retrievers/shop/evaluations"
NOBODY = "0" * 32


@pytest.fixture
def api(api: Api) -> Api:
    """Give the API with four shoes, one of which is no boot, and a retriever that finds words."""
    documents = [
        {"document_id": name, "payload": {"title": title}}
        for name, title in {
            "red": "red shoe",
            "blue": "blue shoe",
            "boot": "boot",
            "long": "red boot of great length and of no other worth",
        }.items()
    ]
    path = f"/v1/namespaces/{api.namespace.namespace_id}/documents/upsert"
    done(api.post(path, {"documents": documents}))
    schema = {"query": {"type": "string", "required": True}}
    body = {"retriever_name": "shop", "stages": [LEARNED], "input_schema": schema}
    done(api.post("/v1/retrievers", body))
    return api


def judged(query_id: str, query: dict[str, Any], *relevant: str, **grades: int) -> dict[str, Any]:
    return {
        "query_id": query_id,
        "query_input": query,
        "relevant_documents": list(relevant),
        "relevance_scores": grades or None,
    }


BOOTS = judged("boots", {"query": "boot"}, "boot", boot=3, long=1)
QUERIES = (
    BOOTS,
    judged("red", {"query": "red"}, "red"),
    judged("nothing", {"query": "red"}),
    judged("no input", {}, "red"),
    judged("other input", {"text": "a secret"}, "red"),
)


def stored(api: Api, *queries: dict[str, Any], name: str = "gold") -> str:
    id: str = done(api.post(DATASETS, {"dataset_name": name, "queries": queries}))["dataset_id"]
    return id


def started(api: Api, **changes: Any) -> dict[str, Any]:
    answer = api.post(RUNS, {"dataset_name": "gold"} | changes)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def evaluated(api: Api, **changes: Any) -> dict[str, Any]:
    run = started(api, **changes)
    while run_task(api.engine):
        pass
    return done(api.get(f"{RUNS}/{run['evaluation_id']}"))


def test_an_evaluation_is_done_by_a_worker(api: Api) -> None:
    dataset_id = stored(api, *QUERIES)
    run = started(api, evaluation_config={"k_values": [2, 1], "metrics": ["ndcg", "precision"]})
    assert run["evaluation_id"].startswith("eval_")
    assert (run["task_type"], run["status"]) == ("retriever.evaluation", "pending")
    waiting = done(api.get(f"{RUNS}/{run['evaluation_id']}"))
    assert (waiting["status"], waiting["query_results"]) == ("pending", None)
    assert (waiting["dataset_id"], waiting["query_count"]) == (dataset_id, 5)
    while run_task(api.engine):
        pass
    record = done(api.get(f"{RUNS}/{run['evaluation_id']}"))
    assert record["status"] == "completed", record["error_message"]
    assert record["config"] == {"k_values": [1, 2], "metrics": ["ndcg", "precision"]}
    counts = (record["total_queries"], record["evaluated_queries"], record["skipped_queries"])
    assert counts == (5, 2, 3)
    boots = record["query_results"][0]
    assert boots == {
        "query_id": "boots",
        "status": "evaluated",
        "error": None,
        "retrieved_count": 2,
        "metrics_by_k": {
            "1": {"ndcg": 1.0, "precision": 1.0, "judged": 1.0},
            "2": {"ndcg": 1.0, "precision": 0.5, "judged": 1.0},
        },
    }
    assert record["overall_metrics"] == record["metrics_by_k"]["2"]
    assert record["intervals"]["2"]["precision"]["of"] == 2
    assert record["summary"].startswith("ndcg@2 is ")
    reasons = {one["query_id"]: one["error"] for one in record["query_results"][2:]}
    assert reasons == {
        "nothing": "The dataset has no relevant document for this query.",
        "no input": "The dataset has no input for this query.",
        "other input": "The retriever needs inputs.query, and the search has no value for it.",
    }
    task = done(api.get(f"/v1/tasks/{run['task_id']}"))
    assert task["outputs"] == [{"evaluation_id": run["evaluation_id"]}]
    progress = task["additional_data"]["progress"]
    assert (progress["done"], progress["total"]) == (5, 5)
    assert "secret" not in json.dumps([record, task])


def test_it_leaves_no_trace_in_the_log(api: Api) -> None:
    stored(api, *QUERIES)
    evaluated(api)
    assert done(api.get("/v1/retrievers/shop/executions?include_total=true"))["results"] == []
    assert done(api.post(f"{INTERACTIONS}/list", {}))["results"] == []
    features = done(api.get("/v1/retrievers/shop/learned-fusion/stats"))
    assert features["interaction_count"] == 0


def test_a_dataset_is_named_by_name_or_id_and_has_its_defaults(api: Api) -> None:
    dataset_id = stored(api, BOOTS)
    by_name, by_id = evaluated(api), evaluated(api, dataset_name=dataset_id)
    assert by_name["metrics_by_k"] == by_id["metrics_by_k"]
    assert by_id["dataset_name"] == "gold"
    assert set(by_name["metrics_by_k"]) == {"1", "5", "10", "20"}
    assert {"precision", "recall", "f1", "map", "ndcg", "mrr", "judged"} == set(
        by_name["overall_metrics"]
    )


def test_no_query_that_can_be_evaluated_fails_with_the_reasons(api: Api) -> None:
    stored(api, *QUERIES[2:])
    failed = evaluated(api)
    assert (failed["status"], failed["overall_metrics"]) == ("failed", None)
    assert "inputs.query" in failed["error_message"]
    assert failed["error_message"].endswith("1 needed, 0 found.")


def test_a_dataset_that_is_gone_when_a_worker_comes_fails(api: Api) -> None:
    run = started(api, dataset_name=stored(api, BOOTS))
    delete_dataset(api.engine, api.namespace.number, "gold")
    while run_task(api.engine):
        pass
    failed = done(api.get(f"{RUNS}/{run['evaluation_id']}"))
    assert failed["error_message"] == "No such dataset in this namespace."


def test_evaluations_are_listed_by_state_and_dataset(api: Api) -> None:
    silver_id = stored(api, BOOTS, name="silver")
    stored(api, BOOTS)
    first, second = evaluated(api), evaluated(api, dataset_name="silver")
    third = started(api)
    fourth = started(api)
    cancel_task(api.engine, api.namespace.number, fourth["task_id"])

    def listed(query: str = "") -> list[str]:
        page = done(api.get(f"{RUNS}?{query}"))
        ids = [one["evaluation_id"] for one in page["evaluations"]]
        assert page["total"] == len(ids)
        return ids

    ids = [one["evaluation_id"] for one in (first, second, third, fourth)]
    assert listed() == ids[::-1]
    assert listed("status=completed") == [ids[1], ids[0]]
    assert listed("status=pending") == [ids[2]]
    assert listed("status=failed") == [ids[3]]
    assert listed("dataset_name=silver") == listed(f"dataset_name={silver_id}") == [ids[1]]
    assert listed("dataset_name=none") == []
    page = done(api.get(f"{RUNS}?page=2&page_size=1"))
    (one,) = page["evaluations"]
    assert (one["evaluation_id"], page["total"]) == (ids[2], 4)
    assert done(api.get(RUNS))["evaluations"][-1] == first | {"query_results": None}
    assert api.get(f"{RUNS}?status=COMPLETED").status_code == 400


def test_one_is_held_against_another(api: Api) -> None:
    stored(api, *(BOOTS | {"query_id": f"q{n}"} for n in range(12)))
    done(api.post("/v1/retrievers", {"retriever_name": "other", "stages": [LEARNED]}))
    first = evaluated(api)
    answer = api.post("/v1/retrievers/other/evaluations", {"dataset_name": "gold"})
    waiting = answer.json()["evaluation_id"]
    path = f"/v1/retrievers/other/evaluations/{waiting}/comparison"
    against = f"{path}?baseline_evaluation_id={first['evaluation_id']}"
    assert api.get(against).status_code == 409
    while run_task(api.engine):
        pass
    compared = done(api.get(against))
    assert (compared["outcome"], compared["tied"], compared["n_queries"]) == ("cannot_tell", 12, 12)
    assert (compared["metric"], compared["k"]) == ("ndcg", 10)
    assert compared["measures"][0]["difference"] == {"mean": 0, "low": 0, "high": 0, "of": 12}
    assert "two datasets" not in compared["verdict"]
    assert api.get(path).status_code == 400
    assert api.get(f"{path}?baseline_evaluation_id=eval_{NOBODY}").status_code == 404


def test_queries_of_two_datasets_are_paired_with_a_caution(api: Api) -> None:
    """Their ids are alike, and nothing else need be."""
    for name in ("gold", "silver"):
        stored(api, *(BOOTS | {"query_id": f"q{n}"} for n in range(12)), name=name)
    first, second = evaluated(api), evaluated(api, dataset_name="silver")
    against = f"comparison?baseline_evaluation_id={first['evaluation_id']}"
    compared = done(api.get(f"{RUNS}/{second['evaluation_id']}/{against}"))
    assert compared["n_queries"] == 12
    assert "They are of two datasets: queries are paired by their ids" in compared["verdict"]


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ([], []),
        ({}, []),
        ({"dataset_name": ""}, ["dataset_name"]),
        ({"dataset_name": "gold", "depth": 5}, ["depth"]),
        ({"dataset_name": "gold", "evaluation_config": []}, ["evaluation_config"]),
        (
            {"dataset_name": "gold", "evaluation_config": {"k_values": [0]}},
            ["evaluation_config", "k_values", 0],
        ),
        (
            {"dataset_name": "gold", "evaluation_config": {"metrics": ["bpref"]}},
            ["evaluation_config", "metrics", 0],
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused(api: Api, body: Any, location: list[Any]) -> None:
    stored(api, BOOTS)
    answer = api.post(RUNS, body)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["code"] == "invalid_evaluation"
    (problem,) = error["details"]["validation_errors"]
    assert problem["location"] == ["body", *location]
    assert done(api.get(RUNS))["total"] == 0


def test_a_retriever_that_does_not_search_is_refused(api: Api) -> None:
    stored(api, BOOTS)
    done(api.post("/v1/retrievers", {"retriever_name": "elsewhere"}))
    answer = api.post("/v1/retrievers/elsewhere/evaluations", {"dataset_name": "gold"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_evaluation")


def test_what_is_unknown_is_not_found(api: Api) -> None:
    stored(api, BOOTS)
    run = started(api)
    done(api.post("/v1/retrievers", {"retriever_name": "other", "stages": [LEARNED]}))
    for path in (
        f"{RUNS}/eval_{NOBODY}",
        f"{RUNS}/bench_{NOBODY}",
        f"/v1/retrievers/other/evaluations/{run['evaluation_id']}",
        f"/v1/retrievers/none/evaluations/{run['evaluation_id']}",
        "/v1/retrievers/none/evaluations",
    ):
        assert api.get(path).status_code == 404, path
    answer = api.post(RUNS, {"dataset_name": "none"})
    assert answer.status_code == 404
    assert answer.json()["error"]["details"] == {"resource": "dataset", "id": None}
