"""The gate on both databases: what passes serves, what does not does not, and all is on record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from desirepath.domain.assessment import AssessmentKind
from desirepath.domain.gate import WhatIfSays
from desirepath.domain.judgment import read_dataset
from desirepath.domain.retriever import Retriever
from desirepath.domain.retriever_changes import read_patch
from desirepath.engine.assessing import find_assessment
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.datasets import create_dataset, find_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.running import read_queries
from desirepath.engine.executing import ExecuteRequest, execute
from desirepath.engine.gates import has_passed
from desirepath.engine.gating.asking_log import ask_log
from desirepath.engine.gating.candidates import Candidate
from desirepath.engine.gating.running import run_gate, start_gate
from desirepath.engine.gating.shipping import roll_back_weights
from desirepath.engine.learning.controlling import change_controls
from desirepath.engine.models import deploy_model, find_model, find_version
from desirepath.engine.recording import RecordingRules, Submission
from desirepath.engine.retrievers import change_retriever
from desirepath.engine.tasks.running import run_task, start_task
from desirepath.errors import Conflict, InvalidEvaluation, NotFound, NotGated
from desirepath.storage.base import Namespace, Storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from desirepath.testing.examples import sent_interaction
from tests.gated_shop import (
    BODY,
    N_QUERIES,
    TITLE,
    add_products,
    default,
    gated_retriever,
    judged,
    weight_set,
)
from tests.rankers import deploy_ranker

BY_TITLE = {TITLE: 1.0, BODY: 0.0}


@pytest.fixture
def engine(storage: Storage, clock: TestingClock) -> Iterator[Engine]:
    with closing(Engine(ClockedStorage(storage, clock), clock, RecordingRules())) as engine:
        ensure_defaults(engine)
        add_products(engine)
        yield engine


def served(engine: Engine, retriever: Retriever) -> dict[str, float]:
    """The weights that somebody is served with."""
    request = ExecuteRequest(inputs={"query": "lamp"}, user_id="kim")
    ranking = execute(engine, retriever, request).execution.ranking
    assert ranking is not None
    return dict(zip(ranking.features, ranking.weights, strict=True))


def activity(engine: Engine, retriever: Retriever) -> list[tuple[str, str | None]]:
    with engine.storage.read() as session:
        found = session.learned.activity(1, retriever.retriever_id, 100)
    return [(one.kind, json.loads(one.detail).get("weight_set_id")) for one in reversed(found)]


def test_what_wins_ships_and_serves_until_it_is_rolled_back(engine: Engine) -> None:
    retriever = gated_retriever(engine, judged(engine).dataset_id)
    best = weight_set(engine, retriever, 1.0, 0.0)
    stored, gated = run_gate(engine, default(engine), retriever, "best", None, ask_log)
    verdict = gated.verdict
    assert verdict.passed
    assert verdict.primary_metric == "ndcg@10"
    assert verdict.what_if.verdict is None  # there is no log yet
    assert verdict.what_if.words
    assert set(verdict.compared_metrics) == {
        f"{metric}@10" for metric in ("precision", "recall", "f1", "map", "ndcg", "mrr")
    }
    assert verdict.per_metric["ndcg@10"].candidate == pytest.approx(1.0)
    kind = AssessmentKind.EVALUATION
    kept = find_assessment(engine, 1, kind, stored.assessment_id)
    assert kept.result is not None
    assert kept.request["weight_set_id"] == best.artifact_id
    assert kept.result["gate_verdict"]["reason"] == verdict.reason
    baseline = find_assessment(engine, 1, kind, kept.result["baseline_evaluation_id"])
    assert baseline.result is not None
    assert baseline.result["overall"]["ndcg"] < kept.result["overall"]["ndcg"]
    json.dumps(kept.result, allow_nan=False)
    shipped = engine.directory.controls(1, retriever.retriever_id).shipped
    assert shipped is not None
    assert (shipped.weight_set_id, dict(shipped.weights)) == (best.artifact_id, BY_TITLE)
    assert shipped.evaluation_id == stored.assessment_id
    assert shipped.baseline_evaluation_id == baseline.assessment_id
    for _ in range(3):
        assert served(engine, retriever) == BY_TITLE  # no draw
    roll_back_weights(engine, retriever)
    assert served(engine, retriever) != BY_TITLE
    assert activity(engine, retriever) == [
        ("weights_shipped", best.artifact_id),
        ("weights_rolled_back", None),
    ]
    with pytest.raises(Conflict, match="No weights are shipped"):
        roll_back_weights(engine, retriever)


@pytest.mark.parametrize(("title", "body"), [(0.0, 1.0), (0.5, 0.5)])
def test_what_does_not_win_does_not_ship(engine: Engine, title: float, body: float) -> None:
    """Worse ones; and those that serve already, before anything is learned."""
    retriever = gated_retriever(engine, judged(engine).name)
    weight_set(engine, retriever, title, body)
    stored, gated = run_gate(engine, default(engine), retriever, "best", None, ask_log)
    assert not gated.verdict.passed
    assert gated.verdict.reason.startswith("Does not ship: ndcg@10 is ")
    kept = find_assessment(engine, 1, AssessmentKind.EVALUATION, stored.assessment_id)
    assert kept.result is not None
    assert kept.result["gate_verdict"]["passed"] is False
    assert engine.directory.controls(1, retriever.retriever_id).shipped is None
    assert activity(engine, retriever) == []


def test_the_log_may_object(engine: Engine) -> None:
    retriever = gated_retriever(engine, judged(engine).name)
    weight_set(engine, retriever, 1.0, 0.0)

    def object_to(
        engine: Engine, namespace: Namespace, live: Retriever, candidate: Candidate
    ) -> WhatIfSays:
        assert candidate.weights == BY_TITLE
        return WhatIfSays(verdict="worse", words="Worse.")

    _, gated = run_gate(engine, default(engine), retriever, "best", None, object_to)
    assert not gated.verdict.passed
    assert gated.verdict.what_if.words == "Worse."
    assert engine.directory.controls(1, retriever.retriever_id).shipped is None


@pytest.mark.parametrize("what", ["weights", "fixed by hand", "retriever"])
def test_what_was_judged_beside_something_else_does_not_ship(engine: Engine, what: str) -> None:
    """Somebody changes what is live while the candidate is held against it."""
    retriever = gated_retriever(engine, judged(engine).name)
    weight_set(engine, retriever, 0.6, 0.4)
    other = weight_set(engine, retriever, 1.0, 0.0, "other")

    def meanwhile(
        engine: Engine, namespace: Namespace, live: Retriever, candidate: Candidate
    ) -> WhatIfSays:
        if what == "weights":
            run_gate(engine, namespace, live, "other", None, ask_log)
        elif what == "fixed by hand":
            args = (engine.storage, engine.make_id, 1, live.retriever_id)
            change_controls(*args, "weights_fixed", weights=BY_TITLE)
        else:
            change_retriever(engine, live, read_patch({"description": "another"}))
        return WhatIfSays()

    with pytest.raises(Conflict, match="judge it again"):
        run_gate(engine, default(engine), retriever, "best", None, meanwhile)
    shipped = engine.directory.controls(1, retriever.retriever_id).shipped
    assert (shipped and shipped.weight_set_id) == (other.artifact_id if what == "weights" else None)


def test_as_a_task(engine: Engine) -> None:
    retriever = gated_retriever(engine, judged(engine).name)
    weight_set(engine, retriever, 1.0, 0.0)
    started = start_gate(engine, default(engine), retriever, "best")
    assert started.result is None
    assert run_task(engine)
    kept = find_assessment(engine, 1, AssessmentKind.EVALUATION, started.assessment_id)
    assert (kept.status, kept.error) == ("COMPLETED", None)
    assert kept.result is not None
    assert kept.result["gate_verdict"]["passed"] is True
    assert served(engine, retriever) == BY_TITLE


def test_weights_that_a_task_trains_are_judged_at_once(engine: Engine) -> None:
    retriever = gated_retriever(engine, judged(engine).name)
    inputs = {
        "name": "best",
        "settings": {"dataset": "judged", "folds": 2, "starts": 1},
        "scope": {"retriever_id": retriever.retriever_id},
    }
    start_task(engine, default(engine), "train.weights", inputs)
    assert run_task(engine)
    trained = find_model(engine, 1, "best").versions[0]
    report = trained.manifest["report"]
    assert (report["source"], report["n_queries"]) == ("judged", N_QUERIES)
    assert trained.manifest["learned_before"] == 0  # of people's judgments, and no log
    assert report["weights"][TITLE] > 0.5
    assert engine.directory.controls(1, retriever.retriever_id).shipped is None
    assert run_task(engine)
    shipped = engine.directory.controls(1, retriever.retriever_id).shipped
    assert shipped is not None
    assert shipped.weight_set_id == trained.artifact_id
    assert served(engine, retriever) == pytest.approx(report["weights"])


def test_rolling_back_goes_through_all_that_were_shipped(engine: Engine) -> None:
    retriever = gated_retriever(engine, judged(engine).name)
    # Of equal scores the ids decide, so these are a little better than equal weights.
    first = weight_set(engine, retriever, 0.6, 0.4)
    assert run_gate(engine, default(engine), retriever, "best", 1, ask_log)[1].verdict.passed
    second = weight_set(engine, retriever, 1.0, 0.0)
    assert run_gate(engine, default(engine), retriever, "best", 2, ask_log)[1].verdict.passed
    controls = roll_back_weights(engine, retriever)
    assert controls.shipped is not None
    assert controls.shipped.weight_set_id == first.artifact_id
    assert served(engine, retriever) == pytest.approx({TITLE: 0.6, BODY: 0.4})
    assert roll_back_weights(engine, retriever).shipped is None
    assert [id for _, id in activity(engine, retriever)] == [
        first.artifact_id,
        second.artifact_id,
        first.artifact_id,
        None,
    ]


class TestWhatStandsAboveIt:
    @pytest.fixture
    def shipped(self, engine: Engine) -> Retriever:
        retriever = gated_retriever(engine, judged(engine).name)
        weight_set(engine, retriever, 1.0, 0.0)
        assert run_gate(engine, default(engine), retriever, "best", None, ask_log)[1].verdict.passed
        return retriever

    def test_weights_fixed_by_hand(self, engine: Engine, shipped: Retriever) -> None:
        fixed = {TITLE: 0.25, BODY: 0.75}
        args = (engine.storage, engine.make_id, 1, shipped.retriever_id)
        change_controls(*args, "weights_fixed", weights=fixed)
        engine.directory.forget()
        assert served(engine, shipped) == fixed
        change_controls(*args, "weights_released", weights=None)
        engine.directory.forget()
        assert served(engine, shipped) == BY_TITLE

    def test_switching_learned_fusion_off(self, engine: Engine, shipped: Retriever) -> None:
        args = (engine.storage, engine.make_id, 1, shipped.retriever_id)
        change_controls(*args, "disabled", enabled=False)
        engine.directory.forget()
        assert served(engine, shipped) == {TITLE: 1.0, BODY: 1.0}  # rrf

    @pytest.mark.parametrize(
        ("learning", "searches"),
        [({"evaluation_dataset_id": None}, (TITLE, BODY)), ({}, (TITLE, "text://title+body"))],
    )
    def test_a_retriever_without_a_gate_or_with_other_features(
        self,
        engine: Engine,
        shipped: Retriever,
        learning: dict[str, None],
        searches: tuple[str, str],
    ) -> None:
        stages = json.loads(json.dumps(shipped.draft.stages))
        parameters = stages[0]["config"]["parameters"]
        parameters["learning_config"] |= learning
        parameters["searches"] = [
            {"feature_uri": uri, "query": "{{INPUT.query}}"} for uri in searches
        ]
        changed = change_retriever(engine, shipped, read_patch({"stages": stages}))
        assert served(engine, changed)[TITLE] < 1.0

    def test_learning_goes_on_beside_it(self, engine: Engine, shipped: Retriever) -> None:
        request = ExecuteRequest(inputs={"query": "lamp"})
        ranking = execute(engine, shipped, request).execution.ranking
        assert ranking is not None
        assert ranking.algorithm == "thompson_sampling"
        assert ranking.draw is not None
        assert ranking.shadow_weights is not None


class TestRefusals:
    def test_a_retriever_without_a_gate(self, engine: Engine) -> None:
        retriever = gated_retriever(engine, None)
        weight_set(engine, retriever, 1.0, 0.0)
        with pytest.raises(InvalidEvaluation, match="has no gate"):
            start_gate(engine, default(engine), retriever, "best")

    def test_weights_of_another_retriever(self, engine: Engine) -> None:
        dataset = judged(engine).name
        other = gated_retriever(engine, dataset, name="other")
        weight_set(engine, other, 1.0, 0.0)
        retriever = gated_retriever(engine, dataset)
        with pytest.raises(InvalidEvaluation, match="does not use this model"):
            start_gate(engine, default(engine), retriever, "best")

    def test_a_dataset_that_is_gone(self, engine: Engine) -> None:
        retriever = gated_retriever(engine, "no such")
        weight_set(engine, retriever, 1.0, 0.0)
        with pytest.raises(NotFound):
            start_gate(engine, default(engine), retriever, "best")

    @pytest.mark.parametrize("force", [False, True])
    def test_weights_are_not_deployed_past_the_gate(self, engine: Engine, force: bool) -> None:
        weight_set(engine, gated_retriever(engine, judged(engine).name), 1.0, 0.0)
        with pytest.raises(NotGated):
            deploy_model(engine, 1, "best", force=force)


class TestRankers:
    @pytest.fixture
    def reranked(self, engine: Engine) -> Retriever:
        """Served by a ranker that puts first what is bad; a better one is there."""
        deploy_ranker(engine, default(engine), {"field:bad": 1.0})
        rerank = {"stage_id": "rerank", "parameters": {"inference_name": "ours"}}
        return gated_retriever(engine, judged(engine).name, rerank)

    def test_a_better_one_passes_and_is_deployed(self, engine: Engine, reranked: Retriever) -> None:
        before = find_model(engine, 1, "ours")
        assert before.serving == 1
        with pytest.raises(NotGated):  # the helper stores, and fails to deploy past the gate
            deploy_ranker(engine, default(engine), {"field:good": 1.0})
        assert find_model(engine, 1, "ours").serving == 1
        with pytest.raises(NotGated):
            deploy_model(engine, 1, "ours", 2, force=True)
        _, gated = run_gate(engine, default(engine), reranked, "ours", 2, ask_log)
        assert gated.verdict.passed
        assert find_model(engine, 1, "ours").serving == 2

    def test_another_gate_must_be_passed_too(self, engine: Engine, reranked: Retriever) -> None:
        rerank = {"stage_id": "rerank", "parameters": {"inference_name": "ours"}}
        other = gated_retriever(engine, "judged", rerank, name="other")
        with pytest.raises(NotGated):
            deploy_ranker(engine, default(engine), {"field:good": 1.0})
        run_gate(engine, default(engine), reranked, "ours", 2, ask_log)
        assert find_model(engine, 1, "ours").serving == 1
        run_gate(engine, default(engine), other, "ours", 2, ask_log)
        assert find_model(engine, 1, "ours").serving == 2

    def test_a_worse_one_does_not_pass(self, engine: Engine, reranked: Retriever) -> None:
        with pytest.raises(NotGated):
            deploy_ranker(engine, default(engine), {"field:bad": 1.0})
        _, gated = run_gate(engine, default(engine), reranked, "ours", 2, ask_log)
        assert not gated.verdict.passed
        assert find_model(engine, 1, "ours").serving == 1

    def test_one_that_cannot_be_loaded_is_refused(
        self, engine: Engine, reranked: Retriever
    ) -> None:
        """Without any ranker searches would be better than with the one that is live."""
        with pytest.raises(NotGated):
            deploy_ranker(engine, default(engine), {"field:good": 1.0}, trees="no trees")
        with pytest.raises(InvalidEvaluation, match="cannot serve"):
            run_gate(engine, default(engine), reranked, "ours", 2, ask_log)
        assert find_model(engine, 1, "ours").serving == 1

    def test_a_pass_by_other_judgments_does_not_count(
        self, engine: Engine, reranked: Retriever
    ) -> None:
        with pytest.raises(NotGated):
            deploy_ranker(engine, default(engine), {"field:good": 1.0})
        run_gate(engine, default(engine), reranked, "ours", 2, ask_log)
        truth = {"query_id": "q", "query_input": {"query": "x"}, "relevant_documents": ["y"]}
        create_dataset(
            engine, default(engine), read_dataset({"dataset_name": "others", "queries": [truth]})
        )
        text = msgspec.json.encode(reranked.draft.stages).replace(b'"judged"', b'"others"')
        stages = msgspec.json.decode(text)
        changed = replace(reranked, draft=replace(reranked.draft, stages=stages))
        better = find_version(engine, 1, "ours", 2)
        with engine.storage.read() as session:
            assert has_passed(session, reranked, better)
            assert not has_passed(session, changed, better)

    def test_elsewhere_force_is_enough(self, engine: Engine) -> None:
        deploy_ranker(engine, default(engine), {"field:bad": 1.0})
        rerank = {"stage_id": "rerank", "parameters": {"inference_name": "ours"}}
        gated_retriever(engine, None, rerank)
        deploy_ranker(engine, default(engine), {"field:good": 1.0})
        assert find_model(engine, 1, "ours").serving == 2


def test_clicks_that_contradict_the_judgments_hold_a_candidate_up(engine: Engine) -> None:
    """A simulation: 500 searches by drawn weights, in which only what the labels reject is clicked.

    Whoever looks at such a document in the first three places clicks it. Seed 3.
    """
    retriever = gated_retriever(engine, judged(engine).name, exploration_bonus=5.0)
    control = (engine.storage, engine.make_id, 1, retriever.retriever_id)
    change_controls(*control, "frozen", frozen=True)  # so that both orders are drawn all the time
    engine.directory.forget()
    rng = np.random.default_rng(3)
    engine.fuser.make_seed = lambda: int(rng.integers(2**63))
    topics = [
        query.query_input for query in read_queries(engine, find_dataset(engine, 1, "judged"))
    ]
    for number in range(500):
        request = ExecuteRequest(
            inputs=topics[number % N_QUERIES], session_id=f"s{number}", page_size=3
        )
        found = execute(engine, retriever, request)
        clicks = tuple(
            sent_interaction(
                execution_id=found.execution.execution_id, feature_id=id, position=place
            )
            for place, id in enumerate(hit.document_id for hit in found.hits)
            if "-b" in id
        )
        if clicks:
            engine.submit(Submission(namespace=1, interactions=clicks))
    weight_set(engine, retriever, 0.6, 0.4)
    _, gated = run_gate(engine, default(engine), retriever, "best", None, ask_log)
    assert gated.verdict.what_if.verdict == "worse"
    assert gated.verdict.reason == "Does not ship: by the log it would have earned less."
    assert engine.directory.controls(1, retriever.retriever_id).shipped is None
