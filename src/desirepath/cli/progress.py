"""Progress bars of commands that move rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from desirepath.cli.common import errors

__all__ = ["counting", "rows_progress"]


class _Rate(ProgressColumn):
    """Rows a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        elapsed = task.finished_time if task.finished else task.elapsed
        rows = task.fields["rows"]
        return Text("" if not elapsed or not rows else f"{rows / elapsed:,.0f} {self._unit}/s")


@contextmanager
def rows_progress(first_step: str, unit: str = "rows") -> Iterator[tuple[Progress, TaskID]]:
    """A bar on standard error, if that is a terminal; its task has the field ``rows``."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.fields[rows]:,}} {unit}"),
        _Rate(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        yield progress, progress.add_task(first_step, total=None, rows=0)


def counting(progress: Progress, task: TaskID) -> Callable[[int], None]:
    """What is told how many more rows there are, and shows how many there are in all."""
    n_rows = 0

    def count(n_more: int) -> None:
        nonlocal n_rows
        n_rows += n_more
        progress.update(task, completed=n_rows, rows=n_rows)

    return count
