"""Judgments as files of the field's formats: written whole, one query after the other."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import IO, Any, Protocol
from urllib.parse import quote

from msgspec import Struct

from desirepath.domain.judgment import Dataset, JudgedQuery, Judgment
from desirepath.domain.plain_json import encode_json
from desirepath.engine.engine import Engine
from desirepath.engine.formulas import guard
from desirepath.engine.output_files import open_output
from desirepath.engine.parquet import load_pyarrow
from desirepath.engine.query_text import first_text
from desirepath.errors import InvalidSetting

__all__ = [
    "EVIDENCE",
    "Exported",
    "JudgmentFormat",
    "export_judgments",
    "feature_names",
    "judgment_row",
    "write_rows",
]

EVIDENCE = ("impressions", "clicks")
"""What stands in for features where no scores were logged."""

_SPACES = re.compile(r"\s")
_LINES = re.compile(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CHUNK = 5_000
_NAMES = (
    "query_id",
    "query",
    "query_input",
    "document_id",
    "grade",
    "relevance",
    "low",
    "high",
    "impressions",
    "clicks",
    "features",
)


class JudgmentFormat(StrEnum):
    """How to write judgments."""

    TREC = "trec"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    RANKLIB = "ranklib"


class Exported(Struct, frozen=True, kw_only=True):
    """What was written.

    Parameters
    ----------
    features
        Names of the features of a ``ranklib`` file, from 1 on.
    """

    target: str
    format: JudgmentFormat
    queries: int
    judgments: int
    features: tuple[str, ...] = ()


class _Writer(Protocol):
    def write(self, query: JudgedQuery) -> None: ...

    def finish(self) -> None: ...


def export_judgments(
    engine: Engine,
    dataset: Dataset,
    target: str,
    format: JudgmentFormat,
    *,
    escape: bool = False,
    stdout: IO[bytes] | None = None,
) -> Exported:
    """Write a dataset to a file; see ``docs/how-to/judgments.md`` for the formats.

    Parameters
    ----------
    target
        The file; ending in ``.gz`` it is compressed. ``-`` is standard output.
    escape
        Write ids that a format cannot hold with ``%20`` and the like, a per cent sign as ``%25``.

    Raises
    ------
    InvalidSetting
        An id has spaces or line breaks, which the format cannot hold; or a ``ranklib`` file is
        wanted of judgments that have neither features nor evidence.
    InvalidFile
        The target cannot be written.
    MissingDependency
        What writes Parquet files is not installed.
    """
    features = feature_names(dataset) if format is JudgmentFormat.RANKLIB else ()
    n_queries = n_judgments = 0
    with open_output(target, stdout) as stream, engine.storage.read() as session:
        writer = _writer(stream, format, features, escape)
        for query in session.evaluations.queries(dataset.namespace, dataset.id):
            writer.write(query)
            n_queries += 1
            n_judgments += len(query.judgments)
        writer.finish()
    return Exported(
        target=target, format=format, queries=n_queries, judgments=n_judgments, features=features
    )


def feature_names(dataset: Dataset) -> tuple[str, ...]:
    """The features that a ranker's training file has: logged scores, or else the evidence.

    Raises
    ------
    InvalidSetting
        It has neither.
    """
    logged = dataset.source.parameters.get("features")
    if logged:
        return tuple(logged)
    if dataset.source.kind != "interactions":
        raise InvalidSetting(
            "These judgments are not from a log: they have no features and no evidence.",
            ("format",),
        )
    return EVIDENCE


def judgment_row(query: JudgedQuery, one: Judgment) -> dict[str, Any]:
    """A judgment with its query, as files have it."""
    return {
        "query_id": query.query_id,
        "query": first_text(query.query_input),
        "query_input": query.query_input,
        "document_id": one.document_id,
        "grade": _grade(one),
        "relevance": one.relevance,
        "low": one.low,
        "high": one.high,
        "impressions": one.impressions,
        "clicks": one.clicks,
        "features": one.features,
    }


def write_rows(
    stream: IO[bytes], rows: Iterable[Mapping[str, Any]], names: Sequence[str], *, as_csv: bool
) -> None:
    """Write rows as CSV with a header, or as JSON lines."""
    if not as_csv:
        for row in rows:
            stream.write(encode_json({name: row[name] for name in names}) + b"\n")
        return
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    text.detach()


def _grade(one: Judgment) -> int:
    return int(one.is_relevant) if one.grade is None else one.grade


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return guard(encode_json(value).decode())
    return guard(value) if isinstance(value, str) else value


def _writer(
    stream: IO[bytes], format: JudgmentFormat, features: Sequence[str], escape: bool
) -> _Writer:
    if format is JudgmentFormat.TREC:
        return _Trec(stream, escape)
    if format is JudgmentFormat.RANKLIB:
        return _RankLib(stream, features, escape)
    if format is JudgmentFormat.PARQUET:
        return _Parquet(stream)
    return _Rows(stream, as_csv=format is JudgmentFormat.CSV)


class _Rows:
    """JSON lines, or CSV."""

    def __init__(self, stream: IO[bytes], *, as_csv: bool) -> None:
        self._stream = stream
        self._as_csv = as_csv
        self._is_first = True

    def write(self, query: JudgedQuery) -> None:
        rows = (judgment_row(query, one) for one in query.judgments)
        buffer = io.BytesIO()
        write_rows(buffer, rows, _NAMES, as_csv=self._as_csv)
        written = buffer.getvalue()
        if self._as_csv and not self._is_first:
            written = written.partition(b"\r\n")[2]  # one header is enough
        self._is_first = False
        self._stream.write(written)

    def finish(self) -> None: ...


class _Trec:
    """``query_id 0 document_id grade``, separated by spaces: qrels as trec_eval reads them."""

    def __init__(self, stream: IO[bytes], escape: bool) -> None:
        self._stream = stream
        self._escape = escape

    def write(self, query: JudgedQuery) -> None:
        query_id = _plain(query.query_id, _SPACES, self._escape)
        for one in query.judgments:
            document_id = _plain(one.document_id, _SPACES, self._escape)
            self._stream.write(f"{query_id} 0 {document_id} {_grade(one)}\n".encode())

    def finish(self) -> None: ...


class _RankLib:
    """``grade qid:n feature:value … # document_id``, as RankLib and SVMrank read it."""

    def __init__(self, stream: IO[bytes], features: Sequence[str], escape: bool) -> None:
        self._stream = stream
        self._features = features
        self._escape = escape
        self._n_queries = 0
        for number, name in enumerate(features, 1):
            stream.write(f"# {number}: {_plain(name, _LINES, True)}\n".encode())

    def write(self, query: JudgedQuery) -> None:
        self._n_queries += 1
        for one in query.judgments:
            document_id = _plain(one.document_id, _LINES, self._escape)
            values = " ".join(self._values(one))
            line = f"{_grade(one)} qid:{self._n_queries} {values}".rstrip()
            self._stream.write(f"{line} # {document_id}\n".encode())

    def _values(self, one: Judgment) -> Iterable[str]:
        if self._features == EVIDENCE:
            known: Mapping[str, float | None] = {
                "impressions": one.impressions,
                "clicks": one.clicks,
            }
        else:
            known = one.features or {}
        for number, name in enumerate(self._features, 1):
            value = known.get(name)
            if value is not None:
                yield f"{number}:{value:.9g}"

    def finish(self) -> None: ...


