"""``desirepath doctor``."""

from __future__ import annotations

import json
import platform
import sys
from functools import partial
from importlib.metadata import version
from typing import Any

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from desirepath import __version__
from desirepath.cli.asking import Question, asked, question_options
from desirepath.cli.common import console, engine_options, open_engine
from desirepath.cli.event_health import render
from desirepath.cli.figures import FigureFiles, figure_options
from desirepath.engine.diagnosing import Diagnosis, diagnose
from desirepath.settings import Settings

__all__ = ["doctor_command"]

_PROBLEMS_EXIT_CODE = 4
_UNKNOWN = "not known"
_TOO_EARLY = "no estimate in the first day"
_PACKAGES = ("starlette", "uvicorn", "msgspec", "sqlalchemy", "psycopg")


@click.command("doctor")
@click.option("--events", is_flag=True, help="Check the events that are sent instead.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@partial(question_options, of_everybody=True)
@figure_options
@engine_options
def doctor_command(
    settings: Settings, question: Question, events: bool, as_json: bool, files: FigureFiles
) -> None:
    """Say what this process will do: durability, versions, disk, clock.

    With --events, say what is wrong with the events that are sent: how many, since when, examples,
    and what to do. All other options but --json are about which of them are checked.

    The exit code is 4 when there is something to mend.
    """
    if events:
        _check_events(settings, question, as_json, files)
    elif files.are_wanted:
        raise click.UsageError("Pictures are of --events.")
    else:
        _check_process(settings, as_json)


def _check_events(
    settings: Settings, question: Question, as_json: bool, files: FigureFiles
) -> None:
    with asked(settings, question) as part:
        from desirepath.engine.analysing.event_health import event_health

        found = event_health(part)
    if files.are_wanted:
        files.write(found)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    elif not files.are_wanted:
        console.print(render(found))
    if found.failed:
        sys.exit(_PROBLEMS_EXIT_CODE)


def _check_process(settings: Settings, as_json: bool) -> None:
    with open_engine(settings) as engine:
        found = diagnose(engine)
    if as_json:
        print(json.dumps({"facts": _facts(found), "problems": found.problems}))
    else:
        _print(found)
    if found.problems:
        sys.exit(_PROBLEMS_EXIT_CODE)


def _facts(found: Diagnosis) -> dict[str, Any]:
    health = found.health
    return {
        "desirepath": __version__,
        "database": health.backend,
        "database_version": health.version,
        "schema": health.schema,
        "durability": health.durability,
        "file_system": health.file_system,
        "size_bytes": health.size_bytes,
        "bytes_per_day": found.bytes_per_day,
        "free_bytes": health.free_bytes,
        "days_until_full": found.days_until_full,
        "clock_ahead_seconds": found.clock_ahead_seconds,
        "newest_ahead_seconds": found.newest_ahead_seconds,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{package: version(package) for package in _PACKAGES},
    }


def _print(found: Diagnosis) -> None:
    health = found.health
    table = Table(show_header=False)
    for name, value in (
        ("desirepath", __version__),
        ("database", f"{health.backend} {health.version}, schema {health.schema}"),
        ("durability", health.durability),
        ("file system", health.file_system or _UNKNOWN),
        ("database size", _megabytes(health.size_bytes)),
        ("growth a day", _megabytes(found.bytes_per_day, _TOO_EARLY)),
        ("disk free", _megabytes(health.free_bytes)),
        ("days until the disk is full", _days(found)),
        ("clock ahead of the database's", f"{found.clock_ahead_seconds:.3f} s"),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("packages", ", ".join(f"{package} {version(package)}" for package in _PACKAGES)),
    ):
        table.add_row(name, escape(value))
    console.print(table)
    for problem in found.problems:
        console.print(f"[yellow]![/yellow] {escape(problem)}", soft_wrap=True)
    if not found.problems:
        console.print("[green]Nothing to mend.[/green]")


def _megabytes(amount: float | None, otherwise: str = _UNKNOWN) -> str:
    return otherwise if amount is None else f"{amount / 1e6:,.1f} MB"


def _days(found: Diagnosis) -> str:
    if found.days_until_full is not None:
        return f"{found.days_until_full:,.0f}"
    return _UNKNOWN if found.health.free_bytes is None else _TOO_EARLY
