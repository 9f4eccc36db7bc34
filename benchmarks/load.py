"""Load: runs wrk on its own core and reads what it measured."""

import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import LOAD_CORE, pinned_to

SCRIPTS = Path(__file__).parent / "lua"
CONNECTIONS = 64
TIMEOUT_SECONDS = 60
MARK = "RESULT\t"


class LoadFailed(Exception):
    """wrk did not run or printed no result."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One kind of load: a script of ``lua/``, where it is sent and the script's arguments."""

    url: str
    script: str
    arguments: tuple[str, ...]
    connections: int = CONNECTIONS


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What one run measured."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    socket_errors: int
    timeouts: int
    refused: int
    created: int
    repeated: int
    first_refusal: str
    client_share: float

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def events_per_second(self) -> float:
        return self.created / self.seconds

    @property
    def fault(self) -> str | None:
        """Say why the figures must not be believed, or None."""
        counts = {
            "answers outside 2xx": self.refused,
            "socket errors": self.socket_errors,
            "timeouts": self.timeouts,
            "taken for duplicates": self.repeated,
        }
        faults = [f"{count} {name}" for name, count in counts.items() if count]
        if self.first_refusal:
            faults.append(f"first: {self.first_refusal}")
        if self.client_share > 0.9:
            faults.append(f"the client was the limit ({self.client_share:.0%} of its core)")
        return ", ".join(faults) or None


def check() -> None:
    if shutil.which("wrk") is None:
        sys.exit("The benchmarks need wrk. On Debian and Ubuntu: apt-get install -y wrk")


def run(load: Load, seconds: int) -> LoadResult:
    """Run wrk with one thread for some seconds."""
    options = [f"-c{load.connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s"]
    script = str(SCRIPTS / load.script)
    command = ["wrk", "-t1", *options, "-s", script, load.url, "--", *load.arguments]
    before = children_seconds()
    with pinned_to(LOAD_CORE):
        process = subprocess.run(
            command,
            capture_output=True,
            check=False,
            text=True,
            timeout=seconds + 3 * TIMEOUT_SECONDS,
        )
    used = children_seconds() - before
    for line in process.stdout.splitlines():
        if line.startswith(MARK):
            return parse(line, used)
    raise LoadFailed(f"wrk printed no result:\n{process.stdout}\n{process.stderr}")


def parse(line: str, processor_seconds: float) -> LoadResult:
    """Read the line that ``lua/result.lua`` prints; wrk's times are in microseconds."""
    values = line.removeprefix(MARK).split("\t")
    requests, microseconds, p50, p99, errors, timeouts, refused, created, repeated = map(
        int, values[:9]
    )
    seconds = microseconds / 1e6
    return LoadResult(
        requests=requests,
        seconds=seconds,
        p50_ms=p50 / 1000,
        p99_ms=p99 / 1000,
        socket_errors=errors,
        timeouts=timeouts,
        refused=refused,
        created=created,
        repeated=repeated,
        first_refusal=values[9],
        client_share=processor_seconds / seconds,
    )


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seed() -> str:
    return str(int.from_bytes(os.urandom(3)))
