"""Files that rows are exported to, one class a format."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import IO, Any, Protocol

import msgspec
from msgspec import Struct

from desirepath.domain.clock import parse_time
from desirepath.domain.plain_json import encode_json
from desirepath.engine.exported_rows import (
    ExportedDocument,
    ExportedExecution,
    ExportedInteraction,
)
from desirepath.engine.formulas import guard
from desirepath.engine.parquet import load_pyarrow

__all__ = ["CsvFile", "ExportFile", "JsonLinesFile", "ParquetFile"]

_ROW_GROUP_BYTES = 16 << 20

_encode_lines = msgspec.json.Encoder().encode_lines


class ExportFile(Protocol):
    """Takes rows, a few thousand at a time, and keeps none of them."""

    def write(self, rows: Sequence[Struct]) -> None: ...

    def finish(self) -> None:
        """Write what makes the file whole; the stream stays open."""
        ...


class JsonLinesFile:
    """One object a line; ``kind`` says what it is."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, rows: Sequence[Struct]) -> None:
        self._stream.write(_encode_lines(rows))

    def finish(self) -> None: ...


class CsvFile:
    """RFC 4180 with a header; texts that a spreadsheet would run get an apostrophe in front.

    Types are separated by commas, objects are JSON, nothing is an empty cell.
    """

    def __init__(self, stream: IO[bytes], kind: type[Struct]) -> None:
        self._text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        self._fields = kind.__struct_fields__
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self._writer.writerow(self._fields)

    def write(self, rows: Sequence[Struct]) -> None:
        fields = self._fields
        self._writer.writerows([[_cell(getattr(row, name)) for name in fields] for row in rows])

    def finish(self) -> None:
        self._text.detach()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return guard(",".join(value))
    if isinstance(value, dict | list):
        return encode_json(value).decode()
    return value


class ParquetFile:
    """Columns with types: times are times, documents are nested, free objects are JSON texts."""

    def __init__(self, stream: IO[bytes], kind: type[Struct]) -> None:
        self._pyarrow, parquet = load_pyarrow()
        self._schema = _schema(self._pyarrow, kind)
        self._writer = parquet.ParquetWriter(
            stream, self._schema, compression="zstd", write_batch_size=1024
        )
        self._waiting: list[Any] = []
        self._bytes = 0

    def write(self, rows: Sequence[Struct]) -> None:
        columns = self._schema.names
        plain = [{name: _column(name, getattr(row, name)) for name in columns} for row in rows]
        batch = self._pyarrow.RecordBatch.from_pylist(plain, schema=self._schema)
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= _ROW_GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        """Small batches share a row group, which is read as a whole."""
        if self._waiting:
            self._writer.write_table(self._pyarrow.Table.from_batches(self._waiting))
        self._waiting, self._bytes = [], 0


_TIMES = frozenset({"occurred_at", "timestamp"})
_OBJECTS = frozenset({"metadata", "query_snapshot", "inputs", "payload", "text"})


def _column(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _TIMES:
        return parse_time(value)
    if name in _OBJECTS:
        return encode_json(value).decode()
    if name == "vectors":
        return list(value.items()) or None  # an empty map would be read as a list
    if name == "documents":
        return [
            {
                **document,
                "scores": list(document["scores"].items()) if "scores" in document else None,
                "features": list(document["features"].items()) if "features" in document else None,
            }
            for document in value
        ]
    return value


def _schema(pyarrow: Any, kind: type[Struct]) -> Any:
    text, whole, number = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
    numbers = pyarrow.map_(text, number)
    document = pyarrow.struct(
        [("document_id", text), ("score", number), ("scores", numbers), ("features", numbers)]
    )
    name_to_type = {
        "interaction_type": pyarrow.list_(text),
        "position": whole,
        "document_score": number,
        "result_set_size": whole,
        "reward": number,
        "live": pyarrow.bool_(),
        "documents": pyarrow.list_(document),
        "vectors": pyarrow.map_(text, pyarrow.list_(pyarrow.float32())),
        "offset": whole,
        "total": whole,
        **dict.fromkeys(_TIMES, pyarrow.timestamp("us", "UTC")),
    }
    assert kind in (ExportedDocument, ExportedExecution, ExportedInteraction)
    return pyarrow.schema([(name, name_to_type.get(name, text)) for name in kind.__struct_fields__])
