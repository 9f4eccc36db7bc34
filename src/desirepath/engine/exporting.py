"""Export the log or the documents, as they are at one moment, in constant memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TypeVar

from msgspec import Struct

from desirepath.engine.engine import Engine
from desirepath.engine.export_files import CsvFile, ExportFile, JsonLinesFile, ParquetFile
from desirepath.engine.exported_rows import (
    ExportedDocument,
    ExportedExecution,
    ExportedInteraction,
    exported_document,
    exported_execution,
    exported_interaction,
    exported_retriever,
)
from desirepath.engine.output_files import STDOUT, open_output
from desirepath.errors import InvalidSetting
from desirepath.storage.base import InteractionQuery, Session

__all__ = [
    "STDOUT",
    "ExportFormat",
    "ExportOptions",
    "ExportProgress",
    "ExportResult",
    "Rows",
    "export_rows",
]

_CHUNK = 2_000
_DOCUMENTS = 500  # with vectors of a thousand numbers: 5 MB

T = TypeVar("T")


class ExportFormat(StrEnum):
    """How to write rows."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Rows(StrEnum):
    """Which rows to write."""

    INTERACTIONS = "interactions"
    EXECUTIONS = "executions"
    DOCUMENTS = "documents"
    ALL = "all"


class ExportOptions(Struct, frozen=True, kw_only=True):
    """What to write, and how.

    ``what`` left out is everything in JSON lines (retrievers first, then executions, then
    interactions, told apart by ``kind``), and interactions in a table, which holds one kind.
    Documents are a catalogue and no log: they are written when they are asked for.
    """

    format: ExportFormat
    what: Rows | None = None


class ExportProgress(Struct, frozen=True, kw_only=True):
    """How far an export is, in rows."""

    step: str
    done: int
    total: int


class ExportResult(Struct, kw_only=True):
    """What was written."""

    target: str
    format: str
    retrievers: int = 0
    executions: int = 0
    interactions: int = 0
    documents: int = 0
    size_bytes: int | None = None
    seconds: float = 0.0


def export_rows(
    engine: Engine,
    namespace: int,
    target: str | Path,
    options: ExportOptions,
    progress: Callable[[ExportProgress], None] | None = None,
    *,
    stdout: IO[bytes] | None = None,
) -> ExportResult:
    """Export a namespace.

    Everything is read in one session, so interactions and executions are of the same moment however
    long it takes. The file is written beside its target and takes its place when it is whole.
    Imported again, the rows are the same but for what recording makes anew: interaction ids and
    times of recording. Each interaction carries an event_id, its sender's or else its own id, by
    which a second import knows it.

    Parameters
    ----------
    engine
        The open database.
    namespace
        Its number.
    target
        The file; ending in ``.gz`` it is compressed. ``-`` is standard output.
    options
        What and how.
    progress
        Called every few thousand rows.
    stdout
        What ``-`` writes to, instead of standard output.

    Raises
    ------
    InvalidSetting
        A table cannot hold two kinds of rows.
    InvalidFile
        The target cannot be written.
    MissingDependency
        What writes Parquet files is not installed.
    """
    what = options.what or (Rows.ALL if options.format is ExportFormat.JSONL else Rows.INTERACTIONS)
    if what is Rows.ALL and options.format is not ExportFormat.JSONL:
        raise InvalidSetting(
            "A table holds one kind of row: choose --what interactions, executions or documents, "
            "or jsonl.",
            ("what",),
        )
    started = time.monotonic()
    result = ExportResult(target=str(target), format=options.format.value)
    with open_output(str(target), stdout) as stream, engine.storage.read() as session:
        file = _file(stream, options.format, what)
        _write(session, namespace, what, file, result, progress)
        file.finish()
    if Path(target).is_file():
        result.size_bytes = Path(target).stat().st_size
    result.seconds = time.monotonic() - started
    return result


def _write(
    session: Session,
    namespace: int,
    what: Rows,
    file: ExportFile,
    result: ExportResult,
    progress: Callable[[ExportProgress], None] | None,
) -> None:
    if what is Rows.DOCUMENTS:
        _write_documents(session, namespace, file, result, progress)
        return
    n_executions = n_interactions = 0
    if progress is not None and what is not Rows.INTERACTIONS:
        n_executions = sum(number for *_, number in session.summaries.lists(namespace))
    if progress is not None and what is not Rows.EXECUTIONS:
        n_interactions = session.interactions.count(InteractionQuery(namespace=namespace))

    def report(step: str) -> None:
        if progress is not None:
            done = result.executions + result.interactions
            total = n_executions + n_interactions
            progress(ExportProgress(step=step, done=done, total=total))

    if what is Rows.ALL:
        retrievers = session.catalog.retrievers(namespace)
        file.write([exported_retriever(retriever) for retriever in retrievers])
        result.retrievers = len(retrievers)
    if what is not Rows.INTERACTIONS:
        for executions in _chunks(session.executions.scan(namespace)):
            file.write([exported_execution(value) for value in executions])
            result.executions += len(executions)
            report("executions")
    if what is not Rows.EXECUTIONS:
        for interactions in _chunks(session.interactions.scan(namespace)):
            file.write([exported_interaction(value) for value in interactions])
            result.interactions += len(interactions)
            report("interactions")


def _write_documents(
    session: Session,
    namespace: int,
    file: ExportFile,
    result: ExportResult,
    progress: Callable[[ExportProgress], None] | None,
) -> None:
    """All documents by document_id, with their vectors."""
    index = session.documents
    total = index.count(namespace)
    after: str | None = None
    while found := index.find(namespace, after=after, limit=_DOCUMENTS):
        ids = [document.document_id for document in found]
        whole = index.get(namespace, ids, with_vectors=True)
        file.write([exported_document(whole[id]) for id in ids])
        result.documents += len(ids)
        after = ids[-1]
        if progress is not None:
            progress(ExportProgress(step="documents", done=result.documents, total=total))


def _chunks(values: Iterable[T]) -> Iterator[Sequence[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _file(stream: IO[bytes], format: ExportFormat, what: Rows) -> ExportFile:
    if format is ExportFormat.JSONL:
        return JsonLinesFile(stream)
    kinds: dict[Rows, type[Struct]] = {
        Rows.EXECUTIONS: ExportedExecution,
        Rows.DOCUMENTS: ExportedDocument,
    }
    kind = kinds.get(what, ExportedInteraction)
    return CsvFile(stream, kind) if format is ExportFormat.CSV else ParquetFile(stream, kind)
