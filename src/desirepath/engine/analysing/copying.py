"""Copies of a namespace's log beside the database: derived, and may be thrown away at any time.

What was recorded more than ten minutes ago is copied once, in parts of one day of recording; what
is younger is copied anew for each question. Each part remembers how often its day had been deleted
from: when that has changed, the day is copied again, so that what was deleted is gone from the next
answer, and from the disk. Nobody changes a file: a question is answered over links of its own.
"""

from __future__ import annotations

import gc
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from desirepath.analysis.schemas import EXECUTIONS, INTERACTIONS, RETURNED
from desirepath.domain.ids import NIL, first_id_at, time_of
from desirepath.domain.ranking import day_of
from desirepath.engine.analysing.columns import executions_as_columns, interactions_as_columns
from desirepath.engine.analysing.files import (
    LOG_TO_TABLES,
    CopiedLog,
    CopyFiles,
    CopyState,
    PartFiles,
    Summary,
)
from desirepath.storage.base import Session

__all__ = ["CopyProgress", "Snapshot", "WorkOut", "snapshot"]

_DAY = 86_400_000_000
_SETTLED = 10 * 60 * 1_000_000  # an id is taken a moment before others can see its row
_LEAST = 20_000  # rows of a part, unless its day is over
_MOST = 1_000_000
_GROUP = 122_880  # rows of a row group, as DuckDB likes them
_END = b"\xff" * 16

CopyProgress = Callable[[int], None]
"""Told now and then how many more rows were copied."""

WorkOut = Callable[[Path, Path], None]
"""Writes impressions: told the folder of the tables, and the file to write."""

_Rows = Sequence[tuple[Any, ...]]
_SCHEMAS = {"interactions": INTERACTIONS, "executions": EXECUTIONS, "returned": RETURNED}


class Snapshot(Struct, frozen=True, kw_only=True):
    """The files of one moment.

    Parameters
    ----------
    folder
        Holds a folder of Parquet files for each table: interactions, executions, returned; and
        those of them that came after ``impressions`` were worked out, if they were.
    has_impressions
        Whether impressions of an earlier moment are there too.
    n_rows
        Of interactions and executions.
    """

    folder: Path
    has_impressions: bool
    n_rows: int


@contextmanager
def snapshot(
    files: CopyFiles,
    session: Session,
    namespace: int,
    work_out: WorkOut,
    progress: CopyProgress | None = None,
) -> Iterator[Snapshot]:
    """Copy what is new, and link all of it for as long as the ``with`` lasts."""
    target = files.answers / f"{os.getpid()}-{uuid.uuid4().hex}"
    try:
        with files.opened() as state:
            files.sweep()
            files.forget_stale(session, namespace, state)
            for table in _SCHEMAS:
                _write_nothing(target / table, table)
            with _uncollected():
                copiers = _copiers(files.parts, session, namespace)
                n_rows = sum(copier.copy(state, target, progress) for copier in copiers)
            _summarize(files.parts, state, work_out)
            _link_all(files.parts, state, target)
        yield Snapshot(folder=target, has_impressions=state.impressions is not None, n_rows=n_rows)
    finally:
        shutil.rmtree(target, ignore_errors=True)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let no collector walk over rows that are let go of as soon as they are columns."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _summarize(folder: Path, state: CopyState, work_out: WorkOut) -> None:
    """Work impressions out anew when enough has come since."""
    n_rows = sum(part.n_rows for part in state.parts)
    n_before = 0 if state.impressions is None else state.impressions.n_rows
    if n_rows < 2 * _LEAST or n_rows < n_before * 1.2:
        return
    for table in _SCHEMAS:
        _write_nothing(folder / table, table)
    name = f"{uuid.uuid4().hex}.parquet"
    work_out(folder, _folder(folder / "impressions") / name)
    if state.impressions is not None:
        (folder / "impressions" / state.impressions.name).unlink(missing_ok=True)
    state.impressions = Summary(
        name=name, parts=frozenset(part.name for part in state.parts), n_rows=n_rows
    )


def _link_all(folder: Path, state: CopyState, target: Path) -> None:
    if state.impressions is not None:
        _link(folder / "impressions" / state.impressions.name, target / "impressions")
        for log in LOG_TO_TABLES:
            for file in list((target / log).glob("*.parquet")):  # what is in no part yet
                _link(file, target / f"new_{log}")
    for log, tables in LOG_TO_TABLES.items():
        for part in state.log(log).parts:
            for table in tables:
                _link(folder / table / part.name, target / table)
            if state.impressions is not None and part.name not in state.impressions.parts:
                _link(folder / log / part.name, target / f"new_{log}")


