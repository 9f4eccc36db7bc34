"""Datasets and evaluations without HTTP, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

import desirepath
from desirepath.api.in_process import Desirepath
from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.judgment import JudgedQuery, Judgment
from desirepath.engine.evaluating.results import EvaluationResult
from desirepath.engine.evaluating.running import evaluate
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.tasks.running import run_task
from desirepath.errors import (
    AlreadyExists,
    Conflict,
    InvalidEvaluation,
    InvalidQuery,
    NotEnoughData,
    NotFound,
)
from tests.storage_fixtures import Database

TITLE, TEXT = "text://title", "text://text"
QUERIES: list[dict[str, Any]] = [
    {"query_id": f"q{n}", "query_input": {"query": "shoe"}, "relevant_documents": ["titled"]}
    for n in range(10)
]
CONFIG = {"k_values": [1, 2], "metrics": ["mrr"]}


def finds(**weights: float) -> list[dict[str, Any]]:
    """Stages that search titles and texts by these weights, of which one is 1."""
    searches = [
        {"feature_uri": f"text://{name}", "query": "{{INPUT.query}}", "weight": weight}
        for name, weight in weights.items()
    ]
    parameters = {"searches": searches, "fusion": "weighted"}
    return [{"stage_name": "find", "stage_id": "feature_search", "parameters": parameters}]


@pytest.fixture
def here(database: Database) -> Iterator[Desirepath]:
    """Give a shop where only the title tells, and a retriever that goes by texts."""
    with desirepath.open(database.url) as here:
        here.documents.upsert(
            [
                {"document_id": "titled", "payload": {"title": "shoe", "text": "a"}},
                {"document_id": "told", "payload": {"title": "b", "text": "shoe"}},
            ]
        )
        here.retrievers.create("texts", stages=finds(title=0.1, text=1.0))
        here.retrievers.create("titles", stages=finds(title=1.0, text=0.1))
        here.evaluations.create_dataset("gold", queries=QUERIES)
        yield here


def test_two_retrievers_are_evaluated_and_compared(here: Desirepath) -> None:
    told: list[tuple[int, int, str]] = []
    first = here.evaluations.run(
        "texts", "gold", evaluation_config=CONFIG, progress=lambda *how: told.append(how)
    )
    assert told == [(n, 10, "searching") for n in range(11)]
    assert (first["status"], first["overall_metrics"]["mrr"]) == ("completed", 0.5)
    assert (first["task_id"], first["config"]) == (None, CONFIG)
    second = here.evaluations.run("titles", "gold", evaluation_config=CONFIG)
    assert here.evaluations.get(second["evaluation_id"]) == second
    compared = here.evaluations.compare(first["evaluation_id"], second["evaluation_id"])
    assert (compared["outcome"], compared["won"], compared["n_queries"]) == ("better", 10, 10)
    assert compared["queries"][0] == {"query_id": "q0", "baseline": 0.5, "candidate": 1.0}
    listed = here.evaluations.list("texts", dataset="gold", status="completed")
    assert listed == {"evaluations": [first | {"query_results": None}], "total": 1}
    here.evaluations.delete(first["evaluation_id"])
    assert here.evaluations.list("texts")["total"] == 0


def test_an_evaluation_is_left_to_workers(here: Desirepath) -> None:
    started = here.evaluations.start("titles", "gold")
    waiting = here.evaluations.get(started["evaluation_id"])
    assert (waiting["status"], waiting["task_id"]) == ("pending", started["task_id"])
    with pytest.raises(Conflict):
        here.evaluations.compare(started["evaluation_id"], started["evaluation_id"])
    while run_task(here._engine):
        pass
    assert here.evaluations.get(started["evaluation_id"])["status"] == "completed"


def test_a_dataset_is_made_and_read(here: Desirepath) -> None:
    made = here.evaluations.create_dataset("silver", queries=QUERIES[:1])
    assert here.evaluations.get_dataset("silver") == made
    assert here.evaluations.get_dataset(made["dataset_id"])["queries"][0]["query_id"] == "q0"
    with pytest.raises(AlreadyExists):
        here.evaluations.create_dataset("silver", queries=QUERIES)


def test_predictions_are_scored(here: Desirepath) -> None:
    scored = here.evaluations.score(predicted=["a", "b"], ground_truth=["a"], metrics=["recall"])
    assert scored["aggregate"] == {"recall": 1.0}
    with pytest.raises(InvalidEvaluation):
        here.evaluations.score(predicted=["a"])


def test_what_breaks_a_rule_is_refused(here: Desirepath) -> None:
    here.retrievers.create("elsewhere")
    for options in ({"k_values": [0]}, {"metrics": ["bpref"]}, {"k_values": ["\x00"]}):
        with pytest.raises(InvalidEvaluation):
            here.evaluations.run("titles", "gold", evaluation_config=options)
    for make in (here.evaluations.run, here.evaluations.start):
        with pytest.raises(InvalidEvaluation):
            make("elsewhere", "gold")
        for names in (("none", "gold"), ("titles", "none"), ("titles", "a\x00b")):
            with pytest.raises((NotFound, InvalidEvaluation)):
                make(*names)
    for look in (here.evaluations.get, here.evaluations.delete, here.evaluations.get_dataset):
        with pytest.raises(NotFound):
            look("eval_1")
    with pytest.raises(InvalidQuery):
        here.evaluations.list("titles", status="LOST")


def test_who_asks_may_stop_it(here: Desirepath) -> None:
    def stop(done: int, total: int, words: str) -> None:
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        here.evaluations.run("titles", "gold", progress=stop)
    assert here.evaluations.list("titles")["total"] == 0


class TestCandidates:
    """What a gate asks: how good is what does not serve yet?"""

    def evaluated(self, here: Desirepath, retriever: Any, **options: Any) -> EvaluationResult:
        queries = [
            JudgedQuery(
                query_id="q",
                query_input={"query": "shoe"},
                judgments=(Judgment(document_id="titled", is_relevant=True),),
            )
        ]
        config = EvaluationConfig(k_values=(1,), metrics=("recall",))
        return evaluate(here._engine, retriever, queries, config, **options)

    def test_a_definition_that_is_not_stored(self, here: Desirepath) -> None:
        live = find_retriever(here._engine, here._number, "texts")
        changed = replace(live, draft=replace(live.draft, stages=finds(title=1.0, text=0.1)))
        results = [self.evaluated(here, one) for one in (live, changed)]
        assert [one.overall["recall"] for one in results] == [0.0, 1.0]
        assert [one.stages_hash for one in results] == [live.stages_hash, changed.stages_hash]
        assert here.retrievers.get("texts")["version"] == 1
        assert here.evaluations.list("texts")["total"] == 0

    def test_weights_that_are_given(self, here: Desirepath) -> None:
        live = find_retriever(here._engine, here._number, "texts")
        for weights, recall in (({TITLE: 0.9, TEXT: 0.1}, 1.0), ({TEXT: 1.0}, 0.0)):
            result = self.evaluated(here, live, weights=weights)
            assert result.overall["recall"] == recall
        with pytest.raises(NotEnoughData) as caught:
            self.evaluated(here, live, weights={"text://brand": 1.0})
        assert "a feature that the retriever does not have" in caught.value.message

    def test_a_model_that_is_not_there_is_said(self, here: Desirepath) -> None:
        live = find_retriever(here._engine, here._number, "titles")
        rerank = {
            "stage_name": "order",
            "stage_id": "rerank",
            "parameters": {"inference_name": "best", "model_version": 7},
        }
        pinned = replace(live, draft=replace(live.draft, stages=[*live.draft.stages, rerank]))
        result = self.evaluated(here, pinned)
        (words,) = result.warnings
        assert words.startswith("A stage was skipped:")
        assert words in result.verdict
