"""Migrations that are killed at every step, and databases of another version.

Run as a program it does one such migration: ``python -m tests.torture.migrating URL HEAD N`` brings
a database to the revision HEAD and kills itself before its N-th statement (0: never).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event, inspect

from desirepath.domain.clock import SystemClock
from desirepath.storage.open import open_storage
from desirepath.storage.postgres.storage import PostgresStorage
from desirepath.storage.relational import migrate
from desirepath.storage.sqlite.storage import driver
from tests.torture.harness import (
    REPOSITORY,
    check_integrity,
    environment,
    query,
    run_command,
    sqlite_path,
)

_MOST_STATEMENTS = 500
_MOST_WRITES = 2000


def revisions() -> list[str]:
    """Every revision, oldest first."""
    return [script.revision for script in migrate._scripts().walk_revisions()][::-1]


def migrate_and_die(database: str, head: str, n: int) -> None:
    """Bring a database to a revision; kill this process before the n-th statement."""
    pending = migrate.pending_revisions
    known = revisions()

    def up_to_head(connection: Any) -> list[str]:
        return [r for r in pending(connection) if known.index(r) <= known.index(head)]

    migrate.pending_revisions = up_to_head
    n_statements = 0

    def count(*_: object) -> None:
        nonlocal n_statements
        n_statements += 1
        if n_statements == n:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    make_partition = PostgresStorage._make_partition  # goes past SQLAlchemy

    def make_one(*arguments: Any) -> None:
        count()
        make_partition(*arguments)

    PostgresStorage._make_partition = staticmethod(make_one)  # type: ignore[method-assign]
    open_storage(database, SystemClock(), migrate=True).close()


def run_migration(database: str, head: str, n: int = 0, wrapper: Sequence[str] = ()) -> bool:
    """Whether it came to its end, in a process of its own."""
    code = subprocess.run(
        [*wrapper, sys.executable, "-m", "tests.torture.migrating", database, head, str(n)],
        env=environment(),
        cwd=REPOSITORY,
        timeout=60,
        check=False,
    ).returncode
    assert code in (0, -signal.SIGKILL, 128 + signal.SIGKILL), f"exit code {code}"
    return code == 0


def kill_at_writes(databases: Iterator[str], log: Path, step: int) -> str:
    """For a file: kill its migration at every so-manieth write to the disk, then run it again."""
    head = revisions()[-1]
    reference = next(databases)
    run_migration(reference, head)
    n_kills = 0
    for n in range(1, _MOST_WRITES, step):
        database = next(databases)
        fault = f"inject=pwrite64,fsync,fdatasync,unlink,ftruncate:signal=KILL:when={n}"
        strace = ("strace", "-f", "-o", str(log), "-e", fault)
        if run_migration(database, head, wrapper=strace):
            return f"killed at {n_kills} writes and syncs: each run again to the same schema"
        n_kills += 1
        assert run_migration(database, head), "the second attempt failed"
        assert schema_of(database) == schema_of(reference)
        check_integrity(database)
    raise AssertionError("the migration never came to its end")


def schema_of(database: str) -> list[tuple[Any, ...]]:
    """Everything there is, by name and definition."""
    if sqlite_path(database) is not None:
        return sorted(query(database, "SELECT type, name, sql FROM sqlite_master"), key=str)
    columns = query(
        database,
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public'",
    )
    indexes = query(database, "SELECT indexname, indexdef FROM pg_indexes")
    return sorted([*columns, *(i for i in indexes if not i[0].startswith("pg_"))], key=str)


def kill_at_every_statement(databases: Iterator[str]) -> str:
    """For every revision: kill its migration before each statement in turn, then run it again."""
    known = revisions()
    n_kills = 0
    for number, head in enumerate(known):
        reference = next(databases)
        run_migration(reference, head)
        for n in range(1, _MOST_STATEMENTS):
            database = next(databases)
            if number:
                run_migration(database, known[number - 1])
                add_rows(database)
            rows = rows_of(database)
            if run_migration(database, head, n):
                break
            n_kills += 1
            assert run_migration(database, head), "the second attempt failed"
            assert schema_of(database) == schema_of(reference)
            assert {
                name: count for name, count in rows_of(database).items() if name in rows
            } == rows
            check_integrity(database)
    return f"{len(known)} revisions, killed at {n_kills} places: each run again to the same schema"


def add_rows(database: str) -> None:
    """Some rows of plain values in every table, whatever its columns are."""
    with closing(open_storage(database, SystemClock(), migrate=False)) as storage:
        engine = storage._engine  # type: ignore[attr-defined]
        with engine.connect() as connection:
            for table in inspect(connection).get_table_names():
                if table == "alembic_version":
                    continue
                columns = inspect(connection).get_columns(table)
                for n in range(1, 51):
                    values = [_value(column["type"].python_type, n) for column in columns]
                    names = ", ".join(f'"{column["name"]}"' for column in columns)
                    places = ", ".join("?" if sqlite_path(database) else "%s" for _ in columns)
                    connection.connection.driver_connection.execute(
                        f'INSERT INTO "{table}" ({names}) VALUES ({places})', values
                    )


def _value(kind: type, n: int) -> object:
    return n.to_bytes(16) if kind is bytes else f"text {n}" if kind is str else kind(n)


def rows_of(database: str) -> dict[str, int]:
    """How many rows each table has; no table when there is no schema."""
    if (path := sqlite_path(database)) is not None:
        if not path.exists():
            return {}
        names = query(database, "SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        names = query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        name: query(database, f'SELECT count(*) FROM "{name}"')[0][0]
        for (name,) in names
        if name != "alembic_version"
    }


@contextmanager
def newer_schema(database: str) -> Iterator[None]:
    """A database that a later version of Desirepath has migrated."""
    run_command("migrate", database=database)
    ((now,),) = query(database, "SELECT version_num FROM alembic_version")
    _set_version(database, "9999")
    yield
    _set_version(database, now)


def _set_version(database: str, version: str) -> None:
    statement = f"UPDATE alembic_version SET version_num = '{version}'"
    if (path := sqlite_path(database)) is not None:
        with closing(driver.connect(str(path))) as connection:
            connection.execute(statement)
            connection.commit()
        return
    with psycopg.connect(database) as connected:
        connected.execute(statement.encode())


def refusal(*arguments: str, database: str) -> str:
    """What a command says that must not work."""
    done = subprocess.run(
        [sys.executable, "-m", "desirepath", *arguments, "--database", database],
        env=environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, f"{arguments}: exit code {done.returncode}"
    assert "Traceback" not in done.stderr
    return " ".join((done.stdout + done.stderr).split())


if __name__ == "__main__":
    migrate_and_die(sys.argv[1], sys.argv[2], int(sys.argv[3]))
