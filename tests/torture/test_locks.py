"""F6, F7: a lock that somebody else holds, and a disk that is slow to sync."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.locks import endure_slow_syncs, outlast_a_lock
from tests.torture.nursery import Nursery

pytestmark = [pytest.mark.torture, pytest.mark.timeout(300)]


@pytest.mark.parametrize("seconds", [15, 35])
def test_a_lock_that_somebody_holds_is_answered_with_503(
    seconds: int,
    sqlite: str,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    figure(asyncio.run(outlast_a_lock(sqlite, rng, nursery.launch, seconds=seconds)))


def test_refused_requests_do_not_starve_readers_while_the_file_is_locked(
    sqlite: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    run = outlast_a_lock(sqlite, rng, nursery.launch, seconds=15, n_rubbish=60)
    figure(asyncio.run(run))


@pytest.mark.needs_strace
def test_a_slow_disk_does_not_block_readers(
    sqlite: str, tmp_path: Path, rng: random.Random, figure: Callable[[str], None]
) -> None:
    log = tmp_path / "strace.log"
    figure(asyncio.run(endure_slow_syncs(sqlite, rng, log, milliseconds=300, seconds=10)))
