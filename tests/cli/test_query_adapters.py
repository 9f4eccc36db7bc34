"""Query adapters and the pairs behind them, by command."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.test_train import answer, made, run
from tests.turned_shop import shop

TRAIN = ("train", "adapter", "turn", "--index", "image", "--retriever", "shop")


def searched(folder: Path, angle: float) -> str:
    """The URL of a database with searches whose vectors are turned by an angle."""
    return made(folder, lambda engine, clock: shop(engine, folder, angle=angle))


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> str:
    return searched(tmp_path_factory.mktemp("turned"), 0.9)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> str:
    return searched(tmp_path_factory.mktemp("straight"), 0.0)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of the log are put beside nothing of ours."""
    monkeypatch.chdir(tmp_path)


def test_one_that_gains_is_deployed_at_once(turned: str) -> None:
    printed = answer(turned, *TRAIN, "--deploy")
    assert "turn version 1 is stored; it serves" in printed
    assert "never shown counts as one that was not clicked" in printed
    assert json.loads(answer(turned, "models", "show", "turn", "--json"))["serving"] == 1


def test_one_that_gains_nothing_is_held_back_with_its_figures(straight: str) -> None:
    printed = " ".join(answer(straight, *TRAIN, "--deploy").split())
    assert "nDCG@10 changes by" in printed
    assert "not surely above 0" in printed
    assert "it serves after: desirepath models deploy turn --force" in printed
    assert json.loads(answer(straight, "models", "show", "turn", "--json"))["serving"] is None
    assert run(straight, "models", "deploy", "turn").exit_code == 1


def test_figures_for_programs(turned: str) -> None:
    found = json.loads(answer(turned, *TRAIN, "--dry-run", "--json"))
    assert found["version"] is None
    assert found["gain"]["low"] > 0
    assert found["shape"] in ("rotation", "linear")


def test_pairs_are_written_for_each_side(turned: str) -> None:
    printed = answer(turned, "pairs", "pairs.parquet", "--min-impressions", "2")
    assert "pairs.train.parquet" in printed
    rows = {side: pq.read_table(f"pairs.{side}.parquet") for side in ("train", "dev", "test")}
    found = json.loads(answer(turned, "pairs", "p.jsonl", "--min-impressions", "2", "--json"))
    assert found["pairs"] == {side: table.num_rows for side, table in rows.items()}
    assert rows["train"].column_names == ["anchor", "positive", "negative_1", "score"]
    asked = {side: set(table["anchor"].to_pylist()) for side, table in rows.items()}
    assert not asked["train"] & (asked["dev"] | asked["test"])
    (line, *_) = Path(found["files"]["train"]).read_text().splitlines()
    assert list(json.loads(line)) == ["anchor", "positive", "negative_1", "score"]


def test_pairs_that_are_missing_are_counted(turned: str) -> None:
    refused = run(turned, "pairs", "pairs.jsonl", "--min-impressions", "1000")
    assert refused.exit_code == 1
    assert "1 needed, 0 found" in refused.stderr
    assert not list(Path().glob("pairs.*"))


def test_a_name_that_tells_no_format(turned: str) -> None:
    refused = run(turned, "pairs", "pairs.csv")
    assert refused.exit_code == 1
    assert ".jsonl or .parquet" in refused.stderr
