"""Migrations that are killed at every step, and databases of another version.

Run as a program it does one such migration: ``python -m tests.torture.migrating URL HEAD N`` brings
a database to the revision HEAD and kills itself before its N-th statement (0: never).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, MetaData, create_engine, event, insert

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
from tests.torture.nursery import Nursery

_MADE_ANEW = {"learned_lists", "rollups"}  # from the log, by the housekeeper
_MOST_STATEMENTS = 500
_MOST_WRITES = 2000
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"


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

    PostgresStorage._make_partition = staticmethod(make_one)  # type: ignore[method-assign, assignment]
    open_storage(database, SystemClock(), migrate=True).close()


def run_migration(nursery: Nursery, database: str, head: str, n: int = 0) -> bool:
    """Whether it came to its end, in a process of its own."""
    return _ended(nursery.run("tests.torture.migrating", database, head, str(n)))


def _run_traced(database: str, head: str, fault: str, log: Path) -> bool:
    arguments = ("strace", "-f", "-o", str(log), "-e", f"inject={fault}")
    program = (sys.executable, "-m", "tests.torture.migrating", database, head, "0")
    done = subprocess.run(
        [*arguments, *program], env=environment(), cwd=REPOSITORY, timeout=60, check=False
    )
    return _ended(done.returncode)


def _ended(code: int) -> bool:
    assert code in (0, -signal.SIGKILL, 128 + signal.SIGKILL), f"exit code {code}"
    return code == 0


def kill_at_every_statement(nursery: Nursery, databases: Iterator[str], step: int = 1) -> str:
    """For every revision: kill its migration before each statement in turn, then run it again.

    With a ``step``, before every so-manieth.
    """
    known = revisions()
    n_kills = 0
    for number, head in enumerate(known):
        reference = next(databases)
        run_migration(nursery, reference, head)
        for n in range(1, _MOST_STATEMENTS, step):
            database = next(databases)
            if number:
                run_migration(nursery, database, known[number - 1])
                add_rows(database)
            kept = {name: n for name, n in rows_of(database).items() if name not in _MADE_ANEW}
            if run_migration(nursery, database, head, n):
                break
            n_kills += 1
            assert run_migration(nursery, database, head), "the second attempt failed"
            assert schema_of(database) == schema_of(reference)
            assert kept.items() <= rows_of(database).items()
            check_integrity(database)
    add_rows(reference)  # what the next revision will be tested with
    return f"{len(known)} revisions, killed at {n_kills} places: each run again to the same schema"


def kill_at_writes(nursery: Nursery, databases: Iterator[str], log: Path, step: int) -> str:
    """For a file: kill its migration at every so-manieth write to the disk, then run it again."""
    head = revisions()[-1]
    reference = next(databases)
    run_migration(nursery, reference, head)
    for n_kills, n in enumerate(range(1, _MOST_WRITES, step)):
        database = next(databases)
        fault = f"pwrite64,fsync,fdatasync,unlink,ftruncate:signal=KILL:when={n}"
        if _run_traced(database, head, fault, log):
            return f"killed at {n_kills} writes and syncs: each run again to the same schema"
        assert run_migration(nursery, database, head), "the second attempt failed"
        assert schema_of(database) == schema_of(reference)
        check_integrity(database)
    raise AssertionError("the migration never came to its end")


def schema_of(database: str) -> list[tuple[Any, ...]]:
    """Everything there is, by name and definition."""
    if sqlite_path(database) is not None:
        found = query(database, "SELECT type, name, sql FROM sqlite_master")
        return sorted((row for row in found if not row[1].startswith("sqlite_stat")), key=str)
    columns = query(
        database,
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public'",
    )
    indexes = query(database, "SELECT indexname, indexdef FROM pg_indexes")
    return sorted([*columns, *(i for i in indexes if not i[0].startswith("pg_"))], key=str)


def add_rows(database: str) -> None:
    """Fifty rows of plain values in every table, whatever its columns are."""
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    with closing(engine.connect()) as connection:
        names = [name for name in rows_of(database) if name in _whole_tables(database)]
        tables = MetaData()
        tables.reflect(connection, only=names)
        for table in tables.sorted_tables:
            rows = [
                {column.name: _value(column.type.python_type, n) for column in table.columns}
                for n in range(1, 51)
            ]
            connection.execute(insert(table), rows)
        connection.commit()
    engine.dispose()


def _whole_tables(database: str) -> set[str]:
    """Tables that are no partition of another one."""
    if sqlite_path(database) is not None:
        return set(rows_of(database))
    return {
        name for (name,) in query(database, "SELECT relname FROM pg_class WHERE NOT relispartition")
    }


def _value(kind: type, n: int) -> object:
    return n.to_bytes(16) if kind is bytes else f"text {n}" if kind is str else kind(n)


def rows_of(database: str) -> dict[str, int]:
    """How many rows each table has; no table when there is no schema."""
    if (path := sqlite_path(database)) is not None:
        if not path.exists():
            return {}
        names = query(database, _TABLES)
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
