"""Import documents from tables, or from Metarank's item events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from desirepath.domain.document import DocumentDraft, check_name, read_document
from desirepath.engine.documents import merge_documents, store_documents
from desirepath.engine.engine import Engine
from desirepath.engine.formulas import unguard
from desirepath.engine.importing.cells import (
    as_list,
    as_number,
    as_object,
    as_text,
    is_missing,
    plain,
)
from desirepath.engine.importing.collecting import count
from desirepath.engine.importing.files import InputFile, check_looks, open_inputs
from desirepath.engine.importing.metarank_items import MetarankItems
from desirepath.engine.importing.options import ImportFormat, ImportResult, Progress
from desirepath.engine.importing.read_rows import Block, read_blocks
from desirepath.engine.importing.rejected import RejectedFiles
from desirepath.errors import InvalidDocument, InvalidInput, InvalidSetting
from desirepath.storage.base import Namespace

__all__ = ["DocumentOptions", "import_documents"]

_EMBEDDED_ROWS = 64
_ID_FIELDS = ("document_id", "id")
_OWN_FIELDS = frozenset(DocumentDraft.__struct_fields__)
_FORMATS = (ImportFormat.JSONL, ImportFormat.CSV, ImportFormat.PARQUET, ImportFormat.METARANK)


class DocumentOptions(Struct, frozen=True, kw_only=True):
    """How to read the files.

    Parameters
    ----------
    format
        A table in one of three encodings, or Metarank's events.
    id_field
        The column with the document_id; by default ``document_id``, else ``id``.
    vector_fields
        Columns that hold a vector; each is the index of its name.
    dry_run
        Read and check everything, write nothing.
    batch_rows
        Documents in a transaction. Other writers wait for one such transaction at a time.
    """

    format: ImportFormat
    id_field: str | None = None
    vector_fields: tuple[str, ...] = ()
    dry_run: bool = False
    batch_rows: int = 500


def import_documents(
    engine: Engine,
    namespace: Namespace,
    paths: Sequence[str | Path],
    options: DocumentOptions,
    progress: Callable[[Progress], None] | None = None,
    *,
    stdin: IO[bytes] | None = None,
) -> ImportResult:
    """Import documents into a namespace.

    A row is a document as the API takes it, or any object: then one column is its id, and the
    others are its payload. A document takes the place of the one of its id, so importing a file
    again changes nothing. Of Metarank's item events the fields are set one by one, in the order of
    their times.

    Parameters
    ----------
    engine
        The open database.
    namespace
        Where to.
    paths
        Files, gzip or not; ``-`` is standard input.
    options
        How to read them.
    progress
        Called after every batch.
    stdin
        What ``-`` reads from, instead of standard input.

    Raises
    ------
    InvalidSetting
        The options cannot be used.
    InvalidFile
        A file cannot be read as what it is said to be. Single bad rows are no error: they are
        counted, and written to ``FILE.rejected.jsonl``.
    InvalidDocument
        There would be more text fields or vector indexes than a namespace may have.
    EmbedderError
        A vector that a document came without could not be made. What was imported until then stays.
    StorageError
        The database failed. What was imported until then stays.
    """
    _check(options)
    started = time.monotonic()
    names = [str(path) for path in paths]
    result = ImportResult(format=options.format.value, files=tuple(names), dry_run=options.dry_run)
    with open_inputs(names, stdin) as files:
        for file in files:
            check_looks(file, options.format.value)
        with RejectedFiles(files, result) as rejected:
            run = _Import(engine, namespace, files, options, rejected, result, progress)
            if options.format is ImportFormat.METARANK:
                run.items()
            else:
                run.table()
    result.seconds = time.monotonic() - started
    return result


def _check(options: DocumentOptions) -> None:
    if options.format not in _FORMATS:
        raise InvalidSetting(
            f"Documents are read from {', '.join(format.value for format in _FORMATS)}.",
            ("format",),
        )
    if options.format is ImportFormat.METARANK and (options.id_field or options.vector_fields):
        raise InvalidSetting(
            "--id-field and --vector-field are for tables; the fields of metarank are known.",
            ("id_field",),
        )
    for name in options.vector_fields:
        try:
            check_name(name)
        except InvalidDocument as error:
            raise InvalidSetting(f"--vector-field: {error.message}", ("vector_fields",)) from error


class _Import:
    """One import."""

    def __init__(
        self,
        engine: Engine,
        namespace: Namespace,
        files: Sequence[InputFile],
        options: DocumentOptions,
        rejected: RejectedFiles,
        result: ImportResult,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._engine = engine
        self._namespace = namespace
        self._files = files
        self._options = options
        self._rejected = rejected
        self._result = result
        self._progress = progress
        self._before = 0  # bytes of looks that are over
        self._batch_rows = _batch_rows(engine, namespace, options)
        looks = 2 if options.format is ImportFormat.CSV else 1
        self._total = looks * sum(file.size for file in files)

    # Tables

    def table(self) -> None:
        waiting: dict[str, tuple[int, int, DocumentDraft]] = {}
        for number, file in enumerate(self._files):
            numeric = self._numeric_columns(file)
            for block in self._blocks(number, file, "importing"):
                for line, row in block.rows:
                    try:
                        draft = self._draft(row, numeric)
                    except InvalidInput as error:
                        self._refuse(number, line, error, row)
                        continue
                    waiting[draft.document_id] = (number, line, draft)  # the last one counts
                    if len(waiting) >= self._batch_rows:
                        self._store(list(waiting.values()))
                        waiting = {}
                        self._report("importing", block.done)
                self._report("importing", block.done)
            self._before += file.size
        self._store(list(waiting.values()))
        self._report("importing", 0)

    def _blocks(self, number: int, file: InputFile, step: str) -> Iterator[Block]:
        for block in read_blocks(file, self._options.format.value):
            for bad in block.unreadable if step == "importing" else ():
                self._rejected.add(number, bad.line, bad.reason, bad.text)
            yield block
            self._report(step, block.done)

    def _numeric_columns(self, file: InputFile) -> frozenset[str]:
        """Columns of a CSV file whose every cell is a number, as far as it has one."""
        if self._options.format is not ImportFormat.CSV:
            return frozenset()
        numeric: dict[str, bool] = {}
        for block in self._blocks(0, file, "looking at columns"):
            for _, row in block.rows:
                for name, cell in row.items():
                    if not is_missing(cell) and numeric.get(name, True):
                        numeric[name] = _is_number(cell)
        self._before += file.size
        return frozenset(name for name, every in numeric.items() if every)

    def _draft(self, row: Mapping[str, Any], numeric: frozenset[str]) -> DocumentDraft:
        values = {name: value for name, value in row.items() if name and not is_missing(value)}
        if self._options.id_field is None and "document_id" in values and _is_own(values):
            own: dict[str, Any] = {
                name: as_object(values[name], name) for name in values if name != "document_id"
            }
            document_id = as_text(values["document_id"], "document_id")
            is_table = self._options.format is ImportFormat.CSV  # of ours, it has no formulas
            own["document_id"] = unguard(document_id or "") if is_table else document_id
            return read_document(own)[0]
        id_field = self._options.id_field or next(
            (name for name in _ID_FIELDS if name in values), _ID_FIELDS[0]
        )
        if id_field not in values:
            raise InvalidDocument("The row has no id; name its column as --id-field.")
        document_id = as_text(values.pop(id_field), id_field)
        vectors = {
            name: as_list(values.pop(name), name)
            for name in self._options.vector_fields
            if name in values
        }
        payload = {
            name: as_number(value, name) if name in numeric else plain(value)
            for name, value in values.items()
        }
        return read_document({"document_id": document_id, "vectors": vectors, "payload": payload})[
            0
        ]

    def _store(self, waiting: list[tuple[int, int, DocumentDraft]]) -> None:
        """Store what can be stored; what does not fit its vector index is put aside."""
        while waiting and not self._options.dry_run:
            drafts = [draft for _, _, draft in waiting]
            try:
                store_documents(self._engine, self._namespace, drafts)
                break
            except InvalidDocument as error:
                if not error.location or not isinstance(error.location[0], int):
                    raise
                file, line, draft = waiting.pop(error.location[0])
                inner = InvalidDocument(error.message, error.location[1:])
                self._refuse(file, line, inner, draft)
        self._result.documents += len(waiting)

    # Metarank

    def items(self) -> None:
        with MetarankItems() as items:
            for number, file in enumerate(self._files):
                for block in self._blocks(number, file, "importing"):
                    for line, row in block.rows:
                        try:
                            skipped = items.add(row)
                        except InvalidInput as error:
                            self._refuse(number, line, error, row)
                            continue
                        if skipped is not None:
                            count(self._result.skipped, skipped)
                self._before += file.size
            for changes in items.batches(self._batch_rows):
                if not self._options.dry_run:
                    merge_documents(self._engine, self._namespace, changes)
                self._result.documents += len(changes)
                self._report("importing", 0)

    # What both do

    def _refuse(self, file: int, line: int, error: InvalidInput, row: Any) -> None:
        path = ".".join(str(step) for step in error.location)
        reason = f"{path}: {error.message}" if path and path not in error.message else error.message
        self._rejected.add(file, line, reason, row)

    def _report(self, step: str, done: int) -> None:
        if self._progress is not None:
            self._progress(
                Progress(
                    step=step,
                    done=min(self._before + done, self._total),
                    total=self._total,
                    documents=self._result.documents,
                    rejected=self._result.rejected,
                )
            )


def _batch_rows(engine: Engine, namespace: Namespace, options: DocumentOptions) -> int:
    """Fewer where a model makes vectors, so that what it made is kept, and progress is seen."""
    with engine.storage.read() as session:
        indexes = session.documents.vector_indexes(namespace.number)
    waits_for_model = any(index.embedder is not None for index in indexes)
    return min(options.batch_rows, _EMBEDDED_ROWS) if waits_for_model else options.batch_rows


def _is_own(values: Mapping[str, Any]) -> bool:
    """Whether a row is a document as the API takes it, rather than a payload with such names."""
    parts = [value for name, value in values.items() if name != "document_id"]
    return _OWN_FIELDS.issuperset(values) and all(map(_looks_like_object, parts)) and bool(parts)


def _looks_like_object(value: Any) -> bool:
    if isinstance(value, list):  # how Arrow gives a map
        return bool(value) and all(isinstance(pair, tuple) for pair in value)
    return isinstance(value, Mapping) or (isinstance(value, str) and value.startswith("{"))


def _is_number(cell: Any) -> bool:
    try:
        return as_number(cell, "") is not None
    except InvalidInput:
        return False
