"""``desirepath serve`` in a process of its own, to talk to over a socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from desirepath.domain.access import Key, KeyKind, make_token
from desirepath.engine.bootstrap import add_key, create_namespace
from desirepath.engine.engine import Engine
from desirepath.server import open_engine
from desirepath.settings import load_settings
from desirepath.storage.base import Namespace
from tests.storage_fixtures import BACK_ENDS, PostgresServer

__all__ = ["LiveServer", "live", "live_postgres", "live_sqlite", "start"]

_START_SECONDS = 120.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True)
class LiveServer:
    """A running server.

    Parameters
    ----------
    url
        ``http://127.0.0.1:PORT``.
    database
        URL of its database.
    admin_key
        Chosen by the test, so never printed.
    pid
        Of the process that was started.
    folder
        Where its two outputs go: ``out`` and ``err``.
    """

    url: str
    database: str
    admin_key: str
    pid: int
    folder: Path

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        """A client that signs in with a key, by default the admin's."""
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key or self.admin_key}", **headers},
            timeout=60,
        )

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The engine of another process on the same database."""
        with closing(open_engine(load_settings({"database": self.database}, {}))) as engine:
            yield engine

    def new_key(self, kind: KeyKind = KeyKind.SERVER) -> tuple[Namespace, Key, str]:
        """A new namespace, and a key that works in it."""
        with self.engine() as engine:
            with engine.storage.write() as session:
                namespace = create_namespace(engine, session, f"live-{os.urandom(6).hex()}")
            return namespace, *add_key(engine, kind, namespace, "test")

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    def send_raw(self, request: bytes, seconds: float = 10.0) -> bytes:
        """What comes back, until the server closes or says no more."""
        with socket.create_connection(self.address, timeout=seconds) as connection:
            connection.settimeout(seconds)
            received = b""
            try:
                connection.sendall(request)
                while part := connection.recv(65_536):
                    received += part
            except (TimeoutError, ConnectionError):
                pass
            return received

    def output(self) -> str:
        """All that it printed so far."""
        return "".join((self.folder / name).read_text() for name in ("out", "err"))

    def is_alive(self) -> bool:
        return psutil.pid_exists(self.pid) and psutil.Process(self.pid).status() != "zombie"

    def memory_bytes(self) -> int:
        """What the process and its children hold in memory."""
        process = psutil.Process(self.pid)
        return sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))


@contextmanager
def start(database: str, *flags: str) -> Iterator[LiveServer]:
    """Serve until the block ends; fail if the process did not stop by itself when asked to."""
    admin_key = make_token(KeyKind.ADMIN)
    command = [sys.executable, "-m", "desirepath", "serve", "--database", database, "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if "DESIREPATH" not in name}
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(
                [*command, *flags],
                stdout=stdout,
                stderr=stderr,
                cwd=folder,
                env=environment | {"DESIREPATH_ADMIN_KEY": admin_key},
            )
        try:
            url = _wait_until_ready(process, out, err)
            yield LiveServer(url, database, admin_key, process.pid, Path(folder))
            process.send_signal(signal.SIGTERM)
            assert process.wait(_STOP_SECONDS) == 0, err.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], out: Path, err: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in out.read_text().splitlines(keepends=True):
            if line.startswith("ready http://") and line.endswith("\n"):
                return line.split()[1]
        time.sleep(0.02)
    raise AssertionError(f"no ready line: {out.read_text()}{err.read_text()}")


_SERVERS = pytest.StashKey[dict[str, LiveServer]]()


@pytest.fixture(scope="session")
def live_sqlite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """Serve an SQLite file, and log requests."""
    servers = request.session.stash.setdefault(_SERVERS, {})
    if "sqlite" in servers:  # another folder's conftest has this fixture too
        yield servers["sqlite"]
        return
    folder = tmp_path_factory.mktemp("live")
    with start(f"sqlite:///{folder}/desirepath.db", "--access-log") as server:
        servers["sqlite"] = server
        yield server


@pytest.fixture(scope="session")
def live_postgres(
    request: pytest.FixtureRequest, postgres_server: PostgresServer
) -> Iterator[LiveServer]:
    """Serve a PostgreSQL database."""
    servers = request.session.stash.setdefault(_SERVERS, {})
    if "postgres" in servers:
        yield servers["postgres"]
        return
    with postgres_server.database(f"desirepath_live_{os.getpid()}") as url:
        with closing(open_engine(load_settings({"database": url}, {}), migrate=True)):
            pass
        with start(url) as server:
            servers["postgres"] = server
            yield server


@pytest.fixture(params=BACK_ENDS)
def live(request: pytest.FixtureRequest) -> LiveServer:
    """Give a running server over each database in turn."""
    server = request.getfixturevalue(f"live_{request.param}")
    assert isinstance(server, LiveServer)
    return server
