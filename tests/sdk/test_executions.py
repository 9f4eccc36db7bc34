"""Executions and ad-hoc searches through the official SDK, unmodified, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mixpeek import (
    AdhocExecuteRequest,
    AdhocRetrieversApi,
    ApiClient,
    Configuration,
    ListAdhocExecutionsRequest,
    ListExecutionsRequest,
    Mixpeek,
    RetrieversApi,
)
from mixpeek.exceptions import NotFoundException

from tests.api.live import LiveServer

FIND: dict[str, Any] = {
    "stage_name": "find",
    "stage_type": "filter",
    "config": {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [
                {
                    "feature_uri": "text://title",
                    "query": {"input_mode": "text", "value": "{{INPUT.query}}"},
                }
            ],
            "final_top_k": 25,
        },
    },
}


@pytest.fixture
def key(live: LiveServer) -> str:
    """Give a key of a new namespace with a document in it."""
    namespace, _, key = live.new_key()
    with live.client(key) as client:
        document = {"document_id": "shoe", "payload": {"title": "Red shoe"}}
        path = f"/v1/namespaces/{namespace.namespace_id}/documents/upsert"
        answer = client.post(path, json={"documents": [document]})
    assert answer.status_code == 200, answer.text
    return key


@pytest.fixture
def client(live: LiveServer, key: str) -> Iterator[ApiClient]:
    with ApiClient(Configuration(host=live.url, access_token=key)) as client:
        yield client


@pytest.fixture
def mixpeek(live: LiveServer, key: str) -> Mixpeek:
    return Mixpeek(key, base_url=f"{live.url}/v1")


def test_executions_of_a_retriever(client: ApiClient, mixpeek: Any) -> None:
    api = RetrieversApi(client)
    made = mixpeek.retrievers.create(retriever_name="shop", stages=[FIND])
    served = mixpeek.retrievers.execute(made.retriever_id, inputs={"query": "shoe"})
    listed = api.list_executions_retrievers(
        "shop", limit=10, list_executions_request=ListExecutionsRequest(status="completed")
    )
    assert listed.results is not None
    (summary,) = listed.results
    assert (summary.execution_id, summary.query_summary) == (served.execution_id, "shoe")
    assert (listed.pagination.total, listed.pagination.has_next) == (1, False)
    detail = api.get_execution_retrievers("shop", served.execution_id)
    assert (detail.status, detail.total_stages, detail.total_returned) == ("completed", 1, 1)
    assert detail.stage_statistics is not None
    assert detail.stage_statistics.stages is not None
    assert detail.stage_statistics.stages["find"].output_count == 1
    status = api.get_execution_status_retrievers("shop", served.execution_id)
    assert status["status"] == "completed"
    profile = api.get_execution_profile_retrievers("shop", served.execution_id)
    assert profile["fusion"]["strategy"] == "rrf"  # type: ignore[index]
    with pytest.raises(NotFoundException):
        api.get_execution_profile_retrievers("shop", "exec_nobody")


def test_adhoc_searches(client: ApiClient, mixpeek: Any) -> None:
    api = AdhocRetrieversApi(client)
    request = AdhocExecuteRequest.from_dict({"stages": [FIND], "inputs": {"query": "shoe"}})
    assert request is not None
    served: Any = api.execute_adhoc_retriever(request)
    assert served["documents"][0]["document_id"] == "shoe"
    found = mixpeek.search("shoe")  # in the oldest form of a stage
    assert found.documents[0].document_id == "shoe"
    listed = api.list_adhoc_executions_retrievers(
        list_adhoc_executions_request=ListAdhocExecutionsRequest()
    )
    assert [one.execution_id for one in listed.results or ()] == [
        found.execution_id,
        served["execution_id"],
    ]
    assert listed.total == 2
    detail = api.get_adhoc_execution_retrievers(served["execution_id"])
    assert (detail.execution_mode, detail.inputs) == ("adhoc", '{"query":"shoe"}')


def test_a_click_on_an_adhoc_search(mixpeek: Any) -> None:
    found = mixpeek.search("shoe")
    made = mixpeek.retrievers.create_interaction_from_result(
        found, position=0, interaction_type=["click"]
    )
    assert (made.feature_id, made.execution_id) == ("shoe", found.execution_id)
    assert made.retriever_id == "ret_adhoc"
