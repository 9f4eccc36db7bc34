"""``desirepath backup``."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from desirepath.cli.common import engine_options, errors, open_engine
from desirepath.settings import Settings

__all__ = ["backup_command"]


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def backup_command(settings: Settings, target: Path, as_json: bool) -> None:
    """Copy an SQLite database to TARGET, a new file, while it is in use.

    Everything acknowledged before the copy began is in it. The file appears when it is whole. To
    restore, stop the service, put the copy in place of the file, remove the old -wal and -shm
    files, and start again.
    """
    columns = (
        TextColumn("backup"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with (
        open_engine(settings) as engine,
        Progress(*columns, console=errors, disable=not errors.is_terminal) as progress,
    ):
        task = progress.add_task("backup", total=None)
        engine.storage.backup(
            target, lambda done, total: progress.update(task, completed=done, total=total)
        )
    n_bytes, seconds = target.stat().st_size, time.monotonic() - began
    if as_json:
        click.echo(json.dumps({"target": str(target), "size_bytes": n_bytes, "seconds": seconds}))
    else:
        click.echo(f"{target}: {n_bytes:,} bytes in {seconds:,.1f} s.")
