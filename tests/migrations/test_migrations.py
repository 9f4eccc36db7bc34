"""Making the schema, and refusing to work with another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import op
from alembic.migration import MigrationContext
from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    LargeBinary,
    Text,
    create_engine,
    inspect,
    text,
)
from sqlalchemy.pool import NullPool

from desirepath.domain.clock import SystemClock
from desirepath.errors import MigrationNeeded, StorageUnavailable
from desirepath.storage.base import Storage
from desirepath.storage.open import open_storage
from desirepath.storage.relational import tables
from desirepath.storage.relational.migrate import head_revision
from desirepath.storage.relational.rows import execution_to_row
from desirepath.storage.sqlite.storage import driver
from desirepath.testing.clock import START, TestingClock
from desirepath.testing.examples import a_document, an_execution, an_interaction, new_id
from desirepath.testing.storage_contract.common import at_once, store

TYPE_TO_NAMES = {
    BigInteger: {"INTEGER", "BIGINT"},
    Text: {"TEXT"},
    LargeBinary: {"BLOB", "BYTEA"},
    Double: {"REAL", "DOUBLE PRECISION"},
}


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    return str(request.getfixturevalue("empty_postgres_url"))


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Look at a database without the product."""
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool
    )
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def migrate(url: str) -> Storage:
    return open_storage(url, TestingClock(), migrate=True)


def schema(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every table with its columns, and the indexes as rows of a table."""
    with connected(url) as connection:
        inspector = inspect(connection)
        columns = {
            name: [
                (column["name"], str(column["type"]), column["nullable"])
                for column in inspector.get_columns(name)
            ]
            for name in inspector.get_table_names()
        }
        indexes = [
            (name, index["name"], index["column_names"], index["unique"])
            for name in columns
            for index in inspector.get_indexes(name)
        ]
    return columns | {"indexes": sorted(indexes, key=str)}


def is_ours(name: str) -> bool:
    """Whether it is a table of ``tables.py`` rather than a partition or Alembic's own."""
    logs = ("interactions_", "executions_")
    return name not in ("alembic_version", "indexes") and not name.startswith(logs)


def test_an_empty_database_gets_the_newest_schema(empty_url: str) -> None:
    with closing(migrate(empty_url)) as storage:
        assert storage.health().schema == head_revision()
        with storage.write() as session:
            assert session.catalog.create_namespace("ns_1", "default", START).number == 1
        click, search = an_interaction(), an_execution()
        store(storage, click, search)
        with storage.read() as session:
            assert list(session.interactions.scan(1)) == [click]
            assert list(session.executions.scan(1)) == [search]


def test_the_schema_is_what_queries_see(empty_url: str) -> None:
    migrate(empty_url).close()
    made = {name: columns for name, columns in schema(empty_url).items() if is_ours(name)}
    assert set(made) == set(tables.metadata.tables)
    for name, table in tables.metadata.tables.items():
        assert [column[0] for column in made[name]] == [column.name for column in table.columns]
        for (_, type_name, nullable), column in zip(made[name], table.columns, strict=True):
            where = f"{name}.{column.name}"
            assert type_name.split(" COLLATE ")[0] in TYPE_TO_NAMES[type(column.type)], where
            assert nullable is column.nullable, where
    with connected(empty_url) as connection:
        inspector = inspect(connection)
        for name, table in tables.metadata.tables.items():
            keys = inspector.get_pk_constraint(name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key.columns]


def test_text_compares_by_bytes(empty_postgres_url: str) -> None:
    migrate(empty_postgres_url).close()
    with connected(empty_postgres_url) as connection:
        other = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = 'public' AND data_type = 'text' "
                "AND collation_name IS DISTINCT FROM 'C'"
            )
        ).all()
    assert other == []


def test_running_twice_changes_nothing(empty_url: str) -> None:
    click = an_interaction()
    with closing(migrate(empty_url)) as storage:
        store(storage, click)
    before = schema(empty_url)
    with closing(migrate(empty_url)) as storage, storage.read() as session:
        assert list(session.interactions.scan(1)) == [click]
    assert schema(empty_url) == before


