"""Benchmarks from the command line and in process, on both databases."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from desirepath.api.in_process import Desirepath
from desirepath.cli import main
from desirepath.domain.clock import SystemClock
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.errors import InvalidBenchmark, NotFound
from tests.replayed_shop import fill_shop
from tests.storage_fixtures import Database


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of the log are put beside nothing of ours."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shop(database: Database) -> Database:
    clock = SystemClock()
    with closing(Engine(database.open(clock), clock, RecordingRules())) as engine:
        fill_shop(engine)
    return database


def run(database: Database, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--database", database.url])


def answer(database: Database, *arguments: str) -> str:
    result = run(database, *arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def test_a_benchmark_is_run_shown_listed_and_deleted(shop: Database) -> None:
    said = answer(shop, "benchmark", "live", "mirror", "--name", "turned")
    assert said.startswith("mirror is better than live: try it on people.")
    assert "12 of 12 sessions, 12 searches; seed 0" in said
    (row,) = json.loads(answer(shop, "benchmarks", "list", "--json"))
    id = row["benchmark_id"]
    assert said.endswith(f"kept as {id}")
    assert answer(shop, "benchmarks", "show", id) == said
    assert json.loads(answer(shop, "benchmarks", "show", id, "--json")) == row
    assert row["benchmark_name"] == "turned"
    assert "turned" in answer(shop, "benchmarks", "list", "--retriever", "live")
    assert "No benchmarks." in answer(shop, "benchmarks", "list", "--status", "failed")
    assert answer(shop, "benchmarks", "delete", id) == "Deleted."
    gone = run(shop, "benchmarks", "show", id)
    assert (gone.exit_code, gone.stderr) == (1, f"Error: There is no benchmark {id}.\n")


def test_options_say_which_sessions_and_what_counts(shop: Database) -> None:
    options = ["--type", "click", "--weight", "click=2", "--retriever", "live"]
    options += ("--sample", "recent", "--sessions", "10", "--since", "2020-01-01")
    found = json.loads(answer(shop, "benchmark", "live", "mirror", "--json", *options))
    assert (found["session_count"], found["sessions_found"]) == (10, 12)
    wanted = found["session_filter"]
    assert wanted["interaction_weights"] == {"weights": {"click": 2.0}}
    assert (wanted["interaction_types"], wanted["sample_strategy"]) == (["click"], "recent")
    assert wanted["time_range"] == {"start": "2020-01-01", "end": None}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("live", "live"), 1, "A candidate is the baseline itself."),
        (("live", "nobody"), 1, "No such retriever"),
        (("live",), 2, "Missing argument 'CANDIDATE...'"),
        (("live", "mirror", "--weight", "click"), 2, "write it as purchase=5"),
        (("live", "mirror", "--weight", "clicks=1"), 2, "there is no such interaction type"),
        (("live", "mirror", "--sessions", "3"), 2, "3 is not in the range"),
        (("live", "mirror", "--type", "purchase"), 1, "No session can be replayed"),
        (("live", "mirror", "--since", "now"), 1, "is not an ISO 8601 time"),
    ],
)
def test_what_cannot_be_run_is_said(
    shop: Database, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = run(shop, "benchmark", *arguments)
    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.split())


def test_in_process(shop: Database) -> None:
    clock, told = SystemClock(), []
    with closing(Engine(shop.open(clock), clock, RecordingRules())) as engine:
        benchmarks = Desirepath(engine).benchmarks
        found = benchmarks.run(
            "turned", "live", ["mirror"], progress=lambda *step: told.append(step)
        )
        assert found["status"] == "completed"
        assert benchmarks.get(found["benchmark_id"]) == found
        assert benchmarks.list(retriever_id="live")["benchmarks"] == [found]
        begun = benchmarks.start("later", "live", ["mirror"])
        assert begun["status"] == "pending"
        benchmarks.delete(begun["benchmark_id"])
        with pytest.raises(NotFound):
            benchmarks.get(begun["benchmark_id"])
        with pytest.raises(InvalidBenchmark):
            benchmarks.run("again", "live", ["live"])
    assert told[0] == (0, 0, "building sessions")
    assert (12, 12, "replaying") in told
    assert told[-1] == (0, 0, "computing metrics")
