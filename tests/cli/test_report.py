"""``desirepath report``: what the terminal shows."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console

import desirepath
from desirepath.cli import main
from desirepath.cli.report import render
from desirepath.engine.reporting import Positions, Report, wilson_rate
from tests.unit.dashboard.reports import a_fault, a_report, an_empty_report

WIDTH = 80


def printed(report: Report, *, color: bool = False) -> str:
    out = StringIO()
    Console(file=out, width=WIDTH, force_terminal=color, legacy_windows=False).print(render(report))
    return out.getvalue()


@pytest.mark.parametrize("text", ["red shoes", "long " * 500, "日本語" * 50])
def test_it_fits_into_eighty_columns(text: str) -> None:
    assert max(cell_len(line) for line in printed(a_report(text)).splitlines()) <= WIDTH


def test_it_shows_every_part() -> None:
    text = " ".join(printed(a_report()).split())
    for part in (
        "default 01 Jan 2026 12:00 – 31 Jan 2026 12:00 UTC",
        "1,200 4,800 8.0% 1.0%",
        "at most 47 an hour",
        "impression 4,000 ██",
        "Click-through by position of the documents shown",
        "0 500 60 12.0% 9.4% – 15.1% ━",
        "● No execution 5.0% 5 of 100 events: red shoes Send it.",
        "red shoes 700 90 50.0%",
        "red shoes 12 █",
        "red shoes 3 █",
        "31 Jan 12:00:00 click, purchase red shoes 3 red shoes [1]",
        "[1] A warning about red shoes.",
    ):
        assert part in text


def test_what_was_sent_cannot_steer_the_terminal() -> None:
    text = printed(a_report("\x1b]0;x\x07\x1b[31m\r\n[red]a[/red]\u202e\u2066"))
    assert not {"\x1b", "\x07", "\r", "\u202e", "\u2066"} & set(text)
    assert "[red]a[/red]" in text


def test_what_was_sent_is_not_coloured_by_its_brackets() -> None:
    plain = printed(a_report("[bold red]x[/]"), color=True)
    assert "[bold red]x[/]" in plain


def test_nothing_recorded_says_what_to_do() -> None:
    text = printed(an_empty_report())
    assert "Nothing is recorded yet" in text
    assert "desirepath import" in text


def test_executions_alone() -> None:
    report = a_report(interactions=0, hours=(), types=(), recent=(), first_at=None, last_at=None)
    text = printed(report)
    assert "No interactions yet." in text
    assert "Last interactions" not in text


def test_without_rates() -> None:
    report = a_report(click_through=None, positions=Positions(basis="none", since=None, rates=()))
    assert "Needs executions, or impressions that name one." in printed(report)


def test_nothing_to_mend() -> None:
    report = a_report(faults=(a_fault(count=0, share=0.0), a_fault(count=0, share=0.0)))
    assert "✓ All 2 checks of what is sent passed." in printed(report)


@pytest.mark.parametrize(
    ("rate", "shown"), [((0, 9), "0%"), ((9, 9), "100%"), ((1, 5000), "under 0.1%")]
)
def test_small_and_whole_shares(rate: tuple[int, int], shown: str) -> None:
    assert shown in printed(a_report(zero_results=wilson_rate(*rate)))


def test_as_json(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'log.db'}"
    desirepath.open(database).close()
    run = CliRunner().invoke(main, ["report", "--json", "--database", database])
    found = json.loads(run.stdout)
    assert (found["namespace"], found["interactions"]) == ("default", 0)
    assert {fault["count"] for fault in found["faults"]} == {0}


def test_of_an_unknown_namespace(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'log.db'}"
    desirepath.open(database).close()
    run = CliRunner().invoke(main, ["report", "--namespace", "none", "--database", database])
    assert run.exit_code == 1
    assert "There is no namespace none" in run.output
