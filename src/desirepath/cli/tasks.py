"""``desirepath tasks``."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
from rich.table import Column, Table

from desirepath.cli.answers import print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.domain.clock import format_time
from desirepath.domain.job import Job, JobStatus
from desirepath.engine.tasks.running import cancel_task, find_task
from desirepath.settings import Settings

__all__ = ["tasks"]

_MOST = 1000
_LOOK_SECONDS = 0.5
_namespace = click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def tasks() -> None:
    """See how long jobs stand, and cancel them."""


@tasks.command("list")
@click.option("--status", type=click.Choice([one.value for one in JobStatus]), help="Only these.")
@_namespace
@_json
@engine_options
def list_tasks(settings: Settings, status: str | None, namespace: str, as_json: bool) -> None:
    """Show the last 1,000 tasks, newest first."""
    wanted = None if status is None else JobStatus(status)
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        with engine.storage.read() as session:
            found = session.jobs.jobs(number, _MOST, status=wanted)
    if as_json:
        print_json([_row(one) for one in found])
        return
    if not found:
        print("No tasks." if wanted is None else f"No tasks are {wanted.value}.")
        return
    table = Table(
        Column("id", no_wrap=True),
        "kind",
        Column("status", no_wrap=True),
        "done",
        "tries",
        "created",
        "error",
    )
    for one in found:
        share = f"{one.done / one.total:.0%}" if one.total else ""
        table.add_row(
            one.task_id,
            one.kind,
            one.status.value,
            share,
            str(one.tries),
            format_time(one.created_at),
            one.error or "",
        )
    console.print(table)


@tasks.command("show")
@click.argument("task_id")
@_namespace
@engine_options
def show(settings: Settings, task_id: str, namespace: str) -> None:
    """Show a task as JSON."""
    with open_engine(settings) as engine:
        found = find_task(engine, namespace_of(engine, namespace).number, task_id)
    print_json(_row(found))


@tasks.command("cancel")
@click.argument("task_id")
@_namespace
@engine_options
def cancel(settings: Settings, task_id: str, namespace: str) -> None:
    """End a task without an effect; its worker stops within 15 seconds, or when it is done."""
    with open_engine(settings) as engine:
        cancel_task(engine, namespace_of(engine, namespace).number, task_id)
    print(f"{task_id} is canceled.")


@tasks.command("watch")
@click.argument("task_id")
@_namespace
@engine_options
def watch(settings: Settings, task_id: str, namespace: str) -> None:
    """Wait until a task has ended; the exit code is 1 if it did not complete."""
    with open_engine(settings) as engine, rows_progress("waiting") as (progress, bar):
        number = namespace_of(engine, namespace).number
        while (found := find_task(engine, number, task_id)).ended_at is None:
            progress.update(
                bar,
                description=found.words or found.status.value,
                completed=found.done,
                total=found.total or None,
                rows=found.done,
            )
            time.sleep(_LOOK_SECONDS)
    print(f"{found.status.value}{f': {found.error}' if found.error else ''}")
    if found.status is not JobStatus.COMPLETED:
        sys.exit(1)


def _row(one: Job) -> dict[str, Any]:
    return {
        "task_id": one.task_id,
        "kind": one.kind,
        "status": one.status.value,
        "inputs": one.inputs,
        "outputs": one.outputs,
        "progress": {"done": one.done, "total": one.total, "words": one.words},
        "tries": one.tries,
        "error": one.error,
        "created_at": format_time(one.created_at),
        "started_at": None if one.started_at is None else format_time(one.started_at),
        "ended_at": None if one.ended_at is None else format_time(one.ended_at),
    }
