"""``desirepath backup``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from desirepath.cli.common import engine_options, errors, open_engine
from desirepath.settings import Settings

__all__ = ["backup_command"]


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@engine_options
def backup_command(settings: Settings, target: Path) -> None:
    """Copy an SQLite database to TARGET, a new file, while it is in use.

    Everything acknowledged before the copy began is in it. To restore, stop the service, put the
    copy in place of the file, remove the old -wal and -shm files, and start again.
    """
    columns = (TextColumn("backup"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with open_engine(settings) as engine, Progress(*columns, console=errors) as progress:
        task = progress.add_task("backup", total=None)
        for done, total in engine.storage.backup(str(target)):
            progress.update(task, completed=done, total=total)
    print(f"{target}: {target.stat().st_size:,} bytes.")
