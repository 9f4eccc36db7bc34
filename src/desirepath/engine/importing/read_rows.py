"""Rows of a file, block by block, each with its line number; what cannot be read goes aside."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from desirepath.domain.plain_json import MAX_DEPTH, decode_json, encode_json
from desirepath.engine.importing.cells import plain
from desirepath.engine.importing.files import READ_ERRORS, InputFile, Stream
from desirepath.errors import InvalidFile, MalformedJSON

__all__ = ["Block", "Chunk", "Unreadable", "decode_chunk", "read_blocks", "read_chunks"]

CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 16 << 20
_SHOWN_BYTES = 8192  # of a line that cannot be decoded, in the file of rejected rows
_ROWS = 2_000  # rows of a table in a block
_BOM = b"\xef\xbb\xbf"
_INT64 = 1 << 63
_CUT_OFF = "The file is cut off or damaged here; the rows after this could not be read."

_decode_lines = msgspec.json.Decoder().decode_lines

Row = dict[str, Any]


class Unreadable(Struct, frozen=True):
    """A line that is no row."""

    line: int
    reason: str
    text: Any


class Chunk(Struct, frozen=True, kw_only=True):
    """Whole lines of a file; ``done`` counts the file's bytes up to its end."""

    first_line: int
    data: bytes
    done: int
    unreadable: tuple[Unreadable, ...] = ()


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
    """
    if format == "csv":
        yield from _read_csv(file)
    elif format == "parquet":
        yield from _read_parquet(file)
    else:
        for chunk in read_chunks(file):
            rows, unreadable = decode_chunk(chunk)
            yield Block(rows=rows, unreadable=[*chunk.unreadable, *unreadable], done=chunk.done)


def read_chunks(file: InputFile, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Whole lines, about ``size`` bytes at a time; a line that is far too long is passed over."""
    line = 1
    rest = b""
    is_passing_over = False
    with Stream(file) as stream:
        block = _read(stream, size)
        if block:
            block = block.removeprefix(_BOM)
        while block:
            if is_passing_over:
                _, newline, block = block.partition(b"\n")
                is_passing_over = not newline
                line += len(newline)
            head, newline, tail = block.rpartition(b"\n")
            if newline:
                data = rest + head + newline
                yield Chunk(first_line=line, data=data, done=stream.done())
                line += data.count(b"\n")
                rest = tail
            elif not is_passing_over:
                rest += block
            if len(rest) > MAX_LINE_BYTES:
                reason = f"The line is longer than {MAX_LINE_BYTES >> 20} MiB."
                yield _no_rows(stream, Unreadable(line, reason, _shown(rest[:_SHOWN_BYTES])))
                is_passing_over, rest = True, b""
            block = _read(stream, size)
        if block is None:
            yield _no_rows(stream, Unreadable(line, _CUT_OFF, _shown(rest[:_SHOWN_BYTES])))
        elif rest:
            yield Chunk(first_line=line, data=rest + b"\n", done=stream.done())


def _no_rows(stream: Stream, unreadable: Unreadable) -> Chunk:
    return Chunk(first_line=unreadable.line, data=b"", done=stream.done(), unreadable=(unreadable,))


def _read(stream: Stream, size: int) -> bytes | None:
    """The next bytes, as far as they can be read; None where the file breaks off."""
    try:
        return stream.bytes.read(size)
    except READ_ERRORS:
        return None


def decode_chunk(chunk: Chunk) -> tuple[list[tuple[int, Row]], list[Unreadable]]:
    """The objects of a chunk's lines, each as :func:`~desirepath.domain.plain_json.decode_json`
    would read it.

    A chunk is decoded whole. Written again, it has as many keys as it had, unless a key was given
    twice: then, and whenever something else calls for a closer look, it is read line by line.
    """
    data = chunk.data
    if not has_unicode_escapes(data) and not has_loose_colons(data):
        try:
            rows = _decode_lines(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            rows = []
        if (
            len(rows) == data.count(b"\n")
            and all(type(row) is dict and is_storable(row) for row in rows)
            and encode_json(rows).count(b'":') == data.count(b'":')
        ):
            return list(enumerate(rows, chunk.first_line)), []
    return _decode_line_by_line(chunk)


def has_unicode_escapes(data: bytes) -> bool:
    """Whether a character may be written as its number, a quotation mark for example."""
    return b"\\" in data and b"\\u" in data


def has_loose_colons(data: bytes) -> bool:
    """Whether something may stand between a key and its colon."""
    return b" :" in data or (b"\t" in data and b"\t:" in data) or (b"\r" in data and b"\r:" in data)


def is_storable(values: dict[str, Any], depth: int = 1) -> bool:
    """Whether integers fit into 64 bits, and nothing is nested too deeply."""
    for value in values.values():
        kind = type(value)
        if kind is str:
            continue
        if kind is int:
            if not -_INT64 <= value < _INT64:
                return False
        elif kind is dict:
            if depth >= MAX_DEPTH or not is_storable(value, depth + 1):
                return False
        elif kind is list and not (
            depth < MAX_DEPTH and is_storable(dict(enumerate(value)), depth + 1)  # type: ignore[arg-type]
        ):
            return False
    return True


def _decode_line_by_line(chunk: Chunk) -> tuple[list[tuple[int, Row]], list[Unreadable]]:
    rows: list[tuple[int, Row]] = []
    unreadable = []
    for number, line in enumerate(chunk.data.split(b"\n")[:-1], chunk.first_line):
        if not line.strip():
            continue
        try:
            row = decode_json(line)
        except MalformedJSON as error:
            reason = error.message.replace("The body", "The line")
            unreadable.append(Unreadable(number, reason, _shown(line[:_SHOWN_BYTES])))
            continue
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            unreadable.append(Unreadable(number, "The line is not a JSON object.", row))
    return rows, unreadable


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "replace")


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
                unreadable.append(Unreadable(line, _CUT_OFF, None))
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
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file.path) as table:
            done, total = 0, max(table.metadata.num_rows, 1)
            for batch in table.iter_batches(batch_size=_ROWS):
                rows = _without_nanoseconds(pyarrow, batch).to_pylist()
                block = [(done + number, row) for number, row in enumerate(rows, 1)]
                done += len(rows)
                yield Block(rows=block, unreadable=[], done=file.size * done // total)
    except (pyarrow.ArrowException, OSError) as error:
        raise InvalidFile(f"{file.name} cannot be read as Parquet: it is damaged.") from error


def _without_nanoseconds(pyarrow: Any, batch: Any) -> Any:
    """Python's times end at microseconds."""
    cast: Callable[[Any], Any] = lambda type: (  # noqa: E731
        pyarrow.timestamp("us", type.tz)
        if pyarrow.types.is_timestamp(type) and type.unit == "ns"
        else type
    )
    schema = pyarrow.schema([(field.name, cast(field.type)) for field in batch.schema])
    return pyarrow.Table.from_batches([batch]).cast(schema, safe=False)


def plain_row(row: Row) -> Row:
    """A row of a table in JSON's types."""
    return {str(name): plain(value) for name, value in row.items()}
