"""Files of a namespace's log beside the database: derived, and may be thrown away at any time.

What was recorded more than ten minutes ago is copied once, in parts of one day of recording; what
is younger is copied anew for each question. Each part remembers how often its day had been deleted
from: when that has changed, the day is copied again, so that what was deleted is gone from the next
answer, and from the disk. Nobody changes a file: a question is answered over links of its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from desirepath.analysis.schemas import EXECUTIONS, INTERACTIONS, RETURNED, VERSION
from desirepath.domain.ids import NIL, first_id_at, time_of
from desirepath.domain.ranking import day_of
from desirepath.engine.analysing.columns import executions_as_columns, interactions_as_columns
from desirepath.storage.base import Session

__all__ = ["Copies", "CopyProgress", "Snapshot"]

_DAY = 86_400_000_000
_SETTLED = 10 * 60 * 1_000_000  # an id is taken a moment before others can see its row
_LEAST = 20_000  # rows of a part, unless its day is over
_MOST = 1_000_000
_GROUP = 122_880  # rows of a row group, as DuckDB likes them
_OLD = 86_400.0  # seconds: what a question left behind that never ended
_END = b"\xff" * 16

CopyProgress = Callable[[int], None]
"""Told now and then how many more rows were copied."""

_Rows = Sequence[tuple[Any, ...]]
_SCHEMAS = {"interactions": INTERACTIONS, "executions": EXECUTIONS, "returned": RETURNED}


class _Part(Struct, frozen=True, kw_only=True):
    """Files of rows that were recorded on one day, one of each table of their log."""

    name: str
    day: int
    n_rows: int
    n_changes: int


class _Log(Struct, kw_only=True):
    """What is copied of one log: all up to an id."""

    through: str = NIL.hex()
    parts: list[_Part] = []


class _Summary(Struct, frozen=True, kw_only=True):
    """A table that was worked out from some of the parts."""

    name: str
    parts: frozenset[str]
    n_rows: int  # of the parts


class _State(Struct, kw_only=True):
    version: int = VERSION
    interactions: _Log = msgspec.field(default_factory=_Log)
    executions: _Log = msgspec.field(default_factory=_Log)
    impressions: _Summary | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """The files of one moment.

    Parameters
    ----------
    folder
        Holds a folder of Parquet files for each table: interactions, executions, returned; and
        those of them that came after ``impressions`` were worked out, if they were.
    has_impressions
        Whether impressions of an earlier moment are there too.
    """

    folder: Path
    has_impressions: bool


class Copies:
    """The files of one namespace.

    Parameters
    ----------
    folder
        Where they are; made when it is not there.
    work_out
        Writes impressions: told the folder of the tables, and the file to write.
    """

    def __init__(self, folder: Path, work_out: Callable[[Path, Path], None]) -> None:
        self._folder = folder
        self._work_out = work_out

    @contextmanager
    def snapshot(
        self, session: Session, namespace: int, progress: CopyProgress | None = None
    ) -> Iterator[Snapshot]:
        """Copy what is new, and link all of it for as long as the ``with`` lasts."""
        target = self._folder / "answers" / f"{os.getpid()}-{uuid.uuid4().hex}"
        try:
            with self._locked():
                state = self._load()
                self._drop_stale(session, namespace, state)
                self._sweep()
                for table in _SCHEMAS:
                    _write_nothing(target / table, table)
                for copier in _copiers(self._folder, session, namespace):
                    copier.copy(state, target, progress)
                self._save(state)
                self._summarize(state)
                self._save(state)
                self._link(state, target)
            yield Snapshot(folder=target, has_impressions=state.impressions is not None)
        finally:
            shutil.rmtree(target, ignore_errors=True)

    def drop_stale(self, session: Session, namespace: int) -> None:
        """Remove the copies of what was deleted from the disk, now."""
        if not self._folder.exists():
            return
        with self._locked():
            state = self._load()
            self._drop_stale(session, namespace, state)
            self._save(state)

    def remove(self) -> None:
        """Remove all."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process or thread at a time looks after the files."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _load(self) -> _State:
        with suppress(OSError, msgspec.DecodeError):
            state = msgspec.json.decode((self._folder / "state.json").read_bytes(), type=_State)
            if state.version == VERSION:
                return state
        shutil.rmtree(self._folder / "parts", ignore_errors=True)
        return _State()

    def _save(self, state: _State) -> None:
        new = self._folder / "state.json.new"
        new.write_bytes(msgspec.json.encode(state))
        new.replace(self._folder / "state.json")

    def _drop_stale(self, session: Session, namespace: int, state: _State) -> None:
        """Forget parts of days that something was deleted from, or that are gone altogether."""
        extracts = session.extracts
        day_to_n = extracts.changes(namespace)
        ends = zip(extracts.first_ids(namespace), extracts.last_ids(namespace), strict=True)
        for log, tables, (first, last) in zip(
            (state.interactions, state.executions),
            (("interactions",), ("executions", "returned")),
            ends,
            strict=True,
        ):
            is_older = last is None or last.hex() < log.through  # another state was restored
            kept = [
                part
                for part in log.parts
                if not is_older
                and first is not None
                and day_of(time_of(first)) <= part.day
                and part.n_changes == day_to_n.get(part.day, 0)
            ]
            for part in log.parts:
                if part not in kept:
                    self._unlink(part, tables)
            log.parts = kept
            if is_older:
                log.through = NIL.hex()
        names = {part.name for part in (*state.interactions.parts, *state.executions.parts)}
        if state.impressions is not None and not state.impressions.parts <= names:
            (self._folder / "parts" / "impressions" / state.impressions.name).unlink(
                missing_ok=True
            )
            state.impressions = None

    def _unlink(self, part: _Part, tables: Sequence[str]) -> None:
        for table in tables:
            (self._folder / "parts" / table / part.name).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what was left behind by processes that ended in the middle."""
        long_ago = time.time() - _OLD
        for left in (self._folder / "answers").glob("*"):
            with suppress(OSError):
                if left.stat().st_mtime < long_ago or not _is_alive(left.name.split("-")[0]):
                    shutil.rmtree(left, ignore_errors=True)

    def _summarize(self, state: _State) -> None:
        """Work impressions out anew when enough has come since."""
        parts = (*state.interactions.parts, *state.executions.parts)
        n_rows = sum(part.n_rows for part in parts)
        n_before = 0 if state.impressions is None else state.impressions.n_rows
        if n_rows < 2 * _LEAST or n_rows < n_before * 1.2:
            return
        folder = self._folder / "parts"
        for table in _SCHEMAS:
            _write_nothing(folder / table, table)
        (folder / "impressions").mkdir(parents=True, exist_ok=True)
        name = f"{uuid.uuid4().hex}.parquet"
        self._work_out(folder, folder / "impressions" / name)
        for old in (folder / "impressions").glob("*"):
            if old.name != name:
                old.unlink()
        state.impressions = _Summary(
            name=name, parts=frozenset(part.name for part in parts), n_rows=n_rows
        )

    def _link(self, state: _State, target: Path) -> None:
        folder, covered = self._folder / "parts", frozenset[str]()
        if state.impressions is not None:
            covered = state.impressions.parts
            _link(folder / "impressions" / state.impressions.name, target / "impressions")
            for table in ("interactions", "executions"):
                for file in (target / table).glob("*.parquet"):  # what is not yet in a part
                    _link(file, target / f"new_{table}")
        for log, tables in (
            (state.interactions, ("interactions",)),
            (state.executions, ("executions", "returned")),
        ):
            for part in log.parts:
                for table in tables:
                    _link(folder / table / part.name, target / table)
                    if covered and part.name not in covered and table != "returned":
                        _link(folder / table / part.name, target / f"new_{table}")


class _Copier:
    """Copies one log."""

    def __init__(
        self,
        folder: Path,
        name: str,
        tables: tuple[str, ...],
        scan: Callable[[bytes, bytes], Iterator[_Rows]],
        as_columns: Callable[[_Rows], tuple[pa.Table, ...]],
        first: bytes | None,
        now: int,
        day_to_n: dict[int, int],
    ) -> None:
        self._first = first
        self._folder = folder
        self._name = name
        self._tables = tables
        self._scan = scan
        self._as_columns = as_columns
        self._settled = first_id_at(now - _SETTLED)
        self._day_to_n = day_to_n

    def copy(self, state: _State, target: Path, progress: CopyProgress | None) -> None:
        """Add parts of what is settled, and put files of what is not into the target."""
        log: _Log = getattr(state, self._name)
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
                for table, path in files.paths.items():
                    path.rename(_folder(target / table) / path.name)

    def _missing_days(self, log: _Log, through: bytes) -> list[int]:
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
                    files = _Files(self._folder / "parts", self._tables, day, is_settled)
                files.add(self._as_columns(rows), rows[-1][0])
                if progress is not None:
                    progress(len(rows))
        if files is not None:
            yield files.close()

    def _keep(self, files: _Files) -> _Part:
        return _Part(
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
            ("interactions",),
            lambda after, before: extracts.interactions(namespace, after, before),
            lambda rows: (interactions_as_columns(rows),),
            first_interaction,
            now,
            day_to_n,
        ),
        _Copier(
            folder,
            "executions",
            ("executions", "returned"),
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


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
