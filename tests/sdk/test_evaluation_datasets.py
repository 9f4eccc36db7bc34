"""Evaluation datasets through the official SDK, unmodified, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mixpeek import (
    ApiClient,
    Configuration,
    CreateDatasetRequest,
    GenerateFromInteractionsRequest,
    GroundTruthQuery,
    Mixpeek,
    RetrieverEvaluationsApi,
)
from mixpeek.exceptions import NotFoundException, UnprocessableEntityException

from tests.api.live import LiveServer

QUERY: dict[str, Any] = {
    "query_id": "q1",
    "query_input": {"text": "shoes"},
    "relevant_documents": ["doc_1"],
    "relevance_scores": {"doc_1": 5},
}


@pytest.fixture
def key(live: LiveServer) -> str:
    _, _, key = live.new_key()
    return key


@pytest.fixture
def client(live: LiveServer, key: str) -> Iterator[ApiClient]:
    with ApiClient(Configuration(host=live.url, access_token=key)) as client:
        yield client


@pytest.fixture
def mixpeek(live: LiveServer, key: str) -> Any:
    return Mixpeek(key, base_url=f"{live.url}/v1")


def test_datasets_of_the_generated_client(client: ApiClient) -> None:
    api = RetrieverEvaluationsApi(client)
    made = api.create_dataset_retrievers_evaluations(
        CreateDatasetRequest(dataset_name="gold", queries=[GroundTruthQuery(**QUERY)])
    )
    assert made.queries == [GroundTruthQuery(**QUERY)]
    assert (made.dataset_name, made.query_count) == ("gold", 1)
    for identifier in ("gold", made.dataset_id):
        assert api.get_dataset_retrievers_evaluations(identifier) == made
    listed = api.list_datasets_retrievers_evaluations(page=1, page_size=5)
    assert (listed.datasets, listed.total) == ([made], 1)
    with pytest.raises(NotFoundException):
        api.get_dataset_retrievers_evaluations("none")


def test_datasets_of_the_client_by_hand(mixpeek: Any) -> None:
    made = mixpeek.evaluations.create_dataset(dataset_name="gold", queries=[QUERY])
    assert mixpeek.evaluations.get_dataset("gold") == made
    assert mixpeek.evaluations.list_datasets().datasets == [made]


def test_a_dataset_is_generated(mixpeek: Any, client: ApiClient) -> None:
    retriever = mixpeek.retrievers.create(retriever_name="shop", stages=[])
    for _ in range(5):
        mixpeek.retrievers.create_interaction(
            retriever_id=retriever.retriever_id,
            feature_id="doc_1",
            interaction_type=["click"],
            position=0,
            query_snapshot={"text": "shoes"},
        )
    made = mixpeek.evaluations.generate_from_interactions(retriever.retriever_id)
    assert made.queries[0].query_input == {"text": "shoes"}
    assert made.queries[0].relevant_documents == ["doc_1"]
    api = RetrieverEvaluationsApi(client)
    request = GenerateFromInteractionsRequest(dataset_name="mine", min_interactions=5)
    typed = api.generate_dataset_from_interactions_retrievers_id_evaluations(
        retriever.retriever_id, generate_from_interactions_request=request
    )
    assert (typed.dataset_name, typed.query_count) == ("mine", 1)
    with pytest.raises(UnprocessableEntityException):
        api.generate_dataset_from_interactions_retrievers_id_evaluations(
            retriever.retriever_id,
            generate_from_interactions_request=GenerateFromInteractionsRequest(min_interactions=6),
        )
