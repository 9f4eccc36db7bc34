"""Lines of a file, chunk by chunk, and the objects in them; what cannot be read goes aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from desirepath.domain.plain_json import (
    MAX_DEPTH,
    MAX_INTEGER,
    MIN_INTEGER,
    decode_json,
    encode_json,
)
from desirepath.engine.importing.files import BOM, InputFile, Stream
from desirepath.errors import MalformedJSON

__all__ = [
    "CUT_OFF",
    "MAX_LINE_BYTES",
    "Chunk",
    "Row",
    "Unreadable",
    "count_keys",
    "decode_chunk",
    "has_loose_colons",
    "has_unicode_escapes",
    "read_chunks",
]

CHUNK_BYTES = 1 << 18  # what is made of a chunk fits into a processor's cache
MAX_LINE_BYTES = 16 << 20
_SHOWN_BYTES = 8192  # of a line that cannot be decoded, in the file of rejected rows
CUT_OFF = "The file is cut off or damaged here; the rows after this could not be read."

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


def read_chunks(file: InputFile, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Whole lines, about ``size`` bytes at a time; a line that is far too long is passed over."""
    line = 1
    rest = b""
    is_passing_over = False
    with Stream(file) as stream:
        block = stream.read(size)
        if block:
            block = block.removeprefix(BOM)
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
            block = stream.read(size)
        if block is None:
            yield _no_rows(stream, Unreadable(line, CUT_OFF, _shown(rest[:_SHOWN_BYTES])))
        elif rest:
            yield Chunk(first_line=line, data=rest + b"\n", done=stream.done())


def _no_rows(stream: Stream, unreadable: Unreadable) -> Chunk:
    return Chunk(first_line=unreadable.line, data=b"", done=stream.done(), unreadable=(unreadable,))


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
            and _are_storable(rows)
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


def count_keys(values: dict[str, Any] | list[Any], depth: int = 0) -> int:
    """How many keys there are in an object, and in the objects in it.

    Raises
    ------
    ValueError
        An integer does not fit into 64 bits, or something is nested too deeply.
    """
    if depth >= MAX_DEPTH:
        raise ValueError("nested too deeply")
    items: Iterable[Any] = values
    keys = 0
    if isinstance(values, dict):
        keys, items = len(values), values.values()
    for value in items:
        kind = type(value)
        if kind is str:
            continue
        if kind is int:
            if not MIN_INTEGER <= value <= MAX_INTEGER:
                raise ValueError("too large")
        elif kind is dict or kind is list:
            keys += count_keys(value, depth + 1)
    return keys


def _are_storable(rows: Sequence[Any]) -> bool:
    try:
        for row in rows:
            count_keys(row)
    except ValueError:
        return False
    return all(type(row) is dict for row in rows)


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
