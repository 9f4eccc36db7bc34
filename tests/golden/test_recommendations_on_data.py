"""Recommendations for people who clicked films, through our own path from files to the measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from desirepath.cli import main

Find = Callable[[str], Path]

pytestmark = pytest.mark.needs_data


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_films_for_people(tmp_path: Path, shared_data: Find, figure: Callable[[str], None]) -> None:
    """Lists of films were dealt out, and 302 people came back: nobody's taste beats popularity.

    What fits a person alone is worse than popularity here, and the report says so; the share of
    popularity that it chooses keeps what is served as good as that.
    """
    database = f"sqlite:///{tmp_path}/films.db"
    events = tmp_path / "events_train.jsonl.gz"
    events.write_bytes((shared_data("ranklens") / events.name).read_bytes())
    run("import", "--format", "metarank", str(events), "--database", database)
    options = ("--deploy", "--similar-users", "--json", "--database", database)
    report = json.loads(run("train", "recommender", *options))
    compared, personal = report["compared"], report["personal"]
    figure(
        f"NDCG@10 {compared['mean']:.4f}, popularity {compared['other']:.4f}, n {compared['n']}, "
        f"difference [{compared['low']:+.4f}, {compared['high']:+.4f}], without popularity "
        f"{personal['mean']:.4f}"
    )
    assert compared["n"] == 302
    assert compared["other"] == pytest.approx(0.0439, abs=0.0005)
    assert compared["low"] > -0.005
    assert personal["high"] < 0
    assert report["verdict"] != "It beats popularity."
    similar = json.loads(run("recommend", "similar", "589", "--json", "--database", database))
    assert len(similar["documents"]) == 10
