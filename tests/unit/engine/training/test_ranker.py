"""Rankers trained from a recorded log: what they are measured by, and when they are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.part import part_of
from desirepath.engine.engine import Engine
from desirepath.engine.models import find_model
from desirepath.engine.ranker_files import read_parts
from desirepath.engine.tasks.running import run_task, start_task
from desirepath.engine.training.ctr import train_ctr
from desirepath.engine.training.list_models import ListModelSettings
from desirepath.engine.training.matrix_files import MatrixFormat, write_matrix
from desirepath.engine.training.ranker import RankerSettings, train_ranker
from desirepath.engine.training.validating import validate_log
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.methods.ranking.trees import TreeSettings
from desirepath.storage.base import Namespace
from desirepath.testing.clock import TestingClock
from tests.clicked_lists import shop

FEW = RankerSettings(
    features=("rank", "feature:worth", "ctr"), trees=TreeSettings(trees=20, rows_in_leaf=5)
)


def default(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


def test_a_planted_taste_is_found_measured_and_stored(
    engine: Engine, clock: TestingClock, tmp_path: Path
) -> None:
    shop(engine, clock, 150)
    trained = train_ranker(engine, default(engine), "best", FEW, Scope())
    report = trained.report
    orders = {one.order: one for one in report.measured}
    assert set(orders) == {"the ranker", "shown", "random", "popularity", "item_ctr"}
    for name, one in orders.items():
        assert one.ndcg.low <= one.ndcg.mean <= one.ndcg.high
        assert name == "the ranker" or (one.behind is not None and one.behind.is_above_zero)
    assert report.verdict == "Better than every order that needs no learning."
    assert (report.n_lists, report.n_test_lists) == (150, 30)
    assert report.importances[0].feature == "feature:worth"
    model = find_model(engine, 1, "best")
    assert [one.version for one in model.versions] == [1]
    assert model.serving is None
    assert set(model.versions[0].files) == {"trees.txt", "layout.json", "counters.npz"}
    json.dumps(model.versions[0].manifest, allow_nan=False)
    assert write_matrix(trained.matrix, str(tmp_path / "m.svm"), MatrixFormat.LIBSVM) == 900
    lines = (tmp_path / "m.svm").read_text().splitlines()
    assert lines[1].split()[1] == "qid:1"
    assert len(lines) == 901
    write_matrix(trained.matrix, str(tmp_path / "m.parquet"), MatrixFormat.PARQUET)
    assert pq.read_table(tmp_path / "m.parquet")["feature:worth"].null_count == 0


def test_as_a_task(engine: Engine, clock: TestingClock) -> None:
    shop(engine, clock, 150)
    settings = {"features": ["feature:worth"], "trees": {"trees": 5}}
    job = start_task(
        engine, default(engine), "train.ranker", {"name": "best", "settings": settings}
    )
    assert run_task(engine)
    with engine.storage.read() as session:
        done = session.jobs.find(1, job.task_id)
    assert done is not None
    assert (done.status, done.error) == ("COMPLETED", None)
    assert find_model(engine, 1, "best").versions[0].manifest["features"] == ["feature:worth"]


@pytest.mark.parametrize(("n", "clicks", "found"), [(0, True, 0), (30, False, 0), (15, True, 15)])
def test_too_little_is_refused_with_what_is_missing(
    engine: Engine, clock: TestingClock, n: int, clicks: bool, found: int
) -> None:
    shop(engine, clock, n, clicks=clicks)
    with pytest.raises(NotEnoughData) as refusal:
        train_ranker(engine, default(engine), "best", FEW, Scope())
    assert (refusal.value.needed, refusal.value.found) == (20, found)


def test_settings_that_cannot_be(engine: Engine) -> None:
    for settings in (
        RankerSettings(test_share=1.0),
        RankerSettings(features=("nothing",)),
        RankerSettings(trees=TreeSettings(leaves=1)),
    ):
        with pytest.raises(InvalidSetting):
            train_ranker(engine, default(engine), "best", settings, Scope())


CTR = ListModelSettings(
    features=("rank", "feature:worth"), trees=TreeSettings(trees=40, learning_rate=0.2, l2=0.0)
)


def test_chances_of_a_click_are_measured_and_stored(engine: Engine, clock: TestingClock) -> None:
    shop(engine, clock, 400)
    trained = train_ctr(engine, default(engine), "clicks", CTR, Scope())
    report = trained.report
    names = [one.model for one in report.measured]
    assert names == ["the model", "not calibrated", "base_rate", "position", "item_ctr"]
    assert report.verdict == "Better than every rate that needs no learning, by log loss."
    assert (report.n_lists, report.n_test_lists, report.n_test_impressions) == (400, 80, 480)
    assert sum(one.of for one in report.reliability) == 480
    assert report.importances[0].feature == "feature:worth"
    artifact = trained.artifact
    assert artifact is not None
    assert artifact.kind == "ctr_model"
    json.dumps(artifact.manifest, allow_nan=False)
    with engine.storage.read() as session:
        parts = read_parts(lambda file: session.artifacts.file(1, artifact.id, file), artifact.kind)
    assert parts.calibration is not None
    assert parts.calibration.slope == report.slope
    found = engine.directory.model(1, "clicks", 1)
    assert found is not None
    assert found.id == artifact.id


def test_chances_as_a_task(engine: Engine, clock: TestingClock) -> None:
    shop(engine, clock, 400)
    settings = {"features": ["feature:worth"], "trees": {"trees": 5}}
    start_task(engine, default(engine), "train.ctr", {"name": "clicks", "settings": settings})
    assert run_task(engine)
    assert find_model(engine, 1, "clicks").versions[0].kind == "ctr_model"


@pytest.mark.parametrize(("n", "clicks", "found"), [(0, True, 0), (30, False, 0), (15, True, 15)])
def test_too_few_clicks_for_chances_are_refused(
    engine: Engine, clock: TestingClock, n: int, clicks: bool, found: int
) -> None:
    shop(engine, clock, n, clicks=clicks)
    with pytest.raises(NotEnoughData, match="were clicked") as refusal:
        train_ctr(engine, default(engine), "clicks", CTR, Scope())
    assert (refusal.value.needed, refusal.value.found) == (100, found)


@pytest.mark.parametrize(
    ("n", "missing"), [(0, [20, 50, 100, 100, 20, 20]), (60, [0, 0, 40, 0, 20, 19])]
)
def test_what_a_log_allows(engine: Engine, clock: TestingClock, n: int, missing: list[int]) -> None:
    shop(engine, clock, n)
    with open_log(engine, default(engine)) as opened:
        found = validate_log(part_of(opened, Scope()))
    assert (found.executions, found.lists_with_both, found.clicks) == (n, n, n)
    assert found.documents_shown == 6 * n
    assert [one.missing for one in found.needs] == missing
