"""Run the examples of a page: shell lines against a live server, Python as it stands.

The service listens on a free port, in this process, over a new database in a folder of its own.
``desirepath`` on the path of the shell is a small program that hands its arguments to the real
command in this process, because starting Python for each would take longer than all tests together.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from click.testing import CliRunner

from desirepath.cli.main import main
from desirepath.engine.bootstrap import ensure_admin_key
from desirepath.server import build_application, open_engine
from desirepath.settings import Settings
from tests.docs.pages import Block, Page

ADDRESS = "http://127.0.0.1:8000"
KEY = "the-admin-key-of-the-examples"
DATABASE = "sqlite:///desirepath.db"
ANYTHING = "…"
_SHELL_SECONDS = 120

_SHIM = f"""#!{sys.executable} -IS
import json, os, socket, sys
if sys.argv[1:2] == ["worker"]:  # it waits for signals, which only a process of its own gets
    os.execv(sys.executable, [sys.executable, "-m", "desirepath", *sys.argv[1:]])
stdin = sys.stdin.buffer.read().decode() if "-" in sys.argv[1:] else ""
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(os.environ["DESIREPATH_EXAMPLES"])
    request = json.dumps({{"arguments": sys.argv[1:], "stdin": stdin}})
    connection.sendall(request.encode())
    connection.shutdown(socket.SHUT_WR)
    answer = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
sys.stdout.write(answer["stdout"])
sys.stderr.write(answer["stderr"])
sys.exit(answer["code"])
"""


class Commands:
    """Runs ``desirepath`` commands that arrive on a socket."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=60)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                answer = _invoke(**json.loads(lines.read()))
                connection.sendall(json.dumps(answer).encode())


def _invoke(arguments: list[str], stdin: str) -> dict[str, object]:
    result = CliRunner().invoke(main, arguments, input=stdin, prog_name="desirepath")
    errors = result.stderr
    if result.exception and not isinstance(result.exception, SystemExit):
        errors += repr(result.exception)
    return {"stdout": result.stdout, "stderr": errors, "code": result.exit_code}


@contextmanager
def live_server() -> Iterator[str]:
    """Serve the database in this folder; gives the address."""
    settings = Settings(database=DATABASE)
    engine = open_engine(settings)
    ensure_admin_key(engine, KEY)
    application = build_application(settings, engine)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="warning", ws="none", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listener.close()


class Runner:
    """Runs the blocks of one page in order.

    Parameters
    ----------
    page
        Whose blocks to run.
    folder
        An empty folder, the current one.
    address
        Of the live server.
    """

    def __init__(self, page: Page, folder: Path, address: str) -> None:
        self._page = page
        self._folder = folder
        self._address = address
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._printed: str | None = None

    def run(self) -> int:
        """Run everything that is meant to be run; how many blocks that was."""
        count = 0
        for block in self._page.blocks:
            if block.language == "sh" and "run" in block.tags:
                self._shell(block)
            elif block.language == "python" and "skip" not in block.tags:
                self._python(block)
            elif "output" in block.tags:
                self._compare(block)
            else:
                continue
            count += 1
        return count

    def _where(self, block: Block) -> str:
        return f"{self._page.name}:{block.line}"

    def _shell(self, block: Block) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text.replace(ADDRESS, self._address)],
            check=False,
            capture_output=True,
            text=True,
            timeout=_SHELL_SECONDS,
            cwd=self._folder,
        )
        assert done.returncode == 0, f"{self._where(block)}: {done.stdout}{done.stderr}"
        # Tables are padded; nobody sees it.
        self._printed = "\n".join(line.rstrip() for line in done.stdout.splitlines())

    def _python(self, block: Block) -> None:
        text = block.text.replace(ADDRESS, self._address)
        if ">>>" not in text:
            exec(compile("\n" * block.line + text, self._page.name, "exec"), self._names)
            return
        parser = doctest.DocTestParser()
        test = parser.get_doctest(text, self._names, self._page.name, self._page.name, block.line)
        said: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
        runner.run(test, out=said.append, clear_globs=False)
        self._names.update(test.globs)
        assert runner.failures == 0, "".join(said)

    def _compare(self, block: Block) -> None:
        assert self._printed is not None, f"{self._where(block)}: nothing was run before"
        if block.language == "json":
            same = agrees(json.loads(block.text), json.loads(self._printed))
        else:
            wanted = re.sub(r" +…$", "…", block.text.strip(), flags=re.MULTILINE)
            same = fits(wanted, self._printed.strip())
        assert same, f"{self._where(block)}: it printed\n{self._printed}"


def fits(pattern: str, text: str) -> bool:
    """Whether a text is the pattern, where ``…`` stands for anything.

    >>> fits("int_… is gone", "int_0123 is gone")
    True
    """
    pieces = map(re.escape, pattern.split(ANYTHING))
    return re.fullmatch(".*".join(pieces), text, re.DOTALL) is not None


def agrees(expected: object, actual: object) -> bool:
    """Whether JSON is as expected, where ``…`` stands for anything, as a key for more keys.

    >>> agrees({"id": "int_…", "…": "…"}, {"id": "int_1", "position": 0})
    True
    """
    if isinstance(expected, str):
        if isinstance(actual, str):
            return fits(expected, actual)
        return expected == ANYTHING
    if isinstance(expected, dict) and isinstance(actual, dict):
        wanted = {key: value for key, value in expected.items() if key != ANYTHING}
        if not wanted.keys() <= actual.keys():
            return False
        if ANYTHING not in expected and wanted.keys() != actual.keys():
            return False
        return all(agrees(value, actual[key]) for key, value in wanted.items())
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(agrees, expected, actual))
    return type(expected) is type(actual) and expected == actual


def make_shim(folder: Path) -> Path:
    """Put ``desirepath`` where the documentation finds it; gives the folder of programs."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    shim = programs / "desirepath"
    shim.write_text(_SHIM)
    shim.chmod(0o755)
    return programs


def environment(programs: Path, commands: Path) -> dict[str, str]:
    """What the examples find in their environment."""
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "DESIREPATH_KEY": KEY,
        "DESIREPATH_EXAMPLES": str(commands),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
