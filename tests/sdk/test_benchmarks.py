"""Benchmarks through the official SDK, unmodified, on both databases."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from mixpeek import (
    ApiClient,
    BenchmarkResponse,
    BenchmarkStatus,
    Configuration,
    CreateBenchmarkRequest,
    RetrieverBenchmarksApi,
    SessionFilterInput,
)
from mixpeek.exceptions import NotFoundException, UnprocessableEntityException

from tests.api.live import LiveServer

DOCUMENTS = [
    {"document_id": "boot", "text": {"title": "red boot", "body": "for rain"}},
    {"document_id": "shoe", "text": {"title": "red shoe", "body": "red laces"}},
]
_ENDED = (BenchmarkStatus.COMPLETED, BenchmarkStatus.FAILED)
_PATIENCE_SECONDS = 120.0


def _fill(http: httpx.Client, namespace_id: str) -> None:
    """Two retrievers, and sessions that want what the first of them puts second."""

    def post(path: str, body: dict[str, Any]) -> Any:
        answer = http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    post(f"/v1/namespaces/{namespace_id}/documents/upsert", {"documents": DOCUMENTS})
    for field in ("title", "body"):
        search = {"feature_uri": f"text://{field}", "query": "{{INPUT.query}}"}
        config = {"stage_id": "feature_search", "parameters": {"searches": [search]}}
        stage = {"stage_name": "find", "config": config}
        post("/v1/retrievers", {"retriever_name": field, "stages": [stage]})
    for number in range(3):
        asked = {"inputs": {"query": "red"}, "session_id": f"s{number}"}
        found = post("/v1/retrievers/title/execute", asked)
        clicked = {
            "feature_id": "shoe",
            "interaction_type": ["click", "purchase"],
            "position": 1,
            "execution_id": found["execution_id"],
        }
        post("/v1/retrievers/interactions", clicked)


def _ended(api: RetrieverBenchmarksApi, benchmark_id: str) -> BenchmarkResponse:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = api.get_benchmark_retrievers(benchmark_id)
        if found.status in _ENDED:
            return found
        time.sleep(0.2)
    raise AssertionError("the benchmark did not end")


def test_benchmarks_of_the_generated_client(live: LiveServer) -> None:
    namespace, _, key = live.new_key()
    with live.client(key) as http:
        _fill(http, namespace.namespace_id)
    with ApiClient(Configuration(host=live.url, access_token=key)) as client:
        api = RetrieverBenchmarksApi(client)
        begun = api.create_benchmark_retrievers(
            CreateBenchmarkRequest(
                benchmark_name="words of bodies",
                baseline_retriever_id="title",
                candidate_retriever_ids=["body"],
                session_filter=SessionFilterInput(interaction_types=["click"]),
                session_count=10,
            )
        )
        assert (begun.status, begun.session_count) == (BenchmarkStatus.PENDING, 10)
        assert begun.session_filter is not None
        assert begun.session_filter.interaction_types == ["click"]
        ended = _ended(api, begun.benchmark_id)
        assert ended.status is BenchmarkStatus.COMPLETED, ended.error_message
        assert ended.results is not None
        baseline, candidate = ended.results
        assert (baseline.retriever_name, baseline.metrics.mean_rank_purchased) == ("title", 2)
        assert (candidate.retriever_name, candidate.metrics.mean_rank_purchased) == ("body", 1)
        assert candidate.latency.p99_ms > 0
        assert ended.comparison is not None
        (comparison,) = ended.comparison.comparisons
        assert comparison.p_value == 0
        assert comparison.confidence_interval is not None
        low, high = comparison.confidence_interval
        assert low == high == comparison.ndcg_delta["10"]
        assert ended.comparison.recommendation is not None
        listed = api.list_benchmarks_retrievers(
            retriever_id="title", status=BenchmarkStatus.COMPLETED, page=1, page_size=5
        )
        assert (listed.benchmarks, listed.total) == ([ended], 1)
        assert api.delete_benchmark_retrievers(begun.benchmark_id) is None
        with pytest.raises(NotFoundException):
            api.get_benchmark_retrievers(begun.benchmark_id)
        with pytest.raises(UnprocessableEntityException):
            api.create_benchmark_retrievers(
                CreateBenchmarkRequest(
                    benchmark_name="with itself",
                    baseline_retriever_id="title",
                    candidate_retriever_ids=["title"],
                )
            )
