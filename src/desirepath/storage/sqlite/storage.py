"""The SQLite back end: one file, WAL, every acknowledged write synced."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from desirepath.domain.clock import Clock
from desirepath.errors import (
    InvalidSetting,
    MigrationNeeded,
    QueryTooSlow,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from desirepath.storage.base import Figures, Health
from desirepath.storage.relational.migrate import current_revision, pending_revisions, upgrade
from desirepath.storage.relational.session import RelationalSession
from desirepath.storage.sqlite.bulk import SqliteBulk
from desirepath.storage.sqlite.file_system import file_system_of
from desirepath.storage.sqlite.text_tables import SqliteTextTables, purge_words
from desirepath.storage.sqlite.vector_cache import VectorCache
from desirepath.storage.sqlite.vector_functions import add_vector_functions
from desirepath.storage.sqlite.vector_tables import SqliteVectorTables

try:
    from pysqlite3 import dbapi2 as driver
except ImportError:  # no wheel for this platform: the interpreter's own
    driver = sqlite3

__all__ = ["SqliteStorage", "driver", "path_of"]

_BUSY_SECONDS = 10.0
_OLDEST = (3, 35, 0)  # RETURNING, and upsert as it is used here
_WRITER_CACHE_KIB = 65_536
_READER_CACHE_KIB = 8_192  # there is a reader for each thread
_WAL_PAGES = 4_000  # pages between checkpoints: 16 MiB
_MMAP_BYTES = 128 << 20  # mapped pages count as the process's own memory
_SHORTEST_TRACE = 8  # bytes; a shorter text is in a large file by chance
_PIECE_BYTES = 16 << 20
_SECONDS_BETWEEN_SWITCHES = 0.01
_BACKUP_PAGES = 1_000  # between looks at the progress
_STEPS_BETWEEN_LOOKS = 20_000  # of SQLite's machine, between looks at the clock


class SqliteStorage:
    """See :class:`~desirepath.storage.base.Storage`.

    One connection writes, behind a lock; each thread reads with a connection of its own. Other
    processes may use the same file: SQLite's own lock orders the writers.

    Parameters
    ----------
    url, clock, migrate
        As :func:`~desirepath.storage.open.open_storage` takes them.
    vector_extension
        Whether to compare vectors with sqlite-vec, where it can be loaded.
    """

    cheap_reads = True

    def __init__(
        self, url: str, clock: Clock, *, migrate: bool, vector_extension: bool = True
    ) -> None:
        _check_version()
        self._clock = clock
        self._vector_extension = vector_extension
        self._vector_cache = VectorCache()
        self._path = path_of(url)
        self._in_memory = self._path is None
        self._engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        self._lock = threading.RLock()
        self._local = threading.local()
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._writer: tuple[Connection, Any] | None = None
        self._is_suspect = False
        if self._path is not None:
            _check_place(self._path)
        with self._lock, _translated():
            self._migrate(migrate)

    def _connect(self) -> Any:
        if self._path is None:
            connection = driver.connect(
                f"file:desirepath-{id(self)}?mode=memory&cache=shared",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.execute("PRAGMA read_uncommitted = ON")
        else:
            connection = driver.connect(
                str(self._path),
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            _write_ahead(connection)
            connection.execute(f"PRAGMA mmap_size = {_MMAP_BYTES}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute("PRAGMA temp_store = MEMORY")
        add_vector_functions(connection, use_extension=self._vector_extension)
        return connection

    def _open(self) -> tuple[Connection, Any]:
        connection = self._engine.connect()
        self._connections.add(connection)
        return connection, connection.connection.driver_connection

    def _open_to_write(self) -> tuple[Connection, Any]:
        connection, raw = self._open()
        raw.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
        return connection, raw

    def _migrate(self, allowed: bool) -> None:
        connection, raw = self._open()
        try:
            raw.execute("BEGIN IMMEDIATE")
            if pending_revisions(connection) and not allowed:
                raise MigrationNeeded("The schema is older than this version: desirepath migrate.")
            upgrade(connection)
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            connection.close()
            raise
        if not self._in_memory:
            connection.close()
        else:
            self._keep_alive = connection

    @contextmanager
    def read(self, seconds: float | None = None) -> Iterator[RelationalSession]:
        if self._in_memory:
            with self._lock:  # a shared cache has no snapshots
                yield self._session(*self._reader(), self._vector_cache)
            return
        connection, raw = self._reader()
        with _translated(seconds or 0.0):
            if seconds is not None:
                end = time.monotonic() + seconds
                raw.set_progress_handler(lambda: time.monotonic() > end, _STEPS_BETWEEN_LOOKS)
            raw.execute("BEGIN")
            try:
                yield self._session(connection, raw, self._vector_cache)
            finally:
                if seconds is not None:
                    raw.set_progress_handler(None, 0)
                raw.execute("ROLLBACK")

    def _reader(self) -> tuple[Connection, Any]:
        reader: tuple[Connection, Any] | None = getattr(self._local, "reader", None)
        if reader is None:
            with _translated():
                reader = self._local.reader = self._open()
        return reader

    @contextmanager
    def write(self) -> Iterator[RelationalSession]:
        with self._turn(), _translated():
            if self._is_suspect:
                self._prove_the_disk()
            if self._writer is None:
                self._writer = self._open_to_write()
            connection, raw = self._writer
            try:
                raw.execute("BEGIN IMMEDIATE")
                yield self._session(connection, raw)
                raw.execute("COMMIT")
            except BaseException as error:
                self._roll_back(connection, raw, error)
                raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the other writers of this process, as long as for those of another."""
        if not self._lock.acquire(timeout=_BUSY_SECONDS):
            raise StorageUnavailable()
        try:
            yield
        finally:
            self._lock.release()

    def _roll_back(self, connection: Connection, raw: Any, error: BaseException) -> None:
        """Undo; and after an I/O error trust nothing this connection still believes."""
        failed = _IO_MARK in str(getattr(error, "orig", error))
        try:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
        except driver.Error:
            failed = True
        if failed:
            self._is_suspect = True
            self._writer = None
            connection.invalidate()
            connection.close()

    def _prove_the_disk(self) -> None:
        """Let a fresh connection write and sync before anything is promised again."""
        connection, raw = self._open_to_write()
        try:
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("UPDATE alembic_version SET version_num = version_num")
            raw.execute("COMMIT")
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        self._writer = connection, raw
        self._is_suspect = False

    def _session(
        self, connection: Connection, raw: Any, vector_cache: VectorCache | None = None
    ) -> RelationalSession:
        texts = SqliteTextTables(raw, driver.sqlite_version_info)
        vectors = SqliteVectorTables(connection, raw, vector_cache)
        return RelationalSession(connection, SqliteBulk(raw), texts, vectors, self._clock.now)

    def health(self) -> Health:
        with self.read(), _translated():
            connection, raw = self._reader()
            modes = {name: raw.execute(f"PRAGMA {name}").fetchone()[0] for name in _DURABILITY}
            schema = current_revision(connection) or ""
        names = ("OFF", "NORMAL", "FULL", "EXTRA")
        return Health(
            backend="sqlite",
            version=str(driver.sqlite_version),
            schema=schema,
            durability=f"journal_mode={modes['journal_mode']} "
            f"synchronous={names[modes['synchronous']]}",
            file_system=None if self._path is None else file_system_of(self._path),
            size_bytes=self._size(),
            free_bytes=self.figures().free_bytes,
        )

    def figures(self) -> Figures:
        if self._path is None:
            return Figures()
        return Figures(
            wal_bytes=_size_of(self._path.with_name(self._path.name + "-wal")),
            free_bytes=_free_bytes(self._path.parent),
        )

    def _size(self) -> int | None:
        wal_bytes = self.figures().wal_bytes
        if self._path is None or wal_bytes is None:
            return None
        return _size_of(self._path) + wal_bytes

    def tidy(self, now: int) -> None:
        """Fold the write-ahead log into the file when nobody reads it."""
        del now
        with self._lock, _translated():
            self._open_writer().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def drop_before(self, bound: bytes) -> None:
        """One file has no partitions."""

    def scrub(self, trace: str = "") -> None:
        """Empty the write-ahead log, where pages as they were before a deletion still lie.

        SQLite overwrites what is deleted, but not what it left behind when it moved rows from a
        full page to another. Where a trace is still found, all pages are written anew.
        """
        with self._turn(), _translated():
            purge_words(self._open_writer(), driver.sqlite_version_info)
            self._empty_the_log()
            if len(trace.encode()) >= _SHORTEST_TRACE and self._has(trace.encode()):
                self._open_writer().execute("VACUUM")
                self._empty_the_log()

    def _empty_the_log(self) -> None:
        busy = self._open_writer().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise StorageUnavailable(
                "The rows are deleted, but a reader keeps the write-ahead log from being emptied; "
                "try again in a moment."
            )

    def _has(self, trace: bytes) -> bool:
        """Whether some bytes are anywhere in the file."""
        if self._path is None:
            return False
        with self._path.open("rb") as file:
            end = b""
            while piece := file.read(_PIECE_BYTES):
                if trace in end + piece:
                    return True
                end = piece[-len(trace) :]
        return False

    def _open_writer(self) -> Any:
        if self._writer is None:
            self._writer = self._open_to_write()
        return self._writer[1]

    def backup(self, target: Path, progress: Callable[[int, int], None]) -> None:
        """SQLite's online backup: of the moment it begins, while writers go on."""
        if target.exists():
            raise InvalidSetting("The target of a backup is a new file.", ("target",))
        if not target.parent.is_dir():
            raise InvalidSetting(f"There is no folder {target.parent}.", ("target",))
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with _translated(), closing(self._connect()) as source, closing(_new(part)) as copy:
                (page_bytes,) = source.execute("PRAGMA page_size").fetchone()
                source.execute("BEGIN")  # a writer cannot restart the copy
                source.execute("SELECT count(*) FROM instance").fetchone()
                source.backup(
                    copy,
                    pages=_BACKUP_PAGES,
                    progress=lambda _, left, total: progress(
                        (total - left) * page_bytes, total * page_bytes
                    ),
                )
            part.replace(target)
        finally:
            for left_over in (part, part.with_name(f"{part.name}-journal")):
                left_over.unlink(missing_ok=True)

    def close(self) -> None:
        for connection in list(self._connections):
            connection.close()
        self._connections.clear()
        self._writer = None
        self._local = threading.local()
        self._engine.dispose()


