"""Servers under test: started on their core, asked over HTTP, stopped by their process id."""

import json
import os
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.machine import SERVER_CORE, pinned_to

HOST = "127.0.0.1"
REPOSITORY = Path(__file__).parent.parent
START_SECONDS = 120
STOP_SECONDS = 60
COMMAND_SECONDS = 3_600


class ServerFailed(Exception):
    """A server or a command of the product did not do what it was asked."""


@dataclass(frozen=True, kw_only=True)
class Pythons:
    """The interpreters that run the product and the baseline."""

    desirepath: str
    baseline: str


class Server(ABC):
    """A server process on the server's core, alive between ``with`` and its end."""

    def __init__(self, folder: Path, key: str, extra_roots: Sequence[int] = ()) -> None:
        self.folder = folder
        self.key = key
        self.port = free_port()
        self.extra_roots = tuple(extra_roots)
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Give the command line that starts it."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Give the variables it needs besides those of this process."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Tell whether it can answer."""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerFailed("The server is not running.")
        return self._process.pid

    def __enter__(self) -> Self:
        with self.log.open("wb") as log, pinned_to(SERVER_CORE):
            self._process = subprocess.Popen(
                self.command(),
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self._process is None or self._process.poll() is not None:
                raise ServerFailed(f"{self.command()} ended at once:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.command()} was not ready in time:\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end, then insist."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one JSON request and return the JSON answer."""
        connection = HTTPConnection(HOST, self.port, timeout=120)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            payload = None if body is None else json.dumps(body).encode()
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise ServerFailed(f"{method} {path}: {response.status} {answer[:500]!r}")
        return json.loads(answer)


class BaselineServer(Server):
    """``baseline_app`` under uvicorn with uvloop and httptools, one process."""

    def __init__(self, folder: Path, key: str, python: str) -> None:
        super().__init__(folder, key)
        self.python = python

    def command(self) -> list[str]:
        return [self.python, "-m", "uvicorn", "--factory", "benchmarks.baseline_app:create_app",
                "--host", HOST, "--port", str(self.port), "--loop", "uvloop", "--http", "httptools",
                "--no-access-log", "--log-level", "warning"]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {"BASELINE_DATABASE": str(self.folder / "baseline.db"), "BASELINE_KEY": self.key}

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0


class DesirepathServer(Server):
    """``desirepath serve`` with one worker."""

    def __init__(
        self, folder: Path, key: str, python: str, database: str, extra_roots: Sequence[int] = ()
    ) -> None:
        super().__init__(folder, key, extra_roots)
        self.python = python
        self.database = database

    def command(self) -> list[str]:
        return [self.python, "-m", "desirepath", "serve", "--database", self.database,
                "--host", HOST, "--port", str(self.port), "--workers", "1"]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {"DESIREPATH_ADMIN_KEY": self.key}

    def is_ready(self) -> bool:
        return any(line.startswith("ready http://") for line in self.log.read_text().splitlines())


def run_desirepath(python: str, *arguments: str, log: Path) -> float:
    """Run one command of the product on all cores, as a user does; the seconds it took in all."""
    command = [python, "-m", "desirepath", *arguments]
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.run(
            command,
            check=False,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
        )
    seconds = time.monotonic() - started
    if process.returncode != 0:
        raise ServerFailed(f"{command} ended with {process.returncode}:\n{tail(log)}")
    return seconds


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def tail(log: Path, characters: int = 3_000) -> str:
    return log.read_text(errors="replace")[-characters:]
