"""``desirepath export``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from desirepath.cli.common import engine_options, namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.engine.exporting import (
    STDOUT,
    ExportFormat,
    ExportOptions,
    ExportProgress,
    Rows,
    export_rows,
)
from desirepath.errors import InvalidSetting
from desirepath.settings import Settings

__all__ = ["export_command"]


@click.command("export")
@click.argument("target", metavar="FILE")
@click.option(
    "--format",
    "format_name",
    type=click.Choice([format.value for format in ExportFormat]),
    help="How to write rows.  [default: as FILE ends]",
)
@click.option(
    "--what",
    type=click.Choice([rows.value for rows in Rows]),
    help="Which rows.  [default: all in jsonl, interactions in a table]",
)
@click.option(
    "--documents",
    "as_documents",
    is_flag=True,
    help="The documents, with their vectors: the same as --what documents.",
)
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def export_command(
    settings: Settings,
    target: str,
    format_name: str | None,
    what: str | None,
    as_documents: bool,
    namespace: str,
    as_json: bool,
) -> None:
    """Export executions and interactions, or documents, to FILE, as they are at this moment.

    A FILE that ends in .gz is compressed; - is standard output. The file appears when it is whole.
    `desirepath import` reads it back to the same rows; documents with its --documents.
    """
    if as_documents:
        if what not in (None, Rows.DOCUMENTS.value):
            raise InvalidSetting("--documents and --what say different things.", ("what",))
        what = Rows.DOCUMENTS.value
    options = ExportOptions(
        format=_format(target) if format_name is None else ExportFormat(format_name),
        what=None if what is None else Rows(what),
    )
    with open_engine(settings) as engine, _progress() as report:
        number = namespace_of(engine, namespace).number
        result = export_rows(engine, number, target, options, report)
    if target == STDOUT:
        return
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(result)))
        return
    size = "" if result.size_bytes is None else f", {result.size_bytes:,} bytes"
    rows = f"{result.interactions:,} interactions and {result.executions:,} executions"
    if options.what is Rows.DOCUMENTS:
        rows = f"{result.documents:,} documents"
    click.echo(f"{target}: {rows}{size} in {result.seconds:,.1f} s.")


def _format(target: str) -> ExportFormat:
    """As the file's name ends."""
    suffixes = [suffix.lower() for suffix in Path(target).suffixes if suffix.lower() != ".gz"]
    wanted = suffixes[-1][1:] if suffixes else ""
    if wanted == "ndjson":
        return ExportFormat.JSONL
    if wanted not in {format.value for format in ExportFormat}:
        raise InvalidSetting("Say --format jsonl, csv or parquet: the name of FILE does not tell.")
    return ExportFormat(wanted)


@contextmanager
def _progress() -> Iterator[Callable[[ExportProgress], None]]:
    with rows_progress("counting") as (progress, task):

        def report(now: ExportProgress) -> None:
            progress.update(
                task, description=now.step, completed=now.done, total=now.total, rows=now.done
            )

        yield report
