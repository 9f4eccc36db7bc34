"""Fusion weights trained from a recorded log: found, measured, stored, and refused."""

from __future__ import annotations

import json

import pytest

from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.engine.models import find_model
from desirepath.engine.tasks.running import run_task, start_task
from desirepath.engine.training.fusion_weights import WeightSettings, train_weights
from desirepath.engine.weights_files import WEIGHTS, read_weights
from desirepath.errors import InvalidSetting, NotEnoughData, NotFound
from desirepath.storage.base import Namespace
from desirepath.testing.clock import TestingClock
from tests.weighed_shop import FEATURES, TRUTH, shop, weighing_retriever


def default(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


def test_known_weights_are_found_in_clicks(engine: Engine, clock: TestingClock) -> None:
    """A simulation of 60 queries, 4 searches each, seed 1."""
    retriever = weighing_retriever(engine)
    shop(engine, clock, retriever)
    scope = Scope(retriever_id=retriever.retriever_id)
    told: list[tuple[int, int]] = []
    trained = train_weights(
        engine,
        default(engine),
        "best",
        WeightSettings(),
        scope,
        stepped=lambda done, most: told.append((done, most)),
    )
    report = trained.report
    assert list(report.weights) == list(FEATURES)
    assert list(report.weights.values()) == pytest.approx(TRUTH.tolist(), abs=0.12)
    names = [one.name for one in report.others]
    assert names == ["equal weights", "rrf", "live weights", *(f"{uri} alone" for uri in FEATURES)]
    assert report.beats_baselines
    assert report.verdict.startswith("Better than equal weights")
    for one in report.others:
        assert one.behind.low <= one.behind.mean <= one.behind.high
        assert one.behind.mean == pytest.approx(report.held_out.mean - one.value.mean)
    # One query was never clicked.
    assert (report.n_lists, report.n_queries, report.n_candidates) == (236, 59, 2360)
    assert report.in_sample >= report.held_out.mean
    assert 0 < told[-1][0] <= told[-1][1]
    stored = find_model(engine, 1, "best").versions[0]
    assert (stored.kind, stored.retriever_id) == ("fusion_weights", retriever.retriever_id)
    json.dumps(stored.manifest, allow_nan=False)
    with engine.storage.read() as session:
        assert read_weights(session.artifacts.file(1, stored.id, WEIGHTS)) == report.weights


def test_as_a_task(engine: Engine, clock: TestingClock) -> None:
    retriever = weighing_retriever(engine)
    shop(engine, clock, retriever, n_queries=30, n_searches=2)
    inputs = {
        "name": "best",
        "settings": {"folds": 2, "starts": 1, "metric": "mrr"},
        "scope": {"retriever_id": retriever.retriever_id, "before": clock.now() + 1},
    }
    job = start_task(engine, default(engine), "train.weights", inputs)
    assert run_task(engine)
    with engine.storage.read() as session:
        done = session.jobs.find(1, job.task_id)
    assert done is not None
    assert (done.status, done.error) == ("COMPLETED", None)
    manifest = find_model(engine, 1, "best").versions[0].manifest
    assert manifest["report"]["metric"] == "mrr"
    assert manifest["learned_before"] == clock.now() + 1


def test_where_equal_weights_are_best_it_says_so(engine: Engine, clock: TestingClock) -> None:
    retriever = weighing_retriever(engine)
    truth = TRUTH * 0 + 1 / 3
    shop(engine, clock, retriever, truth=truth, n_queries=40, n_searches=2)
    scope = Scope(retriever_id=retriever.retriever_id)
    settings = WeightSettings(folds=2, starts=1)
    report = train_weights(engine, default(engine), "best", settings, scope, is_stored=False).report
    assert not report.beats_baselines
    assert "equal weights" in report.lost_to
    assert report.verdict.startswith("No better than equal weights")


def test_only_the_last_searches_are_looked_at(engine: Engine, clock: TestingClock) -> None:
    retriever = weighing_retriever(engine)
    shop(engine, clock, retriever, n_queries=60, n_searches=2)
    scope = Scope(retriever_id=retriever.retriever_id)
    settings = WeightSettings(folds=2, starts=1, most_lists=100)
    report = train_weights(engine, default(engine), "best", settings, scope, is_stored=False).report
    assert report.n_lists == 100


class TestRefusals:
    def test_no_retriever(self, engine: Engine) -> None:
        with pytest.raises(InvalidSetting, match="Name the retriever"):
            train_weights(engine, default(engine), "best", WeightSettings(), Scope())

    def test_nothing_to_weigh(self, engine: Engine) -> None:
        retriever = weighing_retriever(engine)
        scope = Scope(retriever_id=retriever.retriever_id)
        with pytest.raises(NotEnoughData) as refused:
            train_weights(engine, default(engine), "best", WeightSettings(), scope)
        assert (refused.value.needed, refused.value.found) == (20, 0)

    def test_an_unknown_dataset(self, engine: Engine) -> None:
        retriever = weighing_retriever(engine)
        scope = Scope(retriever_id=retriever.retriever_id)
        with pytest.raises(NotFound):
            train_weights(engine, default(engine), "best", WeightSettings(dataset="no"), scope)
