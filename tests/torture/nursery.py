"""Start servers in a tenth of the time: a process that has imported everything forks each one.

Run as a program it reads one JSON line per server from standard input and answers with its pid.
What runs afterwards in the child is ``desirepath`` with its arguments, as from a shell.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.torture.harness import Launch

_IMPORTED = (
    "desirepath.cli.serve",
    "desirepath.storage.sqlite.storage",
    "desirepath.storage.postgres.storage",
    "uvicorn.lifespan.on",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql.psycopg",
    "uvloop",
)


def run() -> None:
    """Fork a server for every line, until standard input ends."""
    for name in (*_IMPORTED, *sys.argv[1:]):
        importlib.import_module(name)
    importlib.import_module("desirepath.storage.relational.migrate").head_revision()  # reads it
    pid_to_exit_file = dict[int, Path]()

    def reap(*_: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                code = os.waitstatus_to_exitcode(found[1])
                written = pid_to_exit_file.pop(found[0])
                written.with_suffix(".new").write_text(str(code))
                written.with_suffix(".new").rename(written)

    while line := sys.stdin.readline():
        order = json.loads(line)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        pid = os.fork()
        if pid == 0:
            _become(order)
            return
        pid_to_exit_file[pid] = Path(order["exit"])
        signal.signal(signal.SIGCHLD, reap)
        reap()
        print(pid, flush=True)


def _become(order: dict[str, str]) -> None:
    """Be the server in the child."""
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(order["out"], os.O_WRONLY)
    err = os.open(order["err"], os.O_WRONLY)
    for source, target in ((null, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
        os.close(source)
    os.environ.update(json.loads(order["variables"]))
    sys.argv = [order["module"], *json.loads(order["arguments"])]
    if order["module"] == "desirepath":
        importlib.import_module("desirepath.cli").main()
    else:
        runpy.run_module(order["module"], run_name="__main__")


class Forked:
    """A server that the nursery started, with the part of ``Popen`` that is used here."""

    def __init__(self, pid: int, exit_file: Path) -> None:
        self.pid = pid
        self._exit_file = exit_file

    def poll(self) -> int | None:
        return int(self._exit_file.read_text()) if self._exit_file.exists() else None

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("desirepath", timeout or 0)
            time.sleep(0.01)
        return code


class Nursery:
    """The nursery as its user sees it; :meth:`launch` may be called from any thread."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, variables: dict[str, str], *imported: str) -> Iterator[Nursery]:
        """Open one that has imported these modules as well."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.nursery", *imported],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
            cwd=folder,
        )
        with process:
            yield cls(process)
            assert process.stdin is not None
            process.stdin.close()

    def launch(
        self, arguments: Sequence[str], out: Path, err: Path, variables: dict[str, str]
    ) -> Forked:
        """Start ``desirepath`` with these arguments."""
        return self._launch("desirepath", arguments, out, err, variables)

    def launching(self, module: str) -> Launch:
        """What starts a module of its own in place of ``desirepath``."""
        return functools.partial(self._launch, module)

    def run(self, module: str, *arguments: str, seconds: float = 60) -> int:
        """Run a module to its end and return the exit code."""
        with tempfile.TemporaryDirectory(prefix="dp-run-") as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            for file in (out, err):
                file.touch()
            code = self._launch(module, arguments, out, err, {}).wait(seconds)
            assert "Traceback" not in err.read_text(), err.read_text()[-3000:]
            return code

    def _launch(
        self, module: str, arguments: Sequence[str], out: Path, err: Path, variables: dict[str, str]
    ) -> Forked:
        exit_file = out.with_suffix(".exit")
        order = {
            "module": module,
            "arguments": json.dumps(list(arguments)),
            "variables": json.dumps(variables),
            "out": str(out),
            "err": str(err),
            "exit": str(exit_file),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return Forked(int(self._process.stdout.readline()), exit_file)


if __name__ == "__main__":
    run()