class _Copier:
    """Copies one log."""

    def __init__(
        self,
        folder: Path,
        name: str,
        scan: Callable[[bytes, bytes], Iterator[_Rows]],
        as_columns: Callable[[_Rows], tuple[pa.Table, ...]],
        first: bytes | None,
        now: int,
        day_to_n: dict[int, int],
    ) -> None:
        self._first = first
        self._folder = folder
        self._name = name
        self._tables = LOG_TO_TABLES[name]
        self._scan = scan
        self._as_columns = as_columns
        self._settled = first_id_at(now - _SETTLED)
        self._day_to_n = day_to_n

    def copy(self, state: CopyState, target: Path, progress: CopyProgress | None) -> int:
        """Add parts of what is settled, and put files of what is not into the target.

        How many rows both are.
        """
        n_unsettled = 0
        log = state.log(self._name)
        through = bytes.fromhex(log.through)
        for day in self._missing_days(log, through):
            first, last = first_id_at(day * _DAY), first_id_at((day + 1) * _DAY)
            rows = self._scan(_neighbour(first, -1), min(last, _neighbour(through, 1)))
            for files in self._files(rows, progress):
                log.parts.append(self._keep(files))
        for files in self._files(self._scan(through, _END), progress):
            is_over = files.day < day_of(time_of(self._settled))
            if files.is_settled and (is_over or files.n_rows >= _LEAST):
                log.parts.append(self._keep(files))
                log.through = files.last.hex()
            else:
                n_unsettled += files.n_rows
                for table, path in files.paths.items():
                    path.rename(_folder(target / table) / path.name)
        return n_unsettled + sum(part.n_rows for part in log.parts)

    def _missing_days(self, log: CopiedLog, through: bytes) -> list[int]:
        """Days that were copied once and are not any more."""
        if through == NIL or self._first is None:
            return []
        had = {part.day for part in log.parts}
        days = range(day_of(time_of(self._first)), day_of(time_of(through)) + 1)
        return [day for day in days if day not in had]

    def _files(self, chunks: Iterator[_Rows], progress: CopyProgress | None) -> Iterator[_Files]:
        """Rows in files: each of one day, and either settled or not."""
        files: _Files | None = None
        for chunk in chunks:
            for rows in _by_day(chunk, self._settled):
                day, is_settled = day_of(time_of(rows[0][0])), rows[0][0] < self._settled
                if files is not None and not files.takes(day, is_settled):
                    yield files.close()
                    files = None
                if files is None:
                    files = _Files(self._folder, self._tables, day, is_settled)
                files.add(self._as_columns(rows), rows[-1][0])
                if progress is not None:
                    progress(len(rows))
        if files is not None:
            yield files.close()

    def _keep(self, files: _Files) -> PartFiles:
        return PartFiles(
            name=files.name,
            day=files.day,
            n_rows=files.n_rows,
            n_changes=self._day_to_n.get(files.day, 0),
        )


class _Files:
    """Files that are being written: one for each table."""

    def __init__(self, folder: Path, tables: Sequence[str], day: int, is_settled: bool) -> None:
        self.name = f"{uuid.uuid4().hex}.parquet"
        self.day = day
        self.is_settled = is_settled
        self.n_rows = 0
        self.last = NIL
        self.paths = {table: _folder(folder / table) / self.name for table in tables}
        self._waiting: dict[str, list[pa.Table]] = {table: [] for table in tables}
        self._writers = {
            table: pq.ParquetWriter(path, _SCHEMAS[table], compression="zstd")
            for table, path in self.paths.items()
        }

    def takes(self, day: int, is_settled: bool) -> bool:
        return (day, is_settled) == (self.day, self.is_settled) and self.n_rows < _MOST

    def add(self, columns: Sequence[pa.Table], last: bytes) -> None:
        self.n_rows += len(columns[0])
        self.last = last
        for (table, waiting), more in zip(self._waiting.items(), columns, strict=True):
            waiting.append(more)
            if sum(map(len, waiting)) >= _GROUP:
                self._flush(table)

    def close(self) -> _Files:
        for table, writer in self._writers.items():
            self._flush(table)
            writer.close()
        return self

    def _flush(self, table: str) -> None:
        waiting = self._waiting[table]
        if waiting:
            self._writers[table].write_table(pa.concat_tables(waiting))
            waiting.clear()


def _copiers(folder: Path, session: Session, namespace: int) -> tuple[_Copier, _Copier]:
    extracts, now = session.extracts, session.now()
    day_to_n = extracts.changes(namespace)
    first_interaction, first_execution = extracts.first_ids(namespace)
    return (
        _Copier(
            folder,
            "interactions",
            lambda after, before: extracts.interactions(namespace, after, before),
            lambda rows: (interactions_as_columns(rows),),
            first_interaction,
            now,
            day_to_n,
        ),
        _Copier(
            folder,
            "executions",
            lambda after, before: extracts.executions(namespace, after, before),
            executions_as_columns,
            first_execution,
            now,
            day_to_n,
        ),
    )


def _by_day(rows: _Rows, settled: bytes) -> Iterator[_Rows]:
    """Split rows, in order of id, where a day ends and where they are not settled any more."""
    start = 0
    while start < len(rows):
        id = rows[start][0]
        end = first_id_at((day_of(time_of(id)) + 1) * _DAY)
        if id < settled:
            end = min(end, settled)
        stop = start
        if rows[-1][0] < end:
            stop = len(rows)
        else:
            while rows[stop][0] < end:
                stop += 1
        yield rows[start:stop]
        start = stop


def _neighbour(id: bytes, step: int) -> bytes:
    """The next id, or the one before."""
    return max(0, min(int.from_bytes(id) + step, (1 << 128) - 1)).to_bytes(16)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _link(file: Path, folder: Path) -> None:
    target = _folder(folder) / file.name
    try:
        os.link(file, target)
    except OSError:  # a file system without links
        shutil.copyfile(file, target)


def _write_nothing(folder: Path, table: str) -> None:
    """A file without rows, so that a folder has a schema."""
    path = _folder(folder) / "nothing.parquet"
    if not path.exists():
        pq.write_table(_SCHEMAS[table].empty_table(), path)
