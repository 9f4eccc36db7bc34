"""P4, P12: failing syncs and writes, a full disk, a slow one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.disk_faults import (
    SYNC,
    survive_broken_disk,
    survive_failing_calls,
    survive_full_disk,
    survive_one_failure,
)
from tests.torture.nursery import Nursery

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]


@pytest.mark.needs_strace
@pytest.mark.parametrize(
    ("fault", "error_status"),
    [
        (f"{SYNC}:error=EIO:when=10..59", 503),
        ("pwrite64:error=EIO:when=60..119", 503),
        ("pwrite64:error=ENOSPC:when=60..119", 507),
    ],
    ids=["sync EIO", "write EIO", "write ENOSPC"],
)
def test_a_failing_disk_never_gets_a_promise(
    fault: str,
    error_status: int,
    sqlite: str,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    log = tmp_path / "strace.log"
    run = survive_failing_calls(sqlite, rng, log, fault, n_faults=50, error_status=error_status)
    figure(asyncio.run(run))


@pytest.mark.needs_strace
@pytest.mark.parametrize("fault", [f"{SYNC}:error=EIO", "pwrite64:error=ENOSPC"])
def test_one_failure_at_every_place(
    fault: str,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    """The n-th call of each thread fails, for every n until none of them is reached."""
    struck = []
    for number, n in enumerate([*range(1, 16), *range(16, 120, 7)]):
        database = f"sqlite:///{tmp_path}/{number}.db"
        n_struck = asyncio.run(
            survive_one_failure(database, tmp_path / f"{number}.log", f"{fault}:when={n}", rng)
        )
        struck.append(n_struck)
    figure(f"{len(struck)} places, {sum(struck)} failures")


@pytest.mark.needs_strace
def test_a_disk_that_stays_broken_takes_the_server_out_of_service(
    sqlite: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    figure(asyncio.run(survive_broken_disk(sqlite, tmp_path / "strace.log")))


@pytest.mark.needs_root
def test_a_full_disk(
    tmp_path: Path, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    figure(asyncio.run(survive_full_disk(tmp_path / "disk", rng, nursery.launch)))