def test_a_newer_schema_is_refused_and_left_alone(empty_url: str) -> None:
    migrate(empty_url).close()
    with connected(empty_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from the future'"))
    before = schema(empty_url)
    for allowed in (True, False, None):
        with pytest.raises(MigrationNeeded, match="newer than this version"):
            open_storage(empty_url, TestingClock(), migrate=allowed)
    assert schema(empty_url) == before
    with connected(empty_url) as connection:
        stored = connection.scalar(text("SELECT version_num FROM alembic_version"))
    assert stored == "from the future"


@pytest.mark.parametrize("allowed", [False, None])
def test_postgresql_without_leave_refuses_and_names_the_command(
    empty_postgres_url: str, allowed: bool | None
) -> None:
    with pytest.raises(MigrationNeeded, match="desirepath migrate --database"):
        open_storage(empty_postgres_url, TestingClock(), migrate=allowed)
    assert schema(empty_postgres_url) == {"indexes": []}


def test_postgresql_that_is_up_to_date_opens_without_leave(empty_postgres_url: str) -> None:
    migrate(empty_postgres_url).close()
    with closing(open_storage(empty_postgres_url, TestingClock())) as storage:
        assert storage.health().schema == head_revision()


def test_sqlite_migrates_by_itself_unless_told_not_to(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(MigrationNeeded, match="desirepath migrate"):
        open_storage(url, TestingClock(), migrate=False)
    assert schema(url) == {"indexes": []}
    with closing(open_storage(url, TestingClock())) as storage:
        assert storage.health().schema == head_revision()
    open_storage(url, TestingClock(), migrate=False).close()


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("n_statements", [0, 1, 7, 15])
def test_a_migration_killed_in_the_middle_leaves_nothing_and_can_be_run_again(
    empty_url: str, n_statements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute: Callable[..., None] = op.execute
    done: list[str] = []

    def execute_some(statement: str) -> None:
        if len(done) == n_statements:
            raise KilledError
        done.append(statement)
        execute(statement)

    with monkeypatch.context() as patch:
        patch.setattr(op, "execute", execute_some)
        with pytest.raises(KilledError):
            migrate(empty_url)
    assert len(done) == n_statements
    assert schema(empty_url) == {"indexes": []}
    test_an_empty_database_gets_the_newest_schema(empty_url)


def test_a_migration_killed_before_its_number_is_written_can_be_run_again(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(MigrationContext, "stamp", die)
        with pytest.raises(KilledError):
            migrate(empty_url)
    assert schema(empty_url) == {"indexes": []}
    test_an_empty_database_gets_the_newest_schema(empty_url)


_FIRST_COLUMNS = 16
"""Of executions, in the first schema."""


def test_the_first_schema_is_upgraded_with_its_rows(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    click, search = an_interaction(), an_execution()
    with monkeypatch.context() as patch:
        patch.setattr("desirepath.storage.relational.migrate.pending_revisions", lambda _: ["0001"])
        with closing(migrate(empty_url)) as storage:
            store(storage, click)
    with connected(empty_url) as connection:
        names = [column.name for column in tables.executions.columns][:_FIRST_COLUMNS]
        row = dict(zip(names, execution_to_row(search), strict=False))
        connection.execute(tables.executions.insert().values(row))
        claimed = {"namespace": 1, "execution_id": search.execution_id, "digest": b""}
        connection.execute(tables.execution_ids.insert().values(claimed | {"id": search.id}))
        connection.execute(
            text(
                "INSERT INTO namespaces (number, namespace_id, name, created_at, retention_days) "
                f"VALUES (1, 'ns_1', 'default', {START}, 30)"
            )
        )
    with closing(migrate(empty_url)) as storage:
        assert storage.health().schema == head_revision()
        with storage.write() as session:
            (namespace,) = session.catalog.namespaces()
            assert (namespace.name, namespace.retention_days) == ("default", 30)
            assert (namespace.text_fields, namespace.fixed_vectors) == (None, False)
            session.documents.upsert(1, [a_document(text={"title": "red"})])
            hits = session.documents.search_text(1, ["title"], "red", 1)
            assert [id for id, _ in hits] == ["doc_1"]
            assert list(session.interactions.scan(1)) == [click]
            assert list(session.executions.scan(1)) == [search]


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    storages = at_once(*(lambda: migrate(empty_url) for _ in range(4)))
    clicks = [an_interaction() for _ in storages]
    for storage, click in zip(storages, clicks, strict=True):
        store(storage, click)
    for storage in storages:
        with closing(storage), storage.read() as session:
            assert list(session.interactions.scan(1)) == clicks
    with connected(empty_url) as connection:
        revisions = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    assert revisions == [head_revision()]


def test_a_new_sqlite_file_that_another_process_is_opening_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = driver.connect(f"{tmp_path}/new.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # SQLite refuses the switch to its log now, without waiting
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        other.execute("ROLLBACK")

    monkeypatch.setattr("desirepath.storage.sqlite.storage.time.sleep", wait)
    with closing(other), closing(migrate(f"sqlite:///{tmp_path}/new.db")) as storage:
        assert len(waits) == 1
        assert "journal_mode=wal" in storage.health().durability


def test_a_new_sqlite_file_that_stays_locked_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desirepath.storage.sqlite.storage._BUSY_SECONDS", 0.05)
    with closing(driver.connect(f"{tmp_path}/new.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable, match="database is locked"):
            migrate(f"sqlite:///{tmp_path}/new.db")


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ("interactions", "retriever"),
        ("interactions", "session"),
        ("interactions", "execution"),
        ("interactions", "user"),
        ("executions", "retriever"),
        ("executions", "user"),
    ],
)
def test_sqlite_looks_names_up_in_an_index(tmp_path: Path, log: str, name: str) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    migrate(url).close()
    with connected(url) as connection:
        conditions = ["= 'a'", "IN ('a')"] + ["IN ('a', 'b')"] * (name != "retriever")
        for condition in conditions:
            plan = connection.execute(
                text(
                    f"EXPLAIN QUERY PLAN SELECT * FROM {log} "
                    f"WHERE namespace = 1 AND {name}_id {condition} ORDER BY id DESC LIMIT 50"
                )
            ).all()
            assert f"INDEX {log}_by_{name} (namespace=? AND {name}_id=?)" in plan[0][3]


def test_sqlite_walks_the_table_when_it_needs_a_whole_namespace(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    migrate(url).close()
    with connected(url) as connection:
        for log in ("interactions", "executions"):
            plan = connection.execute(
                text(f"EXPLAIN QUERY PLAN SELECT * FROM {log} WHERE namespace = 1 ORDER BY id")
            ).all()
            assert [row[3] for row in plan] == [f"SEARCH {log} USING PRIMARY KEY (namespace=?)"]


def test_postgresql_keeps_each_month_in_a_partition_of_its_own(empty_postgres_url: str) -> None:
    now = SystemClock().now()
    month = 31 * 86_400_000_000
    clicks = [an_interaction(id=new_id(now + offset)) for offset in (0, month)]
    search = an_execution(id=new_id(now))
    with closing(migrate(empty_postgres_url)) as storage:
        store(storage, *clicks, search)
    with connected(empty_postgres_url) as connection:
        for log, n_rows in (("interactions", 2), ("executions", 1)):
            found = connection.execute(
                text(f"SELECT tableoid::regclass::text, count(*) FROM {log} GROUP BY 1")
            ).all()
            assert len(found) == n_rows
            assert all(name.removeprefix(f"{log}_").isdigit() for name, _ in found)


def test_postgresql_serves_months_that_no_partition_was_made_for(empty_postgres_url: str) -> None:
    with closing(migrate(empty_postgres_url)) as storage:
        clicks = [an_interaction(id=new_id(START + year * 31_536_000_000_000)) for year in range(3)]
        store(storage, *clicks)
        storage.tidy(START)  # too late for these rows: they stay where they are
        with storage.read() as session:
            assert list(session.interactions.scan(1)) == clicks
