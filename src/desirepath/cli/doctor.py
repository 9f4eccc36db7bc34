"""``desirepath doctor``."""

from __future__ import annotations

import json
import platform
import time
from importlib.metadata import version
from itertools import islice

import click
from rich.table import Table

from desirepath.cli.common import console, engine_options, open_engine
from desirepath.engine.engine import Engine
from desirepath.settings import Settings
from desirepath.storage.base import Health

__all__ = ["doctor_command"]

_DAY = 86_400
_WARN_DAYS = 30
_PACKAGES = ("starlette", "uvicorn", "msgspec", "sqlalchemy", "psycopg")


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def doctor_command(settings: Settings, as_json: bool) -> None:
    """Say what this process will do: durability, versions, disk, clock."""
    with open_engine(settings) as engine:
        health = engine.storage.health()
        days = _days_until_full(engine, health)
        skew = _clock_skew_seconds(engine)
    facts = {
        "database": health.backend,
        "database version": health.version,
        "schema": health.schema,
        "durability": health.durability,
        "database size": _bytes(health.size_bytes),
        "disk free": _bytes(health.free_bytes),
        "days until the disk is full": "no estimate yet" if days is None else f"{days:,.0f}",
        "clock ahead of the database's (s)": f"{skew:.3f}",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }
    problems = _problems(health, days, skew)
    if as_json:
        print(json.dumps({"facts": facts, "problems": problems}))
    else:
        table = Table(show_header=False)
        for name, value in facts.items():
            table.add_row(name, value)
        console.print(table)
        for problem in problems:
            console.print(f"[yellow]![/yellow] {problem}")
        if not problems:
            console.print("[green]Nothing to mend.[/green]")


def _days_until_full(engine: Engine, health: Health) -> float | None:
    """Free space over what was written a day, since the first interaction was recorded."""
    if health.size_bytes is None or health.free_bytes is None:
        return None
    with engine.storage.read() as session:
        oldest = [
            interaction.recorded_at
            for namespace in session.catalog.namespaces()
            for interaction in islice(session.interactions.scan(namespace.number, chunk=1), 1)
        ]
    if not oldest:
        return None
    age_days = max((time.time() - min(oldest) / 1e6) / _DAY, 1 / 24)
    return health.free_bytes / (health.size_bytes / age_days)


def _clock_skew_seconds(engine: Engine) -> float:
    with engine.storage.read() as session:
        return (engine.clock.now() - session.now()) / 1e6


def _problems(health: Health, days: float | None, skew: float) -> list[str]:
    problems = []
    if "NORMAL" in health.durability or "=off" in health.durability:
        problems.append("Acknowledged writes may be lost in a power cut: turn full syncing on.")
    if days is not None and days < _WARN_DAYS:
        problems.append(f"At this rate the disk is full in {days:.0f} days.")
    if abs(skew) > 1:
        problems.append("This machine's clock and the database's differ: run NTP on both.")
    return problems


def _bytes(amount: int | None) -> str:
    return "unknown" if amount is None else f"{amount / 1e6:,.1f} MB"
