"""The PostgreSQL back end: any number of processes, the log partitioned by month."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, exc, make_url, text

from desirepath.domain.clock import from_datetime, to_datetime
from desirepath.domain.ids import first_id_at, time_of
from desirepath.errors import (
    InvalidSetting,
    MigrationNeeded,
    QueryTooSlow,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from desirepath.storage.base import Figures, Health
from desirepath.storage.postgres.bulk import PostgresBulk
from desirepath.storage.postgres.text_tables import PostgresTextTables
from desirepath.storage.postgres.vector_tables import PostgresVectorTables, has_pgvector
from desirepath.storage.relational.migrate import current_revision, pending_revisions, upgrade
from desirepath.storage.relational.session import RelationalSession

__all__ = ["PostgresStorage"]

_POOL_SIZE = 8
_MIGRATION_LOCK = 0x6465_7369  # any number that is ours
_MONTHS_AHEAD = 2
_PARTITIONED = ("interactions", "executions")
_LEARNED = ("rollups", "learned_lists", "learned_users", "lone_interactions")
_SCRUBBED = (
    *_PARTITIONED,
    *_LEARNED,
    "event_ids",
    "execution_ids",
    "rejections",
    "answers",
    "documents",
    "evaluation_datasets",
    "evaluation_queries",
    "artifacts",
    "artifact_pieces",
    "assessments",
    "jobs",
)
_SEARCHED = (
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() "
    r"AND tablename ~ '^document_(text|vectors)_\d+$'"
)
_IDLE_SECONDS = 60.0  # of a writer that stands still, or whose machine is gone, with its locks
_UNKNOWN = (
    "The database went away while it was storing this, so that nobody knows whether it is stored. "
    "Send it again with the same event_id or Idempotency-Key."
)
_WRONG_URL = (
    "The database URL cannot be used: it is postgresql://user:password@host:5432/name, perhaps "
    "with options of libpq after a question mark."
)
_PARTITIONS = (
    "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid "
    "WHERE inhparent = %s::regclass"
)


class PostgresStorage:
    """See :class:`~desirepath.storage.base.Storage`.

    Parameters
    ----------
    url, migrate
        As :func:`~desirepath.storage.open.open_storage` takes them.
    vector_extension
        Whether to compare vectors with pgvector, where the database has it.
    """

    cheap_reads = False

    def __init__(self, url: str, *, migrate: bool, vector_extension: bool = True) -> None:
        self._engine = create_engine(
            _sqlalchemy_url(url),
            pool_size=_POOL_SIZE,
            max_overflow=8,
            pool_timeout=5,
            pool_pre_ping=False,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 5, "application_name": "desirepath"},
        )
        try:
            _check_connection(self._engine)
            with _translated(self._engine.dispose), self._engine.connect() as connection:
                self._migrate(connection, migrate)
                raw: Any = connection.connection.driver_connection
                self._has_pgvector = vector_extension and has_pgvector(raw)
        except BaseException:
            self._engine.dispose()
            raise

    def _migrate(self, connection: Connection, allowed: bool) -> None:
        raw: Any = connection.connection.driver_connection
        if not pending_revisions(connection):
            if allowed:  # an earlier migration may have ended before it made them
                self._make_partitions(connection, _now(raw))
            return
        if not allowed:
            raise MigrationNeeded(
                "The database's schema is missing or older than this version of Desirepath. "
                "Run: desirepath migrate --database URL"
            )
        with raw.transaction():
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            upgrade(connection)
        self._make_partitions(connection, _now(raw))

    @contextmanager
    def read(self, seconds: float | None = None) -> Iterator[RelationalSession]:
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        if seconds is not None:
            begin += f"; SET LOCAL statement_timeout = {int(seconds * 1000)}"
        try:
            with self._transaction(begin) as session:
                yield session
        except (psycopg.errors.QueryCanceled, exc.OperationalError) as error:
            if not isinstance(getattr(error, "orig", error), psycopg.errors.QueryCanceled):
                raise
            raise QueryTooSlow("", seconds or 0.0) from error

    @contextmanager
    def write(self) -> Iterator[RelationalSession]:
        milliseconds = int(_IDLE_SECONDS * 1000)
        begin = f"BEGIN; SET LOCAL idle_in_transaction_session_timeout = {milliseconds}"
        try:
            with self._transaction(begin, writes=True) as session:
                yield session
        except psycopg.errors.QueryCanceled as error:  # the operator's statement_timeout
            raise StorageUnavailable() from error

    @contextmanager
    def _transaction(self, begin: str, *, writes: bool = False) -> Iterator[RelationalSession]:
        with _translated(self._engine.dispose), self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            try:
                raw.execute(begin)
                yield self._session(connection, raw)
            except BaseException:
                _abandon(connection, raw)
                raise
            try:
                raw.execute("COMMIT")
            except psycopg.Error as error:
                _abandon(connection, raw)
                if not writes:
                    raise
                self._engine.dispose()
                raise StorageUnavailable(_UNKNOWN) from error

    def _session(self, connection: Connection, raw: Any) -> RelationalSession:
        texts = PostgresTextTables(raw)
        vectors = PostgresVectorTables(connection, raw, use_extension=self._has_pgvector)
        return RelationalSession(connection, PostgresBulk(raw), texts, vectors, lambda: _now(raw))

    def health(self) -> Health:
        with _translated(self._engine.dispose), self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            values = raw.execute(
                "SELECT current_setting('server_version'), pg_database_size(current_database()),"
                " current_setting('synchronous_commit'), current_setting('fsync'),"
                " current_setting('full_page_writes')"
            ).fetchone()
            schema = current_revision(connection) or ""
        return Health(
            backend="postgresql",
            version=values[0],
            schema=schema,
            durability=f"synchronous_commit={values[2]} fsync={values[3]} "
            f"full_page_writes={values[4]}",
            size_bytes=values[1],
        )

    def figures(self) -> Figures:
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return Figures(connections_in_use=pool.checkedout())

    def tidy(self, now: int) -> None:
        """Make the partitions of the coming months, so that no row falls into the default one."""
        with _translated(self._engine.dispose), self._engine.connect() as connection:
            self._make_partitions(connection, now)

    def _make_partitions(self, connection: Connection, now: int) -> None:
        raw: Any = connection.connection.driver_connection
        month = to_datetime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        for _ in range(_MONTHS_AHEAD + 1):
            following = _next_month(month)
            bounds = [first_id_at(from_datetime(moment)).hex() for moment in (month, following)]
            for table in _PARTITIONED:
                name = f"{table}_{month:%Y%m}"
                exists = raw.execute("SELECT to_regclass(%s)", [name]).fetchone()[0]
                if exists is None:
                    self._make_partition(raw, table, name, bounds)
            month = following

    @staticmethod
    def _make_partition(raw: Any, table: str, name: str, bounds: list[str]) -> None:
        """Make one partition, unless another process was quicker."""
        try:
            with raw.transaction():
                raw.execute("SET LOCAL lock_timeout = '2s'")
                raw.execute(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} "
                    f"FOR VALUES FROM ('\\x{bounds[0]}') TO ('\\x{bounds[1]}')"
                )
        except (
            psycopg.errors.LockNotAvailable,
            psycopg.errors.UniqueViolation,
            psycopg.errors.DuplicateTable,
        ):
            pass
        except psycopg.errors.CheckViolation:
            pass  # rows of that month are in the default partition already: it keeps serving them

    def drop_before(self, bound: bytes) -> None:
        """Drop the months that lie before the bound, with their event and execution ids."""
        with _translated(self._engine.dispose), self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            month = to_datetime(time_of(bound)).strftime("%Y%m")
            for table, ids in zip(_PARTITIONED, ("event_ids", "execution_ids"), strict=True):
                old = [
                    name
                    for (name,) in raw.execute(_PARTITIONS, [table]).fetchall()
                    if name.removeprefix(f"{table}_").isdigit()
                    and name.removeprefix(f"{table}_") < month
                ]
                for name in old:
                    with raw.transaction():
                        raw.execute(
                            f"DELETE FROM {ids} USING {name} AS gone "
                            f"WHERE {ids}.namespace = gone.namespace AND {ids}.id = gone.id"
                        )
                        raw.execute(f"DROP TABLE {name}")

    def scrub(self, trace: str = "") -> None:
        """Rewrite nothing, but let VACUUM overwrite what was deleted as soon as it can."""
        del trace
        with _translated(self._engine.dispose), self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            for table in (*_SCRUBBED, *(name for (name,) in raw.execute(_SEARCHED).fetchall())):
                raw.execute(f"VACUUM {table}")

    def backup(self, target: Path, progress: Callable[[int, int], None]) -> None:
        del target, progress
        raise InvalidSetting(
            "A PostgreSQL database is backed up with its own tools: pg_dump or a base backup.",
            ("database",),
        )

    def close(self) -> None:
        self._engine.dispose()


def _sqlalchemy_url(url: str) -> URL:
    try:
        return make_url("postgresql+psycopg://" + url.partition("://")[2])
    except (exc.ArgumentError, ValueError) as error:
        raise InvalidSetting(_WRONG_URL, ("database",)) from error


def _check_connection(engine: Engine) -> None:
    """Connect once, and say why where that fails: only whoever starts a program is told."""
    try:
        engine.connect().close()
    except exc.ProgrammingError as error:  # an option that libpq does not have
        raise InvalidSetting(_WRONG_URL, ("database",)) from error
    except exc.OperationalError as error:
        reason = str(error.orig).partition("\n")[0].rstrip(".")
        raise StorageUnavailable(f"PostgreSQL cannot be used: {reason}.") from error


def _next_month(month: datetime) -> datetime:
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def _abandon(connection: Connection, raw: Any) -> None:
    """Undo; and take a connection that is broken out of the pool."""
    if not raw.closed:
        with suppress(psycopg.Error):
            raw.execute("ROLLBACK")
    if raw.closed:
        connection.invalidate()


def _now(raw: Any) -> int:
    row = raw.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
    return int(row[0])


@contextmanager
def _translated(forget_connections: Callable[[], object]) -> Iterator[None]:
    """PostgreSQL's errors as ours.

    Of those that may end a write, only StorageUnavailable leaves open whether the database can be
    used at once again; any other one is worth another attempt with a smaller part.
    """
    try:
        yield
    except StorageError:
        raise
    except (psycopg.Error, exc.DBAPIError, exc.TimeoutError) as error:
        cause = getattr(error, "orig", error)
        if isinstance(cause, psycopg.errors.QueryCanceled):
            raise
        if isinstance(cause, psycopg.errors.DiskFull):
            raise StorageFull() from error
        if isinstance(cause, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
            raise StorageError(
                "Writers got in each other's way. Nothing was stored; try again."
            ) from error
        if isinstance(cause, psycopg.errors.IdleInTransactionSessionTimeout):
            raise StorageUnavailable(
                "The writer stood still for too long. Nothing was stored; try again."
            ) from error
        if isinstance(cause, psycopg.errors.UndefinedTable):  # of words or vectors: dropped by now
            raise StorageError("What was looked for was just deleted; try again.") from error
        if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError | exc.TimeoutError):
            if (
                isinstance(cause, psycopg.OperationalError)
                and (cause.sqlstate or "57P")[:3] == "57P"
            ):
                forget_connections()  # the server went away: every pooled connection did
            raise StorageUnavailable() from error
        raise
