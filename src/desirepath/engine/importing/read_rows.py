"""Rows of a file, block by block, each with its line number; what cannot be read goes aside."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from desirepath.engine.importing.files import READ_ERRORS, InputFile, Stream
from desirepath.engine.importing.read_lines import (
    CUT_OFF,
    MAX_LINE_BYTES,
    Row,
    Unreadable,
    decode_chunk,
    read_chunks,
)
from desirepath.engine.parquet import load_pyarrow
from desirepath.errors import InvalidFile

__all__ = ["Block", "read_blocks"]

_ROWS = 2_000  # rows of a table in a block


class Block(Struct, frozen=True, kw_only=True):
    """Rows of a file with their line numbers."""

    rows: list[tuple[int, Row]]
    unreadable: list[Unreadable]
    done: int


def read_blocks(file: InputFile, format: str) -> Iterator[Block]:
    """All rows of a file: ``csv``, ``parquet``, and JSON lines for any other format.

    Raises
    ------
    InvalidFile
        It cannot be read as what it should be.
    MissingDependency
        It is a Parquet file, and what reads these is not installed.
    """
    if format == "csv":
        yield from _read_csv(file)
    elif format == "parquet":
        yield from _read_parquet(file)
    else:
        for chunk in read_chunks(file):
            rows, unreadable = decode_chunk(chunk)
            yield Block(rows=rows, unreadable=[*chunk.unreadable, *unreadable], done=chunk.done)


def _read_csv(file: InputFile) -> Iterator[Block]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    with Stream(file) as stream:
        text = io.TextIOWrapper(
            stream.bytes, encoding="utf-8-sig", errors="surrogateescape", newline=""
        )
        try:
            first = text.readline()
        except READ_ERRORS as error:
            raise InvalidFile(f"{file.name} is not whole: its compression is broken.") from error
        delimiter = max(",;\t|", key=first.count)
        header = next(csv.reader([first], delimiter=delimiter), [])
        _check_header(file, header)
        reader = csv.reader(text, delimiter=delimiter)
        rows: list[tuple[int, Row]] = []
        unreadable: list[Unreadable] = []
        while True:
            line = reader.line_num + 2  # the header is not the reader's
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                unreadable.append(Unreadable(line, f"Not CSV: {error}.", None))
                continue
            except READ_ERRORS:
                unreadable.append(Unreadable(line, CUT_OFF, None))
                break
            if len(cells) == len(header):
                rows.append((line, dict(zip(header, cells, strict=True))))
            elif cells:
                reason = f"The row has {len(cells)} cells and the header has {len(header)}."
                unreadable.append(Unreadable(line, reason, cells))
            if len(rows) + len(unreadable) >= _ROWS:
                yield Block(rows=rows, unreadable=unreadable, done=stream.done())
                rows, unreadable = [], []
        yield Block(rows=rows, unreadable=unreadable, done=stream.done())
        text.detach()


def _check_header(file: InputFile, header: list[str]) -> None:
    named = [name for name in header if name]
    if not named:
        raise InvalidFile(f"{file.name} is empty: a CSV file begins with the names of its columns.")
    if len(set(named)) != len(named):
        raise InvalidFile(f"{file.name} has two columns of the same name.")


def _read_parquet(file: InputFile) -> Iterator[Block]:
    pyarrow, parquet = load_pyarrow()
    try:
        with parquet.ParquetFile(file.path) as table:
            done, total = 0, max(table.metadata.num_rows, 1)
            for batch in table.iter_batches(batch_size=_ROWS):
                rows, unreadable = _rows_of(_without_nanoseconds(pyarrow, batch), done + 1)
                done += batch.num_rows
                yield Block(rows=rows, unreadable=unreadable, done=file.size * done // total)
    except (pyarrow.ArrowException, OSError) as error:
        raise InvalidFile(f"{file.name} cannot be read as Parquet: it is damaged.") from error


def _rows_of(batch: Any, first: int) -> tuple[list[tuple[int, Row]], list[Unreadable]]:
    """The rows of a batch as Python's values; those that have none go aside."""
    try:
        return list(enumerate(batch.to_pylist(), first)), []
    except (ValueError, OverflowError):  # a time that Python has not, a text that is not UTF-8
        if batch.num_rows == 1:
            return [], [Unreadable(first, "The row has a value that cannot be read.", None)]
    rows: list[tuple[int, Row]] = []
    unreadable: list[Unreadable] = []
    for number in range(batch.num_rows):
        found, aside = _rows_of(batch.slice(number, 1), first + number)
        rows += found
        unreadable += aside
    return rows, unreadable


def _without_nanoseconds(pyarrow: Any, batch: Any) -> Any:
    """Python's times end at microseconds."""
    cast: Callable[[Any], Any] = lambda type: (  # noqa: E731
        pyarrow.timestamp("us", type.tz)
        if pyarrow.types.is_timestamp(type) and type.unit == "ns"
        else type
    )
    schema = pyarrow.schema([(field.name, cast(field.type)) for field in batch.schema])
    return pyarrow.Table.from_batches([batch]).cast(schema, safe=False)
