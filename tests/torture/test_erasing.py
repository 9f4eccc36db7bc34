"""P26: erase a user of a hundred thousand rows; no byte of the id is left."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.durable_postgres import DurablePostgres
from tests.torture.erasing import (
    ERASE_SECONDS,
    erase_under_load,
    files_of,
    places,
    places_in_postgres,
    reimport,
    rewrite,
)
from tests.torture.nursery import Nursery

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]

N_ROWS = 400_000
ONE_IN = 4


def test_no_byte_of_an_erased_user_is_left_in_a_file(
    sqlite: str,
    tmp_path: Path,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    run = erase_under_load(sqlite, rng, nursery.launch, n_rows=N_ROWS, one_in=ONE_IN)
    seconds, line = asyncio.run(run)
    figure(line)
    assert places(files_of(sqlite)) == {}
    said = reimport(sqlite, tmp_path)
    figure(f"0 hits in the files; imported again, {said['suppressed']} of 100 rows left out")
    assert said["interactions"] == said["suppressed"] == 50
    assert places(files_of(sqlite)) == {}
    assert seconds <= ERASE_SECONDS


@pytest.mark.needs_own_postgres
def test_no_byte_of_an_erased_user_is_left_in_tables_and_indexes(
    durable_postgres: DurablePostgres,
    postgres: str,
    tmp_path: Path,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    folder = durable_postgres.folder
    assert folder is not None
    run = erase_under_load(postgres, rng, nursery.launch, n_rows=N_ROWS, one_in=ONE_IN)
    seconds, line = asyncio.run(run)
    figure(line)
    left = places_in_postgres(postgres, folder)
    figure(f"after erase, which runs VACUUM: {left or 'no byte left'}")
    rewrite(postgres)
    left = places_in_postgres(postgres, folder)
    figure(f"after ANALYZE and VACUUM FULL: {left or 'no byte left'}")
    assert not left
    said = reimport(postgres, tmp_path)
    assert said["interactions"] == said["suppressed"] == 50
    assert places_in_postgres(postgres, folder) == {}
    assert seconds <= ERASE_SECONDS
