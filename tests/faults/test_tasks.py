"""Workers that end or stand still between storing a model and having stored it (quick)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.nursery import Nursery
from tests.torture.task_faults import Workplace, die_at, stand_still_at, workplace
from tests.torture.task_instants import ALTERED, TINY

pytestmark = pytest.mark.usefixtures("quick_kinds")


@pytest.mark.parametrize("database", ["sqlite", "postgres_url"], indirect=True)
@pytest.mark.parametrize("happen", [die_at, stand_still_at])
def test_its_task_ends_once(
    database: str,
    happen: Callable[[Workplace, str, str], None],
    nursery: Nursery,
    tmp_path: Path,
) -> None:
    launch = nursery.launching(ALTERED)
    with workplace(database, launch, tmp_path, lease_seconds=1.0) as place:
        happen(place, "stored", TINY)
