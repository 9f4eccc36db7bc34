"""Evaluations through the official SDK, unmodified, on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from mixpeek import (
    ApiClient,
    Configuration,
    EvaluationConfig,
    EvaluationStatus,
    Mixpeek,
    RetrieverEvaluationsApi,
    ScoreItem,
    ScorePredictionsRequest,
    StartEvaluationRequest,
)
from mixpeek.exceptions import NotFoundException, UnprocessableEntityException

from tests.api.live import LiveServer
from tests.api.operations import LEARNED

QUERIES: list[dict[str, Any]] = [
    {
        "query_id": "shoes",
        "query_input": {"query": "shoes"},
        "relevant_documents": ["red"],
        "relevance_scores": {"red": 3, "blue": 0},
    },
    {"query_id": "none", "query_input": {"query": "shoes"}, "relevant_documents": []},
]


@pytest.fixture
def key(live: LiveServer) -> str:
    namespace, _, key = live.new_key()
    documents = [
        {"document_id": colour, "payload": {"title": f"{colour} shoes"}}
        for colour in ("red", "blue")
    ]
    with live.client(key) as client:
        path = f"/v1/namespaces/{namespace.namespace_id}/documents/upsert"
        assert client.post(path, json={"documents": documents}).status_code == 200
    return key


@pytest.fixture
def mixpeek(live: LiveServer, key: str) -> Any:
    mixpeek: Any = Mixpeek(key, base_url=f"{live.url}/v1")
    mixpeek.retrievers.create(retriever_name="shop", stages=[LEARNED])
    mixpeek.evaluations.create_dataset(dataset_name="gold", queries=QUERIES)
    return mixpeek


@pytest.fixture
def api(live: LiveServer, key: str) -> Iterator[RetrieverEvaluationsApi]:
    with ApiClient(Configuration(host=live.url, access_token=key)) as client:
        yield RetrieverEvaluationsApi(client)


def wait_for(mixpeek: Any, evaluation_id: str) -> None:
    """Wait for the server's own worker."""
    for _ in range(600):
        if mixpeek.evaluations.get("shop", evaluation_id).status in ("completed", "failed"):
            return
        time.sleep(0.1)
    raise AssertionError("no worker did it")


def test_an_evaluation_by_the_client_by_hand(mixpeek: Any) -> None:
    run = mixpeek.evaluations.run("shop", dataset_name="gold", evaluation_config={"k_values": [1]})
    assert run.status == "pending"
    wait_for(mixpeek, run["evaluation_id"])
    record = mixpeek.evaluations.get("shop", run["evaluation_id"])
    assert (record.status, record.evaluated_queries, record.skipped_queries) == ("completed", 1, 1)
    assert set(record.metrics_by_k) == {"1"}
    assert mixpeek.tasks.get(run["task_id"]).status == "COMPLETED"
    listed = mixpeek.evaluations.list("shop")
    assert [one.evaluation_id for one in listed.evaluations] == [run["evaluation_id"]]


def test_an_evaluation_by_the_generated_client(mixpeek: Any, api: RetrieverEvaluationsApi) -> None:
    started = api.start_evaluation_retrievers(
        "shop",
        StartEvaluationRequest(
            dataset_name="gold",
            evaluation_config=EvaluationConfig(k_values=[1, 5], metrics=["f2", "ndcg"]),
        ),
    )
    assert (started.task_type, started.status) == ("retriever.evaluation", "pending")
    wait_for(mixpeek, started.evaluation_id)
    record = api.get_evaluation_retrievers("shop", started.evaluation_id)
    assert record.status is EvaluationStatus.COMPLETED
    assert record.overall_metrics is not None
    assert set(record.overall_metrics) == {"f2", "ndcg", "judged"}
    assert record.query_results is not None
    assert [one.status for one in record.query_results] == ["evaluated", "skipped"]
    listed = api.list_evaluations_retrievers("shop", dataset_name="gold")
    assert (listed.total, listed.evaluations[0].evaluation_id) == (1, started.evaluation_id)
    with pytest.raises(NotFoundException):
        api.get_evaluation_retrievers("shop", "eval_" + "0" * 32)
    with pytest.raises(UnprocessableEntityException):
        api.start_evaluation_retrievers(
            "shop",
            StartEvaluationRequest(
                dataset_name="gold", evaluation_config=EvaluationConfig(metrics=["bpref"])
            ),
        )


def test_predictions_are_scored_and_evaluations_found(api: RetrieverEvaluationsApi) -> None:
    scored = api.score_predictions_evaluations(
        ScorePredictionsRequest(
            items=[ScoreItem(predicted=["a", "b"], ground_truth=["a"])], metrics=["precision"], k=2
        )
    )
    assert (scored.aggregate, scored.count, scored.k) == ({"precision": 0.5}, 1, 2)
    assert "start_evaluation" in str(api.discover_evaluations())
