"""P23: a backup of a million rows under load, and serving from it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.backing_up import back_up_under_load
from tests.torture.filling import fill
from tests.torture.nursery import Nursery

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]


def test_a_backup_of_a_million_rows_under_load(
    sqlite: str,
    tmp_path: Path,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    fill(sqlite, 1_000_000)
    run = back_up_under_load(sqlite, tmp_path / "copy", rng, nursery.launch)
    figure(asyncio.run(run))


def test_many_backups_under_load(
    sqlite: str,
    tmp_path: Path,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    run = back_up_under_load(sqlite, tmp_path / "copy", rng, nursery.launch, n_backups=8)
    figure(asyncio.run(run))
