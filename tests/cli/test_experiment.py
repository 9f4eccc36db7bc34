"""Experiments from the command line, on both databases."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner, Result

from desirepath.api.in_process import Desirepath
from desirepath.cli import main
from desirepath.domain.clock import SystemClock
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from tests.storage_fixtures import Database


def run(database: Database, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["experiment", *arguments, "--database", database.url])


def searched(database: Database) -> None:
    """Leave an experiment in which one session was begun."""
    clock = SystemClock()
    with closing(Engine(database.open(clock), clock, RecordingRules())) as engine:
        here = Desirepath(engine)
        stages = [
            {
                "stage_name": "find",
                "config": {
                    "stage_id": "feature_search",
                    "parameters": {"searches": [{"feature_uri": "engine://words"}]},
                },
            }
        ]
        here.retrievers.create("rival", stages=stages)
        here.retrievers.create("alone", stages=stages)
        here.retrievers.create("shop", stages=stages, experiment={"challenger": "rival"})
        found = here.retrievers.execute(
            "shop",
            session_id="visit",
            candidates={"engine://words": [{"document_id": "a", "score": 1.0}]},
        )
        assert found["documents"]
        (one,) = here.retrievers.experiments("shop")
        assert here.retrievers.experiment("shop", one["experiment_id"])["n_open"] == 1


def test_they_are_listed_and_shown(database: Database) -> None:
    searched(database)
    listed = run(database, "list", "shop", "--json")
    (one,) = json.loads(listed.output)
    assert (one["is_on"], one["n_searches"], one["mode"]) == (True, 1, "interleave")
    assert one["experiment_id"] in run(database, "list", "shop").output
    shown = run(database, "show", "shop", one["experiment_id"])
    assert shown.output.startswith("Nothing is known yet: none of 0 sessions has an opinion.")
    assert "Sides were seen" in shown.output
    assert run(database, "show", "shop").output == shown.output
    assert re.search(r"^ challenger +rival +1 ", shown.output, re.MULTILINE)
    assert max(map(len, shown.output.splitlines())) <= 80
    whole = json.loads(run(database, "show", "shop", one["experiment_id"], "--json").output)
    assert (whole["n_searches"], whole["n_open"], whole["path"]) == (1, 1, [])


def test_what_is_not_there_is_said(database: Database) -> None:
    searched(database)
    assert run(database, "list", "alone").output == "It has no experiments.\n"
    for what, arguments in (
        ("retriever", ("list", "nobody")),
        ("experiment", ("show", "shop", "exp_0")),
    ):
        result = run(database, *arguments)
        assert result.exit_code == 1
        assert result.output.startswith(f"Error: There is no {what}")

    without = run(database, "show", "alone")
    assert (without.exit_code, without.output) == (1, "Error: The retriever has no experiments.\n")


def test_one_is_reported(database: Database, tmp_path: Path) -> None:
    searched(database)
    (one,) = json.loads(run(database, "list", "shop", "--json").output)
    html = tmp_path / "report.html"
    arguments = ["report", "experiment", "shop", one["experiment_id"], "--database", database.url]
    drawn = CliRunner().invoke(main, [*arguments, "--html", str(html)])
    assert (drawn.exit_code, drawn.stdout) == (0, "")
    page = html.read_text()
    title = "Nothing is known yet: none of 0 sessions has an opinion."
    assert f"<title>{title}</title>" in page
    for words in ("rival (challenger)", "shop (live)", "Sides were seen"):
        assert words in page, words
    found = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).output)
    assert (found["live_name"], found["challenger_name"]) == ("shop", "rival")
    assert CliRunner().invoke(main, arguments).output.startswith(title)
