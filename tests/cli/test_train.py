"""What may be learned from a log, and training from it, by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from desirepath.cli import main
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.storage.open import open_storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.clicked_lists import shop


def made(folder: Path, fill: Callable[[Engine, TestingClock], object]) -> str:
    """The URL of a database with a log."""
    url = f"sqlite:///{folder}/log.db"
    clock = TestingClock()
    storage = ClockedStorage(open_storage(url, clock), clock)
    with closing(Engine(storage, clock, RecordingRules())) as engine:
        ensure_defaults(engine)
        fill(engine, clock)
    return url


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    return made(tmp_path_factory.mktemp("log"), partial(shop, n=1_000))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> str:
    return made(tmp_path_factory.mktemp("empty"), partial(shop, n=0))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of the log are put beside nothing of ours."""
    monkeypatch.chdir(tmp_path)


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--database", url])


def answer(url: str, *arguments: str) -> str:
    result = run(url, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_the_log_allows_is_said_before_training(log: str, empty: str) -> None:
    assert "enough" in answer(log, "validate")
    needs = json.loads(answer(log, "validate", "--json"))["needs"]
    missing = {one["model"]: one["missing"] for one in needs}
    # Each person clicked once, and all for the same query.
    assert missing == {"ranker": 0, "ctr": 0, "recommender": 20, "adapter": 19}
    of_nothing = json.loads(answer(empty, "validate", "--json"))["needs"]
    assert all(one["missing"] > 0 for one in of_nothing)
    assert "missing" in answer(empty, "validate")


def test_features_are_proposed_and_the_command_with_them_works(log: str) -> None:
    proposed = json.loads(answer(log, "autofeature", "--json"))
    best = proposed["features"][0]
    assert (best["feature"], best["first"], best["is_worth_it"]) == (
        "feature:worth",
        "higher",
        True,
    )
    assert proposed["command"] == "desirepath train ranker NAME --feature feature:worth"
    printed = answer(log, "autofeature")
    assert proposed["command"] in printed
    assert max(map(len, printed.splitlines())) <= 80
    _, *arguments = proposed["command"].replace("NAME", "best").split()
    trained = json.loads(answer(log, *arguments, "--dry-run", "--json"))
    assert trained["importances"][0]["feature"] == "feature:worth"


@pytest.mark.parametrize("kind", ["ranker", "ctr"])
def test_a_report_is_drawn_when_trained_and_later(log: str, tmp_path: Path, kind: str) -> None:
    name, now, later = f"drawn-{kind}", tmp_path / "now.svg", tmp_path / "later.svg"
    printed = answer(
        log, "train", kind, name, "--feature", "feature:worth", "--svg", str(now), "--deploy"
    )
    assert printed == f"\n {name} version 1 is stored; it serves\n\n"
    shown = run(log, "models", "show", name, "--svg", str(later), "--version", "1")
    assert (shown.exit_code, shown.stdout) == (0, ""), shown.output
    assert now.read_text() == later.read_text()
    assert "ctr" in answer(log, "models", "show", name)
    missing = run(log, "models", "show", name, "--svg", str(later), "--version", "2")
    assert missing.exit_code == 1
    assert "There is no model" in missing.stderr


def test_a_click_model_is_trained_by_command(log: str, empty: str) -> None:
    printed = answer(log, "train", "ctr", "chances", "--feature", "feature:worth")
    assert "chances version 1 is stored" in printed
    again = json.loads(answer(log, "train", "ctr", "chances", "--dry-run", "--json"))
    assert (again["name"], again["version"]) == ("chances", None)
    refused = run(empty, "train", "ctr", "chances")
    assert refused.exit_code == 1
    assert "found" in refused.stderr or "missing" in refused.stderr, refused.stderr


@pytest.mark.parametrize("kind", ["ranker", "ctr"])
def test_features_forget_as_fast_as_is_asked(log: str, kind: str) -> None:
    name = f"slow-{kind}"
    answer(log, "train", kind, name, "--half-life-days", "36500", "--feature", "feature:worth")
    shown = json.loads(answer(log, "models", "show", name, "--json"))
    assert shown["versions"][0]["manifest"]["settings"]["half_life_days"] == 36500.0


def test_what_is_not_better_is_stored_and_does_not_serve(log: str) -> None:
    printed = " ".join(answer(log, "train", "ranker", "blind", "--deploy").split())
    assert "No better than the order by" in printed
    assert "it serves after: desirepath models deploy blind --force" in printed
    seeing = ("train", "ranker", "seeing", "--deploy", "--feature", "feature:worth", "--json")
    trained = json.loads(answer(log, *seeing))
    assert (trained["beats_baselines"], trained["serves"]) == (True, True)
    listed = json.loads(answer(log, "models", "list", "--json"))
    serves = {one["name"]: one["serves"] for one in listed}
    assert (serves["blind"], serves["seeing"]) == (False, True)
