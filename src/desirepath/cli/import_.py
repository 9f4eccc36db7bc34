"""``desirepath import``."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
from msgspec.structs import replace

from desirepath.cli.common import engine_options, namespace_of, open_engine
from desirepath.cli.import_summary import print_summary
from desirepath.cli.progress import rows_progress
from desirepath.engine.importing.documents import DocumentOptions, import_documents
from desirepath.engine.importing.importing import import_files
from desirepath.engine.importing.options import ImportFormat, ImportOptions, ImportResult
from desirepath.engine.importing.options import Progress as ImportProgress
from desirepath.errors import InvalidSetting
from desirepath.settings import Settings
from desirepath.storage.open import IN_MEMORY, missing_file

__all__ = ["import_command"]

_REJECTED_EXIT_CODE = 3


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "format_name",
    required=True,
    type=click.Choice([format.value for format in ImportFormat]),
    help="What the files hold.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Our field is the source's column, or a dot path into it. May be repeated.",
)
@click.option(
    "--map-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="FIELD=COLUMN lines, TOML or JSON; --map beats it.",
)
@click.option(
    "--type-map",
    "type_maps",
    multiple=True,
    metavar="NAME=TYPE",
    help="The source's event name is our interaction type: buy=purchase. May be repeated.",
)
@click.option(
    "--position-base",
    type=click.Choice(["0", "1", "auto"]),
    help="What the source calls the first position.  [default: guessed for ubi and mapped tables, "
    "0 for rows of our own shape]",
)
@click.option(
    "--documents",
    "as_documents",
    is_flag=True,
    help="The rows are documents: one column is the id, the others are the payload.",
)
@click.option(
    "--id-field",
    metavar="COLUMN",
    help="With --documents: where the document_id is.  [default: document_id, else id]",
)
@click.option(
    "--vector-field",
    "vector_fields",
    multiple=True,
    metavar="COLUMN",
    help="With --documents: a column of vectors, whose name is that of their index. May be "
    "repeated.",
)
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing.")
@click.option(
    "--retriever",
    metavar="NAME",
    help="Where searches belong that name no retriever; made if it is missing.  [default: named "
    "after the format, for ubi after the application]",
)
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, and no report.")
@engine_options
def import_command(
    settings: Settings,
    files: tuple[str, ...],
    format_name: str,
    maps: tuple[str, ...],
    map_file: Path | None,
    type_maps: tuple[str, ...],
    position_base: str | None,
    as_documents: bool,
    id_field: str | None,
    vector_fields: tuple[str, ...],
    dry_run: bool,
    retriever: str | None,
    namespace: str,
    as_json: bool,
) -> None:
    """Import executions and interactions from FILEs, at their historical times, or documents.

    Files may be compressed with gzip; - is standard input. Importing a file again adds nothing.
    Rows that break a rule go to FILE.rejected.jsonl, each with its line number and the reason, and
    the import goes on; the exit code is then 3.
    """
    field_map = {} if map_file is None else _read_map_file(map_file)
    log_only = (maps, map_file, type_maps, position_base, retriever)
    if as_documents and any(log_only):
        raise InvalidSetting(
            "--map, --map-file, --type-map, --position-base and --retriever are not for documents."
        )
    if not as_documents and (id_field or vector_fields):
        raise InvalidSetting("--id-field and --vector-field go with --documents.")
    document_options = DocumentOptions(
        format=ImportFormat(format_name),
        id_field=id_field,
        vector_fields=vector_fields,
        dry_run=dry_run,
    )
    options = ImportOptions(
        format=ImportFormat(format_name),
        field_map={**field_map, **_pairs(maps, "--map FIELD=COLUMN")},
        type_map=_pairs(type_maps, "--type-map NAME=TYPE"),
        position_base=_base(position_base),
        dry_run=dry_run,
        retriever=retriever,
    )
    if dry_run and missing_file(settings.database):
        settings = replace(settings, database=IN_MEMORY)  # a look must not make a file
    with open_engine(settings, create=True) as engine:
        found = namespace_of(engine, namespace)
        with _progress() as report:
            result: ImportResult
            if as_documents:
                result = import_documents(engine, found, files, document_options, report)
            else:
                result = import_files(
                    engine, found.number, files, options, report, database=settings.database
                )
        if as_json:
            click.echo(json.dumps(msgspec.to_builtins(result)))
        else:
            print_summary(result, is_documents=as_documents)
            if not dry_run and not as_documents:
                from desirepath.cli.report import print_report

                print_report(engine, found)
    if result.rejected:
        sys.exit(_REJECTED_EXIT_CODE)


def _base(text: str | None) -> int | Literal["auto"] | None:
    if text is None:
        return None
    return "auto" if text == "auto" else int(text)


def _pairs(texts: tuple[str, ...], form: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not value:
            raise InvalidSetting(f"Write {form}.")
        pairs[name.strip()] = value.strip()
    return pairs


def _read_map_file(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"The map file {path} cannot be read.") from error
    try:
        field_map = dict(_flat(json.loads(text) if text.lstrip().startswith("{") else _toml(text)))
    except ValueError as error:
        raise InvalidSetting(f"The map file {path} is no list of FIELD=COLUMN.") from error
    if not field_map:
        raise InvalidSetting(f"The map file {path} is empty: write FIELD=COLUMN, one a line.")
    return field_map


def _toml(text: str) -> dict[str, Any]:
    """TOML, or the same without quotation marks."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        lines = [line.strip() for line in text.splitlines()]
        given = tuple(line for line in lines if line and not line.startswith("#"))
        return dict(_pairs(given, "FIELD=COLUMN, one a line"))


def _flat(values: dict[str, Any], head: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{head}{name}.")
        elif isinstance(value, str):
            yield head + name, value
        else:
            raise ValueError("a column is a text")


@contextmanager
def _progress() -> Iterator[Callable[[ImportProgress], None]]:
    with rows_progress("opening") as (progress, task):

        def report(now: ImportProgress) -> None:
            progress.update(
                task,
                description=now.step or "importing",
                completed=now.done,
                total=max(now.total, 1),
                rows=now.interactions + now.executions + now.documents,
            )

        yield report