def _write_ahead(connection: Any) -> None:
    """Switch to the write-ahead log; once a file has it, this changes nothing.

    Two that switch a new file at the same moment would wait for each other, so SQLite refuses one
    of them at once, whatever its timeout: it has to ask again.
    """
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except driver.OperationalError as error:
            if _BUSY_MARK not in str(error) or time.monotonic() > end:
                raise
            time.sleep(_SECONDS_BETWEEN_SWITCHES)
        else:
            return


def _new(path: Path) -> Any:
    return driver.connect(str(path))


_DURABILITY = ("journal_mode", "synchronous")


def _check_version() -> None:
    if driver.sqlite_version_info < _OLDEST:
        raise StorageUnavailable(
            f"SQLite {driver.sqlite_version} is too old: at least "
            f"{'.'.join(map(str, _OLDEST))} is needed (pip install pysqlite3)."
        )


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # there is none, or nobody may look
        return 0


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def path_of(url: str) -> Path | None:
    """The file of a URL; None in memory.

    Raises
    ------
    InvalidSetting
        The URL names neither.
    """
    text = url.removeprefix("sqlite://")
    if text in ("", "/", "/:memory:"):
        return None
    if not text.startswith("/"):
        raise InvalidSetting(
            "An SQLite URL has three slashes before a relative path and four before an "
            "absolute one: sqlite:///desirepath.db.",
            ("database",),
        )
    return Path(text[1:]).absolute()


def _check_place(path: Path) -> None:
    if not path.parent.is_dir():
        raise InvalidSetting(f"There is no folder {path.parent}.", ("database",))
    if path.is_dir():
        raise InvalidSetting(f"{path} is a folder; the database is a file.", ("database",))


_IO_MARK = "disk I/O error"
_BUSY_MARK = "database is locked"
_FULL_MARKS = ("database or disk is full",)
_CORRUPT_MARKS = ("malformed", "not a database")


@contextmanager
def _translated(seconds: float = 0.0) -> Iterator[None]:
    """SQLite's errors as ours; any of them means that the transaction did not happen."""
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        cause = getattr(error, "orig", error)
        if not isinstance(cause, driver.OperationalError | driver.DatabaseError):
            raise
        text = str(cause)
        if isinstance(cause, driver.IntegrityError | driver.ProgrammingError):
            raise
        if text == "interrupted":
            raise QueryTooSlow("", seconds) from error
        if any(mark in text for mark in _FULL_MARKS):
            raise StorageFull() from error
        if any(mark in text for mark in _CORRUPT_MARKS):
            raise StorageCorrupt() from error
        raise StorageUnavailable(
            f"The database cannot be used right now ({text}). Nothing was stored; try again."
        ) from error
