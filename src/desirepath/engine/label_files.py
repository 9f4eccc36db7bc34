"""Grades that people gave, from files."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from desirepath.domain.checks import MAX_ID_BYTES, is_storable
from desirepath.domain.judgment import HIGHEST_GRADE, JudgedQuery, Judgment, query_id_of
from desirepath.domain.plain_json import decode_json
from desirepath.engine.formulas import unguard
from desirepath.engine.judgment_files import JudgmentFormat
from desirepath.errors import InvalidFile, InvalidInput, InvalidSetting

__all__ = ["LABEL_FORMATS", "Labels", "read_labels"]

LABEL_FORMATS = (JudgmentFormat.TREC, JudgmentFormat.JSONL, JudgmentFormat.CSV)
_HIGHEST_TREC = 127


class Labels(Struct, frozen=True, kw_only=True):
    """Labels of a file.

    Parameters
    ----------
    n_blank
        Rows without a grade: nobody has judged them yet.
    """

    queries: list[JudgedQuery]
    n_labels: int
    n_blank: int


class _Label(Struct, frozen=True):
    query_id: str
    query_input: dict[str, Any]
    document_id: str
    grade: int | None


def read_labels(
    path: Path,
    format: JudgmentFormat,
    *,
    topics: Mapping[str, str] | None = None,
    escaped: bool = False,
) -> Labels:
    """Read grades from a file.

    Parameters
    ----------
    format
        ``trec``: ``query_id iteration document_id grade``, where a grade below 0 counts as 0.
        ``jsonl`` and ``csv``: rows with ``document_id``, ``grade`` and ``query`` or ``query_id``;
        ``query_input``, if they have it, is what a search takes.
    topics
        Text of each query by its id, for files that have ids only; without, the id is the text.
    escaped
        Whether ids were written with ``--escape``; for ``trec``.

    Raises
    ------
    InvalidFile
        A line is none of the format; the message says which one.
    InvalidSetting
        There are no labels of this format.
    """
    if format not in LABEL_FORMATS:
        raise InvalidSetting("Labels are read from trec, jsonl and csv files.", ("format",))
    query_to_labels: dict[str, tuple[dict[str, Any], dict[str, int]]] = {}
    n_blank = 0
    with _opened(path) as raw:
        stream = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        for number, label in _labels(stream, format, topics or {}, escaped):
            if label.grade is None:
                n_blank += 1
                continue
            _, grades = query_to_labels.setdefault(label.query_id, (label.query_input, {}))
            if grades.setdefault(label.document_id, label.grade) != label.grade:
                raise _bad(number, "an earlier line grades this document otherwise")
    queries = [
        JudgedQuery(
            query_id=query_id,
            query_input=query_input,
            judgments=tuple(
                Judgment(document_id=id, is_relevant=grade > 0, grade=grade)
                for id, grade in grades.items()
            ),
        )
        for query_id, (query_input, grades) in query_to_labels.items()
    ]
    if not queries:
        raise InvalidFile("The file has no labels: every grade is blank, or there is no row.")
    n_labels = sum(len(query.judgments) for query in queries)
    return Labels(queries=queries, n_labels=n_labels, n_blank=n_blank)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as raw:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
    except OSError as error:
        raise InvalidFile(f"{path} cannot be read: {error.strerror}.") from error


def _labels(
    stream: IO[str], format: JudgmentFormat, topics: Mapping[str, str], escaped: bool
) -> Iterator[tuple[int, _Label]]:
    number = 0
    try:
        if format is JudgmentFormat.CSV:
            rows = csv.DictReader(stream, strict=True)
            for row in rows:
                number = rows.line_num
                plain = {name: unguard(value or "") for name, value in row.items() if name}
                yield number, _label_of_row(number, plain, topics)
            return
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            if format is JudgmentFormat.TREC:
                yield number, _label_of_line(number, line.split(), topics, escaped)
            else:
                yield number, _label_of_row(number, _object(number, line), topics)
    except (UnicodeError, csv.Error, EOFError, OSError) as error:
        raise _bad(number + 1, "it cannot be read") from error


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        row = decode_json(line.encode())
    except InvalidInput as error:
        raise _bad(number, "it is not JSON") from error
    if not isinstance(row, dict):
        raise _bad(number, "it is not an object")
    return row


def _label_of_line(
    number: int, words: list[str], topics: Mapping[str, str], escaped: bool
) -> _Label:
    if len(words) != 4:
        raise _bad(number, "it is not query_id, iteration, document_id and grade")
    query_id, _, document_id, grade = words
    if escaped:
        query_id, document_id = unquote(query_id), unquote(document_id)
    _check_ids(number, query_id, document_id)
    return _Label(
        query_id,
        {"query": topics.get(query_id, query_id)},
        document_id,
        max(0, _grade(number, grade, least=-_HIGHEST_TREC)),
    )


def _label_of_row(number: int, row: Mapping[str, Any], topics: Mapping[str, str]) -> _Label:
    texts = [row.get(name) or None for name in ("query_id", "query", "document_id")]
    if any(text is not None and not isinstance(text, str) for text in texts):
        raise _bad(number, "query_id, query and document_id are texts")
    query_id, query, document_id = texts
    if document_id is None or (query is None and query_id is None):
        raise _bad(number, "it needs document_id, and query or query_id")
    if query is None and query_id is not None:
        query = topics.get(query_id, query_id)
    text = str(query)
    query_id = query_id_of(text) if query_id is None else str(query_id)
    _check_ids(number, query_id, str(document_id))
    grade = row.get("grade")
    return _Label(
        query_id,
        _input(number, row.get("query_input"), text),
        str(document_id),
        None if grade in (None, "") else _grade(number, grade, least=0),
    )


def _input(number: int, value: Any, query: str) -> dict[str, Any]:
    if isinstance(value, str) and value:
        value = _object(number, value)
    if value in (None, ""):
        return {"query": query}
    if not isinstance(value, dict):
        raise _bad(number, "query_input is an object")
    return value


def _grade(number: int, value: Any, *, least: int) -> int:
    try:
        grade = msgspec.convert(value, int, strict=False)
    except msgspec.ValidationError as error:
        raise _bad(number, "grade is a whole number") from error
    if isinstance(value, bool) or not least <= grade <= HIGHEST_GRADE:
        raise _bad(number, f"grade is a whole number from 0 to {HIGHEST_GRADE}")
    return grade


def _check_ids(number: int, *ids: str) -> None:
    for id in ids:
        if not is_storable(id) or len(id.encode()) > MAX_ID_BYTES or not id.strip():
            raise _bad(number, f"an id is 1 to {MAX_ID_BYTES} bytes")


def _bad(number: int, why: str) -> InvalidFile:
    return InvalidFile(f"Line {number:,}: {why}.")
