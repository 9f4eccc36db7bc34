"""Query adapters trained from a recorded log: measured, stored, served, and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from desirepath.domain.document import Metric, VectorIndex
from desirepath.domain.retriever_changes import read_patch
from desirepath.domain.scope import Scope
from desirepath.engine.adapter_files import MAP, SPACE, read_map
from desirepath.engine.engine import Engine
from desirepath.engine.executing import ExecuteRequest, execute
from desirepath.engine.models import deploy_model, find_model
from desirepath.engine.recording import RecordingRules
from desirepath.engine.retrievers import change_retriever
from desirepath.engine.tasks.running import run_task, start_task
from desirepath.engine.training.adapter import AdapterSettings, train_adapter
from desirepath.errors import EmbedderFailed, InvalidSetting, NotBetter, NotEnoughData, NotFound
from desirepath.storage.base import Namespace, Storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.turned_shop import DIMENSION, shop

IMAGE = AdapterSettings(index="image")


@pytest.fixture
def engine(storage: Storage, clock: TestingClock) -> Iterator[Engine]:
    """On both databases: documents are read from them."""
    with closing(Engine(ClockedStorage(storage, clock), clock, RecordingRules())) as engine:
        yield engine


def default(engine: Engine) -> Namespace:
    found = engine.directory.namespace("default")
    assert found is not None
    return found


def test_a_turn_is_learned_from_the_log_and_undone(engine: Engine, tmp_path: Path) -> None:
    """A simulation of 100 queries, seed 5."""
    retriever, _ = shop(engine, tmp_path, angle=0.9)
    told: list[tuple[int, int]] = []
    trained = train_adapter(
        engine,
        default(engine),
        "turn",
        IMAGE,
        Scope(retriever_id=retriever.retriever_id),
        stepped=lambda done, most: told.append((done, most)),
    )
    report = trained.report
    assert report.gain.is_above_zero
    assert report.gain.mean == pytest.approx(report.after - report.before)
    assert report.gain.low < report.gain.mean < report.gain.high
    assert (report.vectors, report.n_documents, report.n_indexed) == ("log", 400, 400)
    assert report.n_queries == report.gain.of
    assert told[-1][0] == told[-1][1]
    stored = find_model(engine, 1, "turn").versions[0]
    assert stored.manifest[SPACE] == {"index": "image", "dimension": DIMENSION, "embedder": None}
    json.dumps(stored.manifest, allow_nan=False)
    with engine.storage.read() as session:
        matrix = read_map(session.artifacts.file(1, stored.id, MAP))
    np.testing.assert_array_equal(matrix, trained.matrix)


def test_it_serves_as_it_was_measured(engine: Engine, tmp_path: Path) -> None:
    """The first ten that a search finds are those that the map's cosine puts first."""
    retriever, model = shop(engine, tmp_path, angle=0.9)
    scope = Scope(retriever_id=retriever.retriever_id)
    trained = train_adapter(engine, default(engine), "turn", IMAGE, scope)
    deploy_model(engine, 1, "turn")
    stages = [dict(stage) for stage in retriever.draft.stages]
    stages[0]["config"]["parameters"]["searches"][0]["query_adapter"] = "turn"
    turned = change_retriever(engine, retriever, read_patch({"stages": stages}))
    with engine.storage.read() as session:
        names = [f"d{row}" for row in range(400)]
        found = session.documents.get(1, names, with_vectors=True)
    vectors = np.array([found[name].vectors["image"] for name in names])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for query in range(5):
        (vector,) = model.embed("m", [f"wish {query} of somebody"])
        inputs = {"query": "x", "vector": vector}
        served = execute(engine, turned, ExecuteRequest(inputs=inputs, page_size=10))
        expected = np.argsort(-(vectors @ (trained.matrix @ np.array(vector))))[:10]
        assert [hit.document_id for hit in served.hits] == [f"d{row}" for row in expected]
        (run,) = served.profile.stages
        assert [one.model_version for one in run.query_adapters] == [1]