class _Parquet:
    """Columns with types; ``query_input`` is JSON text, ``features`` a map."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._pyarrow, parquet = load_pyarrow()
        text, number = self._pyarrow.string(), self._pyarrow.float64()
        types = {
            **dict.fromkeys(("query_id", "query", "query_input", "document_id"), text),
            "grade": self._pyarrow.int32(),
            **dict.fromkeys(("relevance", "low", "high", "impressions", "clicks"), number),
            "features": self._pyarrow.map_(text, number),
        }
        self._schema = self._pyarrow.schema(list(types.items()))
        self._writer = parquet.ParquetWriter(stream, self._schema, compression="zstd")
        self._waiting: list[dict[str, Any]] = []

    def write(self, query: JudgedQuery) -> None:
        for one in query.judgments:
            row = judgment_row(query, one)
            features = row["features"]
            row["query_input"] = encode_json(row["query_input"]).decode()
            row["features"] = None if features is None else list(features.items())
            self._waiting.append(row)
        if len(self._waiting) >= _CHUNK:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(
                self._pyarrow.Table.from_pylist(self._waiting, schema=self._schema)
            )
        self._waiting.clear()


def _plain(id: str, forbidden: re.Pattern[str], escape: bool) -> str:
    """An id as a format can hold it.

    Raises
    ------
    InvalidSetting
        It cannot, and may not be escaped.
    """
    if escape:
        return re.sub(r"[%\s\x00-\x20\x7f]", lambda found: quote(found[0], safe=""), id)
    if forbidden.search(id) or not id:
        raise InvalidSetting(
            "An id has a space or a line break, which this format cannot hold: use --escape, or "
            "--format jsonl.",
            ("format",),
        )
    return id
