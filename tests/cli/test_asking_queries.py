"""``desirepath queries`` and ``desirepath sessions``: what the terminal shows, and as JSON."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import desirepath
from desirepath.cli import main
from tests.storage_fixtures import Database


def run(database: str, *arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--database", database])
    assert result.exit_code == 0, result.output
    return result.stdout


def words(database: str, *arguments: str) -> str:
    return " ".join(run(database, *arguments).split())


def record(database: str, query: str = "settee") -> None:
    """Six people search for a query that finds nothing, then for a sofa; five filter and click."""
    with desirepath.open(database) as here:
        here.retrievers.create("shop")
        for number in range(6):
            who = {"session_id": f"s{number}", "user_id": f"u{number}"}
            at = f"2026-01-05T10:0{number}:"
            here.executions.create(
                "shop", documents=[], inputs={"query": query}, occurred_at=f"{at}00Z", **who
            )
            search = here.executions.create(
                "shop",
                documents=[{"document_id": "a"}, {"document_id": "b"}],
                inputs={"query": "sofa"},
                occurred_at=f"{at}10Z",
                **who,
            )["execution_id"]
            if number == 5:
                continue
            here.interactions.create(
                feature_id="_query",
                interaction_type=["filter_toggle"],
                position=0,
                execution_id=search,
                metadata={"filter": "brand", "value": query},
                occurred_at=f"{at}12Z",
            )
            here.interactions.create(
                feature_id="b",
                interaction_type=["click", "skip"],
                position=1,
                execution_id=search,
                occurred_at=f"{at}20Z",
            )


def test_each_question_is_answered(database: Database) -> None:
    url = database.url
    record(url)
    assert "6 of 12 searches found nothing (50.0%" in words(url, "queries", "zero-results")
    assert "settee 6 6 6 2026-01-05 6 0 sofa (6)" in words(url, "queries", "zero-results")
    text = words(url, "queries", "refinements")
    assert "✓ settee → sofa rewrite 6 6 83.3% 44%–97% 2.0" in text
    text = words(url, "queries", "filters", "--min-share", "0.4")
    assert "sofa brand = settee 5 5 83.3% 44%–97% 100.0%" in text
    text = words(url, "queries", "troubled", "--min-searches", "1")
    assert "sofa 6 83.3% 44%–97%" in text
    text = words(url, "sessions", "list", "--limit", "1")
    assert "6 visits: click 83.3%, no_click 16.7%." in text
    assert "2026-01-05 10:05 10 s 2 0 no_click s5" in text
    text = words(url, "sessions", "show", "s0")
    assert "10:00:00 searched “settee”, found nothing 10:00:10 refined to “sofa”, found 2" in text
    assert "10:00:12 turned on brand = settee 10:00:20 clicked #2 and passed over #2" in text


@pytest.mark.parametrize(
    "question",
    [
        ("queries", "zero-results"),
        ("queries", "refinements"),
        ("queries", "filters"),
        ("queries", "troubled"),
        ("sessions", "list"),
    ],
)
def test_a_script_reads_json_and_an_empty_log_says_what_it_lacks(
    sqlite_url: str, question: tuple[str, str]
) -> None:
    answer = json.loads(run(sqlite_url, *question, "--json"))
    assert "0, where 1 is needed" in answer["note"]
    assert "0, where 1 is needed" in words(sqlite_url, *question)


def test_an_unknown_session_is_named(sqlite_url: str) -> None:
    result = CliRunner().invoke(main, ["sessions", "show", "s1", "--database", sqlite_url])
    assert result.exit_code == 1
    assert "There is no session s1." in result.stderr


def test_what_was_sent_cannot_steer_the_terminal(sqlite_url: str) -> None:
    record(sqlite_url, "\x1b]0;x\x07\x1b[31m[red]\u202e")
    shown = "".join(
        run(sqlite_url, *question)
        for question in (
            ("queries", "zero-results"),
            ("queries", "refinements"),
            ("queries", "filters"),
            ("sessions", "list"),
            ("sessions", "show", "s0"),
        )
    )
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(shown)
    assert "[red]" in shown


# Logs of others


@pytest.mark.needs_data
def test_of_ubi_logs_the_visits_with_a_cart_are_those_of_the_file(
    sqlite_url: str, shared_data: Callable[[str], Path]
) -> None:
    """Sessions of a demo shop, read as they stand in the file, and cut after an hour of nothing."""
    files = sorted(shared_data("ubi_esci").glob("*.gz"))
    run(sqlite_url, "import", *map(str, files), "--format", "ubi")
    of_session: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
    events = next(file for file in files if "events" in file.name)
    with gzip.open(events, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row["action_name"] == "search":
                continue  # no interaction: the query is the search
            at = datetime.fromisoformat(row["timestamp"])
            of_session[row["session_id"]].append((at, row["action_name"] == "add_to_cart"))
    with_cart = 0
    for moments in of_session.values():
        visit: list[bool] = []
        last = None
        for at, is_cart in sorted(moments):
            if last is not None and (at - last).total_seconds() > 3600:
                with_cart += any(visit)
                visit = []
            visit.append(is_cart)
            last = at
        with_cart += any(visit)
    found = json.loads(
        run(sqlite_url, "sessions", "list", "--outcome", "add_to_cart", "--limit", "1000", "--json")
    )
    assert len(found["sessions"]) == with_cart > 10
    journey = json.loads(
        run(sqlite_url, "sessions", "show", found["sessions"][0]["session_id"], "--json")
    )
    assert any("into the cart" in visit["text"] for visit in journey["visits"])
    lost = json.loads(run(sqlite_url, "queries", "zero-results", "--json"))
    assert "wirelress" in {one["query"] for one in lost["queries"]}
    pairs = json.loads(run(sqlite_url, "queries", "refinements", "--json"))
    assert pairs["steps"] > 10
    assert not any(one["suggested"] for one in pairs["refinements"])  # nobody did a thing twice
