"""Commands that draw their answers instead of printing them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from desirepath.cli import main
from desirepath.dashboard.figures.palette import DARK

HEAD = "execution,query,session,document,position,clicked,time\n"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("figures")
    rows = [
        f"e{n},hat,s{n % 3},doc-{place},{place},{int(place == n % 4)},2026-01-01T10:00:00Z"
        for n in range(20)
        for place in range(3)
    ]
    path = folder / "shown.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n")
    url = f"sqlite:///{folder / 'log.db'}"
    run = CliRunner().invoke(main, ["import", str(path), "--format", "csv", "--database", url])
    assert run.exit_code == 0, run.output
    return url


def run(database: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--database", database])


@pytest.mark.parametrize(
    "command",
    [
        ["report", "positions"],
        ["report", "queries"],
        ["report", "documents"],
        ["report", "funnel"],
        ["position-bias"],
        ["sessions", "show", "s1"],
        ["doctor", "--events"],
    ],
)
def test_an_answer_is_drawn_instead_of_printed(
    database: str, tmp_path: Path, command: list[str]
) -> None:
    svg = tmp_path / "chart.svg"
    result = run(database, *command, "--svg", str(svg), "--dark", "--width", "400")
    assert result.exit_code in (0, 4), result.output  # doctor may find something to mend
    assert result.stdout == ""
    assert f"Wrote {svg}" in result.stderr
    text = svg.read_text()
    assert text.startswith("<svg")
    assert DARK.surface in text


def test_all_files_at_once_and_json_beside_them(database: str, tmp_path: Path) -> None:
    names = [str(tmp_path / f"chart.{kind}") for kind in ("png", "svg", "html")]
    files = [part for name in names for part in (f"--{name[-4:].split('.')[-1]}", name)]
    result = run(database, "report", "positions", "--json", *files)
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["results"]) == 3
    assert all(Path(name).stat().st_size > 1_000 for name in names)


def test_a_folder_that_is_not_there_is_said(database: str, tmp_path: Path) -> None:
    result = run(database, "report", "positions", "--png", str(tmp_path / "no" / "chart.png"))
    assert result.exit_code == 1
    assert "No such file or directory" in result.output


def test_only_events_are_drawn_by_doctor(database: str, tmp_path: Path) -> None:
    result = run(database, "doctor", "--png", str(tmp_path / "chart.png"))
    assert result.exit_code == 2
    assert "--events" in result.output