def test_texts_are_given_to_the_embedder_of_the_index(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, model = shop(engine, tmp_path, angle=0.9, has_embedder=True)
    with pytest.raises(EmbedderFailed, match="No embedder is set up"):
        train_adapter(engine, default(engine), "turn", IMAGE, Scope())
    model.vectors["wish 7 of somebody"] = [0.0] * DIMENSION  # of which nothing can be made
    monkeypatch.setattr(engine, "embedder", model)
    trained = train_adapter(engine, default(engine), "turn", IMAGE, Scope())
    assert trained.report.vectors == "embedder"
    assert trained.report.n_queries == 98  # one more was never clicked
    assert trained.report.without_vector > 0
    assert trained.report.gain.is_above_zero
    assert trained.artifact is not None
    assert trained.artifact.manifest[SPACE]["embedder"] == "m"


def test_one_without_a_gain_is_kept_and_does_not_serve(engine: Engine, tmp_path: Path) -> None:
    """A simulation in which nothing is turned, seed 5."""
    retriever, _ = shop(engine, tmp_path, angle=0.0)
    scope = Scope(retriever_id=retriever.retriever_id)
    job = start_task(
        engine,
        default(engine),
        "train.adapter",
        {
            "name": "turn",
            "settings": {"index": "image"},
            "scope": {"retriever_id": scope.retriever_id},
        },
    )
    assert run_task(engine)
    with engine.storage.read() as session:
        done = session.jobs.find(1, job.task_id)
    assert done is not None
    assert (done.status, done.error) == ("COMPLETED", None)
    report = find_model(engine, 1, "turn").versions[0].manifest["report"]
    assert report["gain"]["low"] <= 0
    assert "not surely above 0" in report["verdict"]
    with pytest.raises(NotBetter):
        deploy_model(engine, 1, "turn")
    assert find_model(engine, 1, "turn").serving is None


def test_documents_are_drawn_where_there_are_many(engine: Engine, tmp_path: Path) -> None:
    retriever, _ = shop(engine, tmp_path, angle=0.9, n_queries=30)
    scope = Scope(retriever_id=retriever.retriever_id)
    few = AdapterSettings(index="image", most_documents=300)
    report = train_adapter(engine, default(engine), "turn", few, scope, is_stored=False).report
    assert (report.n_documents, report.n_indexed) == (300, 400)


class TestRefusals:
    def test_too_few_queries(self, engine: Engine, tmp_path: Path) -> None:
        retriever, _ = shop(engine, tmp_path, angle=0.9, n_queries=12)
        with pytest.raises(NotEnoughData) as refusal:
            train_adapter(
                engine, default(engine), "turn", IMAGE, Scope(retriever_id=retriever.retriever_id)
            )
        assert (refusal.value.needed, refusal.value.found) == (20, 12)

    def test_vectors_that_nobody_has(self, engine: Engine, tmp_path: Path) -> None:
        shop(engine, tmp_path, angle=0.9, n_queries=1)
        with pytest.raises(InvalidSetting, match="name the retriever"):
            train_adapter(engine, default(engine), "turn", IMAGE, Scope())

    def test_an_index_that_is_not_there(self, engine: Engine) -> None:
        with pytest.raises(NotFound):
            train_adapter(engine, default(engine), "turn", IMAGE, Scope())

    @pytest.mark.parametrize(
        ("index", "why"),
        [
            (VectorIndex(name="image", dimension=3, metric=Metric.DOT_PRODUCT), "by cosine"),
            (VectorIndex(name="image", dimension=5_000), "at most 2,048"),
        ],
    )
    def test_an_index_that_cannot_have_one(
        self, engine: Engine, index: VectorIndex, why: str
    ) -> None:
        with engine.storage.write() as session:
            session.documents.define_vector(1, index)
        with pytest.raises(InvalidSetting, match=why):
            train_adapter(engine, default(engine), "turn", IMAGE, Scope())
