"""``desirepath doctor --events``: what the terminal shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

import desirepath
from desirepath.cli import main
from desirepath.cli.event_health import render
from desirepath.engine.analysing.event_checks import EventCheck, EventHealth

WIDTH = 80
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
CHECK = EventCheck(
    name="no_execution",
    title="No execution",
    status="failed",
    severity="high",
    count=5,
    of=1_000,
    of_what="events",
    share=0.005,
    since=MOMENT,
    until=MOMENT,
    interaction_ids=("int_1", "int_2", "int_3"),
    detail="A detail.",
    fix="Send it.",
)
HEALTH = EventHealth(
    interactions=1_000,
    executions=20,
    first_at=MOMENT,
    last_at=MOMENT,
    n_flagged=2,
    flagged_share=0.25,
    checks=(
        CHECK,
        replace(CHECK, title="Another", status="not_made", count=0, missing="It lacks all."),
        replace(CHECK, title="A third", status="passed", count=0),
    ),
)


def printed(found: EventHealth) -> str:
    out = StringIO()
    Console(file=out, width=WIDTH, legacy_windows=False).print(render(found))
    return out.getvalue()


def test_it_shows_every_part() -> None:
    text = " ".join(printed(HEALTH).split())
    for part in (
        "1,000 interactions, 20 executions",
        "2 identities look like robots; answers leave out their 25.0% of the interactions.",
        "● No execution 0.5% high 5 of 1,000 events, 31 Jan 2026 12:00 – 31 Jan 2026 12:00",
        "A detail. such as int_1, int_2 Send it.",
        "– Another It lacks all.",
        "✓ 1 checks passed A third",
    ):
        assert part in text


@pytest.mark.parametrize("name", ["x" * 500, "日本語" * 50, "\x1b[31m[red]\r\n\u202e"])
def test_what_was_sent_fits_and_cannot_steer_the_terminal(name: str) -> None:
    found = replace(HEALTH, checks=(replace(CHECK, identities=(name,)),))
    text = printed(found)
    assert max(cell_len(line) for line in text.splitlines()) <= WIDTH
    assert not {"\x1b", "\r", "\u202e"} & set(text)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'log.db'}"


def test_of_an_empty_namespace_nothing_fails(database: str) -> None:
    desirepath.open(database).close()
    run = CliRunner().invoke(main, ["doctor", "--events", "--database", database])
    assert run.exit_code == 0
    assert "Could not be checked" in run.stdout


def test_a_fault_ends_with_exit_code_4(database: str) -> None:
    with desirepath.open(database) as here:
        here.interactions.create(feature_id="d", interaction_type=["click"], position=0)
    run = CliRunner().invoke(main, ["doctor", "--events", "--json", "--database", database])
    assert run.exit_code == 4
    found = json.loads(run.stdout)
    assert [check["name"] for check in found["checks"] if check["status"] == "failed"] == [
        "no_execution",
        "no_session",
    ]
    narrowed = ["doctor", "--events", "--before", "2020-01-01", "--database", database]
    assert CliRunner().invoke(main, narrowed).exit_code == 0


def test_of_an_unknown_retriever(database: str) -> None:
    desirepath.open(database).close()
    options = ["doctor", "--events", "--retriever", "none", "--database", database]
    run = CliRunner().invoke(main, options)
    assert run.exit_code == 1
