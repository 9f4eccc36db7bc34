"""Versions of a ranker, evaluated before one of them is deployed, on both databases."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.judgment import JudgedQuery, Judgment
from desirepath.domain.retriever import Retriever
from desirepath.engine.evaluating.comparing import compare_evaluations
from desirepath.engine.evaluating.results import EvaluationOutcome, EvaluationResult
from desirepath.engine.evaluating.running import evaluate
from desirepath.engine.retrievers import find_retriever
from tests.api.client import Api
from tests.api.test_execute import TITLE, create, fill, search, stage
from tests.rankers import deploy_ranker

CONFIG = EvaluationConfig(k_values=(1, 3), metrics=("mrr",))
QUERIES = [
    JudgedQuery(
        query_id=f"q{number}",
        query_input={"query": "red shoe"},
        judgments=(Judgment(document_id="red-shoe", is_relevant=True),),
    )
    for number in range(12)
]


@pytest.fixture
def live(api: Api) -> Retriever:
    """Give a retriever by a ranker, of which version 1 puts the dearest first, and 2 the last."""
    fill(api)
    for weight in (1.0, -1.0):
        deploy_ranker(api.engine, api.namespace, {"field:price": weight})
    id = create(api, search(TITLE), stage("rerank", inference_name="ours"))
    return find_retriever(api.engine, api.namespace.number, id)


def pinned(live: Retriever, version: int) -> Retriever:
    stages = [search(TITLE), stage("rerank", inference_name="ours", model_version=version)]
    return replace(live, draft=replace(live.draft, stages=stages))


def evaluated(api: Api, retriever: Retriever) -> EvaluationResult:
    return evaluate(api.engine, retriever, QUERIES, CONFIG)


def test_a_version_is_held_against_what_serves(api: Api, live: Retriever) -> None:
    compared = compare_evaluations(evaluated(api, live), evaluated(api, pinned(live, 1)))
    assert (compared.outcome, compared.won) == (EvaluationOutcome.BETTER, len(QUERIES))
    again = compare_evaluations(evaluated(api, live), evaluated(api, pinned(live, 2)))
    assert again.tied == len(QUERIES)


def test_the_first_query_waits_for_the_ranker_to_read_the_log(api: Api, live: Retriever) -> None:
    api.engine.rankers.patience_seconds = 0.0
    api.clock.advance(seconds=300)
    result = evaluated(api, pinned(live, 1))
    assert result.warnings == {}
    assert result.overall["mrr"] == 1.0
