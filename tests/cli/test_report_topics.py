"""``desirepath report TOPIC``: what the terminal shows of relevance."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from desirepath.cli import main

HEAD = "execution,query,session,document,position,clicked,purchase,configuration,time\n"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Import two days of one search with a name that would like to be a command."""
    folder = tmp_path_factory.mktemp("topics")
    rows = [
        f"e{n},[red]hat\x1b,s{n % 3},doc-{place},{place},{int(place == n % 4)},"
        f"{int(place == n % 8)},ranker-{n % 2},2026-01-0{1 + n // 20}T10:00:00Z"
        for n in range(40)
        for place in range(3)
    ]
    path = folder / "shown.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n")
    url = f"sqlite:///{folder / 'log.db'}"
    run = CliRunner().invoke(main, ["import", str(path), "--format", "csv", "--database", url])
    assert run.exit_code == 0, run.output
    return url


def report(database: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments, "--database", database])


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["positions"], ["of documents shown", "0 40 10 25.0% 14.2% – 40.2%"]),
        (["positions", "--group-by", "configuration"], ["ranker-0 0 20 10 50.0%"]),
        (["queries"], ["[red]hat· 40 25.0% 0% 25% 2.0"]),
        (
            [
                "queries",
                "--since",
                "2026-01-02",
                "--before",
                "2026-01-03",
                "--compare-to",
                "previous",
            ],
            ["[red]hat· 20 25.0%", "before 20 25.0%", "beyond the 95 % interval"],
        ),
        (["documents", "--limit", "1"], ["Documents: 1 of 3", "doc-0 40 25.0% 0.0 1.00"]),
        (["documents", "--finding", "fading"], ["Documents: 0 of 0", "No such document."]),
        (["funnel", "--steps", "impression,click,purchase"], ["impression 120 –", "purchase 15"]),
        (["queries", "--configuration", "none"], ["Nothing is recorded in this part of the log."]),
    ],
)
def test_topics(database: str, arguments: list[str], shown: list[str]) -> None:
    run = report(database, *arguments)
    assert run.exit_code == 0, run.output
    assert max(cell_len(line) for line in run.output.splitlines()) <= 80
    text = " ".join(run.output.split())
    for part in shown:
        assert part in text
    assert "\x1b" not in text


def test_as_json(database: str) -> None:
    found = json.loads(report(database, "documents", "--json").stdout)
    assert found["total"] == len(found["results"]) == 3
    assert found["coverage"]["impressions"] == 120


def test_options_stand_after_the_topic(database: str) -> None:
    run = CliRunner().invoke(main, ["report", "--json", "queries", "--database", database])
    assert run.exit_code == 2
    assert "Options stand after the topic." in run.output


def test_what_cannot_be_asked(database: str) -> None:
    run = report(database, "positions", "--compare-to", "previous")
    assert run.exit_code == 1
    assert "needs the start" in run.output
