"""P21: a cold start with a million rows, and one after a crash with a long write-ahead log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.torture.filling import fill
from tests.torture.harness import REPOSITORY, check_integrity, environment, query, serving

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]

COLD_SECONDS = 2.0
"""Of the processor. The clock on the wall is printed; on a busy machine it says little."""
CRASHED_SECONDS = 10.0
WAL_BYTES = 64 << 20

N_ROWS = 180_000

_FILL_AND_DIE = f"""
import os, signal, sys
from desirepath.storage.sqlite import storage
from tests.torture.filling import fill
storage._WAL_PAGES = 0  # never a checkpoint
close = storage.SqliteStorage.close

def close_once(self):  # what makes the defaults may close; what fills the file dies instead
    storage.SqliteStorage.close = lambda self: os.kill(os.getpid(), signal.SIGKILL)
    close(self)

storage.SqliteStorage.close = close_once
fill(sys.argv[1], {N_ROWS})
"""


def test_a_cold_start_with_a_million_rows(sqlite: str, figure: Callable[[str], None]) -> None:
    empty, full = f"{sqlite}.empty", sqlite
    fill(full, 1_000_000)
    best = {}
    for database, name in ((empty, "no rows"), (full, "1,000,000 rows")):
        starts = [start(database) for _ in range(5)]
        best[database] = min(cpu for _, cpu in starts)
        walls = ", ".join(f"{wall:.2f}" for wall, _ in sorted(starts))
        figure(f"{name}: ready after {walls} s, of the processor's {best[database]:.2f} s")
    assert best[full] <= COLD_SECONDS
    assert best[full] <= best[empty] + 0.5, "the start depends on the number of rows"


def start(database: str) -> tuple[float, float]:
    """Seconds until ready, and how many of them a processor worked."""
    with serving(database) as server:
        times = psutil.Process(server.pid).cpu_times()
        assert server.stop() == 0
        return server.seconds_to_ready, times.user + times.system


def test_a_start_after_a_crash_with_a_long_log(
    sqlite: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    wal = tmp_path / "desirepath.db-wal"
    done = subprocess.run(
        [sys.executable, "-c", _FILL_AND_DIE, sqlite],
        env=environment(),
        cwd=REPOSITORY,
        timeout=300,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    n_bytes = wal.stat().st_size
    assert n_bytes >= WAL_BYTES
    os.sync()
    with serving(sqlite) as server:
        seconds = server.seconds_to_ready
        ((n_rows,),) = query(sqlite, "SELECT count(*) FROM interactions")
    check_integrity(sqlite)
    assert n_rows == N_ROWS
    figure(f"ready {seconds:.2f} s after a crash with a log of {n_bytes >> 20} MiB")
    assert seconds <= CRASHED_SECONDS
