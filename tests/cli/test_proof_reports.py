"""Reports of benchmarks and evaluations: one page that says everything, the verdict first."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from desirepath.api.in_process import Desirepath
from desirepath.cli import main
from desirepath.domain.clock import SystemClock
from desirepath.domain.judgment import read_dataset
from desirepath.engine.datasets import create_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.engine.tasks.running import run_task
from desirepath.testing.drawn_logs import SimulatedSearches, fill_drawn_log
from tests.replayed_shop import fill_shop
from tests.storage_fixtures import Database

VERDICT = "mirror is better than live: try it on people."
JUDGED = {"query_id": "q1", "query_input": {"query": "red"}, "relevant_documents": ["hat"]}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of the log are put beside nothing of ours."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shop(database: Database) -> Database:
    clock = SystemClock()
    with closing(Engine(database.open(clock), clock, RecordingRules())) as engine:
        fill_shop(engine)
        namespace = engine.directory.namespace("default")
        assert namespace is not None
        draft = read_dataset({"dataset_name": "gold", "queries": [JUDGED]})
        create_dataset(engine, namespace, draft)
    return database


def run(database: Database, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--database", database.url])


def answer(database: Database, *arguments: str) -> str:
    result = run(database, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def one_page(path: Path) -> str:
    """The words of a page; it asks nobody for anything."""
    page = path.read_text()
    assert page.startswith("<!doctype html>")
    assert not re.search(r"<script|<link rel=\"stylesheet|(src|href)=\"(?!data:,)", page)
    assert not re.search(r"url\((?!#)", page)
    return page


def test_a_benchmark_is_reported(shop: Database, tmp_path: Path) -> None:
    said = json.loads(answer(shop, "benchmark", "live", "mirror", "--name", "turned", "--json"))
    id = said["benchmark_id"]
    assert VERDICT in answer(shop, "report", "benchmark", id)
    html, png, svg = (tmp_path / f"report.{form}" for form in ("html", "png", "svg"))
    files = ("--html", str(html), "--png", str(png), "--svg", str(svg))
    assert answer(shop, "report", "benchmark", id, *files) == ""
    page = one_page(html)
    assert f"<title>{VERDICT}</title>" in page
    for words in ("turned", "12 sessions", "baseline", "favours what was shown"):
        assert words in page, words
    assert png.read_bytes().startswith(b"\x89PNG")
    assert svg.read_text().startswith("<svg")
    found = json.loads(answer(shop, "report", "benchmark", id, "--json"))
    assert (found["name"], found["outcome"]["session_count"]) == ("turned", 12)
    assert found["outcome"]["comparison"]["sentences"][0] == VERDICT


def test_an_evaluation_is_reported(shop: Database, tmp_path: Path) -> None:
    id = json.loads(answer(shop, "evaluate", "live", "gold", "--json"))["evaluation_id"]
    verdict = json.loads(answer(shop, "report", "evaluation", id, "--json"))["result"]["verdict"]
    assert verdict in " ".join(answer(shop, "report", "evaluation", id).split())
    html = tmp_path / "report.html"
    assert answer(shop, "report", "evaluation", id, "--html", str(html)) == ""
    page = one_page(html)
    assert verdict in page
    for words in ("gold", "1 of 1 query evaluated", "ndcg@10", "q1"):
        assert words in page, words


def test_a_what_if_is_reported(database: Database, tmp_path: Path) -> None:
    """On a simulated log, seed 11: a policy that is better is called so on the page."""
    title, body, _ = SimulatedSearches().features
    searches = [{"feature_uri": uri, "query": "{{INPUT.query}}"} for uri in (title, body)]
    parameters = {"searches": searches, "fusion": "learned"}
    config = {"stage_id": "feature_search", "parameters": parameters}
    clock = SystemClock()
    with closing(Engine(database.open(clock), clock, RecordingRules())) as engine:
        stages = [{"stage_name": "find", "config": config}]
        Desirepath(engine).retrievers.create("shop", stages=stages)
        retriever = engine.directory.retriever(1, "shop")
        assert retriever is not None
        fill_drawn_log(engine.storage, retriever, 3_000, 11)
    weights = f"{title}=2,{body}=1"
    said = json.loads(answer(database, "what-if", "shop", "--weights", weights, "--json"))
    id = said["what_if_id"]
    assert said["sentence"] in " ".join(answer(database, "report", "what-if", id).split())
    html = tmp_path / "report.html"
    assert answer(database, "report", "what-if", id, "--html", str(html)) == ""
    page = one_page(html)
    assert "<title>The new policy would have been better.</title>" in page
    for words in ("shop", "3,000 searches", "(decides)", "effective sample"):
        assert words in page, words
    found = json.loads(answer(database, "report", "what-if", id, "--json"))
    assert found["result"]["verdict"] == "better"


def test_what_came_to_nothing_is_not_reported(shop: Database) -> None:
    clock = SystemClock()
    with closing(Engine(shop.open(clock), clock, RecordingRules())) as engine:
        benchmarks = Desirepath(engine).benchmarks
        wanted = {"interaction_types": ["purchase"]}
        id = benchmarks.start("none", "live", ["mirror"], session_filter=wanted)["benchmark_id"]
        waiting = run(shop, "report", "benchmark", id)
        assert (waiting.exit_code, waiting.stdout) == (1, "")
        assert "it has not ended" in waiting.stderr
        while run_task(engine):
            pass
    failed = run(shop, "report", "benchmark", id)
    assert failed.exit_code == 1
    assert "it failed: No session can be replayed" in " ".join(failed.stderr.split())
    unknown = run(shop, "report", "evaluation", id)
    assert unknown.exit_code == 1
    assert "There is no evaluation" in unknown.stderr
