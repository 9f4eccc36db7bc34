"""Fusion weights on real products: trained from judgments, from clicks, and judged by people."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desirepath.domain.judgment import read_dataset
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.domain.scope import Scope
from desirepath.engine.analysis_rules import AnalysisRules
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.datasets import create_dataset, find_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.comparing import compare_evaluations
from desirepath.engine.evaluating.running import evaluate, read_queries
from desirepath.engine.executing import ExecuteRequest, execute
from desirepath.engine.recording import RecordingRules, Submission
from desirepath.engine.retrievers import create_retriever
from desirepath.engine.training.fusion_report import WeightsReport
from desirepath.engine.training.fusion_weights import WeightSettings, train_weights
from desirepath.storage.open import open_storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from desirepath.testing.examples import a_document, sent_interaction
from desirepath.testing.shoppers import ATTRACTION, PositionBased
from tests.esci_runs import labels_of
from tests.gated_shop import default

Find = Callable[[str], Path]
Say = Callable[[str], None]

pytestmark = pytest.mark.needs_data

_FIELDS = ("title", "description", "brand")
_SEARCHES_EACH = 8


@pytest.fixture
def clock() -> TestingClock:
    return TestingClock()


@pytest.fixture
def engine(clock: TestingClock, tmp_path: Path, shared_data: Find) -> Iterator[Engine]:
    """The products, with the labels of people as a dataset."""
    storage = ClockedStorage(open_storage(f"sqlite:///{tmp_path}/shop.db", clock), clock)
    rules = AnalysisRules(folder=tmp_path / "copies")
    with closing(Engine(storage, clock, RecordingRules(), analysis=rules)) as engine:
        ensure_defaults(engine)
        folder = shared_data("esci_small")
        with gzip.open(folder / "products.jsonl.gz", "rt") as lines:
            products = [json.loads(line) for line in lines]
        documents = [
            a_document(
                document_id=one["asin"],
                payload={field: text for field in _FIELDS if (text := one[field])},
            )
            for one in products
        ]
        for start in range(0, len(documents), 500):
            with engine.storage.write() as session:
                session.documents.upsert(1, documents[start : start + 500])
        queries = [
            {
                "query_id": f"q{number}",
                "query_input": {"query": query},
                "relevant_documents": [id for id, grade in grades.items() if grade],
                "relevance_scores": grades,
            }
            for number, (query, grades) in enumerate(labels_of(folder).items())
        ]
        plain = {"dataset_name": "labels", "queries": queries}
        create_dataset(engine, default(engine), read_dataset(plain))
        yield engine


def searching(engine: Engine) -> Retriever:
    searches: list[dict[str, Any]] = [
        {"feature_uri": f"text://{field}", "query": "{{INPUT.query}}"} for field in _FIELDS
    ]
    parameters = {"searches": searches, "fusion": "learned"}
    stage = {"stage_id": "feature_search", "parameters": parameters}
    plain = {"retriever_name": "shop", "stages": [{"stage_name": "search", "config": stage}]}
    return create_retriever(engine, 1, read_retriever(plain))


def told(report: WeightsReport) -> str:
    weights = " ".join(f"{uri[7:]} {weight:.2f}" for uri, weight in report.weights.items())
    others = "; ".join(
        f"{one.name} {one.value.mean:.4f} [{one.behind.mean:+.4f}: {one.behind.low:+.4f}, "
        f"{one.behind.high:+.4f}]"
        for one in report.others
    )
    return (
        f"{report.measure} held out {report.held_out.mean:.4f} (n {report.n_queries} queries, seed "
        f"{report.seed}), in sample {report.in_sample:.4f}; {others}; weights {weights}"
    )


def test_from_labels(engine: Engine, figure: Say) -> None:
    """150 queries, gain 2^grade − 1, seed 0: better than equal weights, and not than titles."""
    retriever = searching(engine)
    scope = Scope(retriever_id=retriever.retriever_id)
    settings = WeightSettings(dataset="labels")
    report = train_weights(
        engine, default(engine), "labels", settings, scope, is_stored=False
    ).report
    figure(f"fusion weights from labels: {told(report)}")
    others = {one.name: one for one in report.others}
    assert others["text://brand alone"].behind.is_above_zero
    assert others["text://description alone"].behind.is_above_zero
    assert others["equal weights"].behind.is_above_zero
    assert others["rrf"].behind.is_above_zero
    assert report.lost_to == ["text://title alone"]
    assert report.verdict.startswith("No better than text://title alone")
    assert report.in_sample >= report.held_out.mean


def test_from_clicks(engine: Engine, clock: TestingClock, figure: Say) -> None:
    """A simulation of 8 searches of each query, looks at rank r with chance r^-0.5, seed 1.

    People's labels, which the training never sees, judge what was learned from clicks.
    """
    retriever = searching(engine)
    rng = np.random.default_rng(1)
    engine.fuser.make_seed = lambda: int(rng.integers(2**63))
    queries = read_queries(engine, find_dataset(engine, 1, "labels"))
    people = PositionBased(power=0.5)
    for number in range(_SEARCHES_EACH):
        for query in queries:
            request = ExecuteRequest(
                inputs=query.query_input,
                session_id=f"{query.query_id}-{number}",
                page_size=10,
            )
            served = execute(engine, retriever, request)
            grades = {one.document_id: one.grade or 0 for one in query.judgments}
            shown = [hit.document_id for hit in served.hits]
            clicked = people.clicks([ATTRACTION[grades.get(id, 0)] for id in shown], rng)
            clicks = tuple(
                sent_interaction(
                    execution_id=served.execution.execution_id,
                    feature_id=shown[place],
                    position=place,
                )
                for place in clicked
            )
            if clicks:
                engine.submit(Submission(namespace=1, interactions=clicks))
        clock.advance(seconds=3600)
    scope = Scope(retriever_id=retriever.retriever_id)
    report = train_weights(
        engine, default(engine), "clicks", WeightSettings(), scope, is_stored=False
    ).report
    figure(f"fusion weights from simulated clicks: {told(report)}")
    equal = dict.fromkeys(report.weights, 1 / 3)
    before, after = (
        evaluate(engine, retriever, queries, weights=weights) for weights in (equal, report.weights)
    )
    compared = compare_evaluations(before, after)
    figure(f"judged by people's labels, beside equal weights: {compared.verdict}")
    (ndcg,) = (one for one in compared.measures if (one.metric, one.k) == ("ndcg", 10))
    assert ndcg.difference.low > 0
    assert report.beats_baselines
