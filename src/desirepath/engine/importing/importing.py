"""Import files: executions and interactions with their own times, each once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from desirepath.engine.engine import Engine
from desirepath.engine.importing.batches import Batch
from desirepath.engine.importing.collecting import add_counts
from desirepath.engine.importing.files import InputFile, check_looks, open_inputs
from desirepath.engine.importing.job import ReadJob
from desirepath.engine.importing.options import (
    ImportFormat,
    ImportOptions,
    ImportResult,
    Progress,
    check_options,
)
from desirepath.engine.importing.positions import PositionStats
from desirepath.engine.importing.reading import batches_of
from desirepath.engine.importing.rejected import RejectedFiles
from desirepath.engine.importing.retrievers import RetrieverBook
from desirepath.engine.importing.writing import Writer
from desirepath.storage.base import Storage
from desirepath.storage.open import open_storage

__all__ = ["import_files"]

_ONE_BASED = (
    "No interaction is at position 0: if the source counts from 1, import with --position-base 1. "
    "What is stored stays as it is; delete it first."
)
_NOTHING = "There was nothing to import: no row was found."
_ENOUGH_POSITIONS = 10


def import_files(
    engine: Engine,
    namespace: int,
    paths: Sequence[str | Path],
    options: ImportOptions,
    progress: Callable[[Progress], None] | None = None,
    *,
    database: str | None = None,
    stdin: IO[bytes] | None = None,
) -> ImportResult:
    """Import files into a namespace.

    What was stored before an error stays, and importing the same files again adds only what is
    missing: every row has an id of its own, the source's or a hash of the row.

    Parameters
    ----------
    engine
        The open database.
    namespace
        Its number.
    paths
        Files, gzip or not; ``-`` is standard input.
    options
        How to read them.
    progress
        Called after every batch.
    database
        URL of the engine's database. With it, large files are read by a second process while this
        one writes.
    stdin
        What ``-`` reads from, instead of standard input.

    Raises
    ------
    InvalidSetting
        The options cannot be used.
    InvalidFile
        A file cannot be read as what it is said to be. Single bad rows are no error: they are
        counted, and written to ``FILE.rejected.jsonl``.
    NotFound
        The retriever is named by an id that is not there.
    StorageError
        The database failed.
    """
    check_options(options)
    started = time.monotonic()
    names = [str(path) for path in paths]
    result = ImportResult(format=options.format.value, files=tuple(names), dry_run=options.dry_run)
    with open_inputs(names, stdin) as files, ExitStack() as stack:
        for file in files:
            check_looks(file, options.format.value)
        storages, databases = stack.enter_context(
            _databases(engine, namespace, database, options.dry_run)
        )
        rejected = stack.enter_context(RejectedFiles(files, result))
        _import(engine, storages, databases, namespace, files, options, rejected, result, progress)
    result.seconds = time.monotonic() - started
    return result


@contextmanager
def _databases(
    engine: Engine, namespace: int, database: str | None, dry_run: bool
) -> Iterator[tuple[list[Storage], list[str] | None]]:
    """Where to write, and after it where else to look; with their URLs.

    A dry run does everything in a scratch database, so that it finds what an import would find.
    """
    urls = None if database is None or not _can_be_shared(database) else [database]
    if not dry_run:
        yield [engine.storage], urls
        return
    with tempfile.TemporaryDirectory(prefix="desirepath-") as folder:
        url = f"sqlite:///{Path(folder).absolute()}/dry-run.db"
        scratch = open_storage(url, engine.clock)
        try:
            _copy_rules(engine.storage, scratch, namespace)
            yield [scratch, engine.storage], None if urls is None else [url, *urls]
        finally:
            scratch.close()


def _copy_rules(source: Storage, target: Storage, namespace: int) -> None:
    """What decides about rows without being rows: retrievers and erased users."""
    with source.read() as session:
        retrievers = session.catalog.retrievers(namespace)
        suppressed = session.receipts.suppressed_users(namespace)
    with target.write() as session:
        now = session.now()
        for retriever in retrievers:
            session.catalog.create_retriever(namespace, retriever.id, retriever.draft, now)
        for digest in suppressed:
            session.receipts.suppress_user(namespace, digest, now)


def _can_be_shared(database: str) -> bool:
    """Whether another process sees the same database."""
    return database.removeprefix("sqlite://") not in ("", "/", "/:memory:")


def _import(
    engine: Engine,
    storages: Sequence[Storage],
    databases: Sequence[str] | None,
    namespace: int,
    files: Sequence[InputFile],
    options: ImportOptions,
    rejected: RejectedFiles,
    result: ImportResult,
    progress: Callable[[Progress], None] | None,
) -> None:
    book = RetrieverBook(namespace, options.retriever or options.format.value, engine.make_id)
    retriever_id = None
    if options.retriever is not None:
        with storages[-1].read() as session:
            retriever_id = book.reserve_default(session)
    learning = engine.learning
    writer = Writer(
        storages[0], namespace, engine.rules, engine.make_id, book, rejected, result, learning
    )
    job = ReadJob(
        files=tuple(files), options=options, namespace=namespace, retriever_id=retriever_id
    )
    positions = PositionStats()
    for batch in batches_of(job, storages, databases):
        writer.write(batch)
        _count(batch, result, positions)
        if progress is not None:
            progress(_progress(batch, result))
    engine.directory.forget()
    result.retrievers = book.made
    if _looks_one_based(positions, options):
        result.advice.append(_ONE_BASED)
    if not (result.rows or result.rejected or result.skipped or result.suppressed):
        result.advice.append(_NOTHING)


def _count(batch: Batch, result: ImportResult, positions: PositionStats) -> None:
    add_counts(result.skipped, batch.skipped)
    add_counts(result.ignored, batch.ignored)
    add_counts(result.time_units, batch.time_units)
    result.position_bases.update(batch.position_bases)
    result.moved += batch.moved
    positions.n += batch.positions.n
    lowest = batch.positions.lowest
    if lowest is not None:
        positions.lowest = lowest if positions.lowest is None else min(lowest, positions.lowest)


def _progress(batch: Batch, result: ImportResult) -> Progress:
    return Progress(
        step=batch.step,
        done=batch.done,
        total=batch.total,
        interactions=result.interactions + result.repeated_interactions,
        executions=result.executions + result.repeated_executions,
        rejected=result.rejected,
    )


def _looks_one_based(positions: PositionStats, options: ImportOptions) -> bool:
    """Whether rows that were taken for 0-based probably are not."""
    return (
        options.position_base is None
        and options.format not in (ImportFormat.METARANK, ImportFormat.UBI)
        and positions.lowest == 1
        and positions.n >= _ENOUGH_POSITIONS
    )
