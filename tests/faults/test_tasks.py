"""Workers that end, or stand still, at a bad time (quick)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from desirepath.domain.job import JobStatus
from tests.torture.harness import launch_process
from tests.torture.nursery import Nursery
from tests.torture.task_faults import (
    Workplace,
    check_effects,
    die_at,
    end,
    stand_still_at,
    wait_for,
    workplace,
)
from tests.torture.task_instants import ALTERED, TINY, WORKING

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


@pytest.mark.parametrize("database", ["sqlite", "postgres_url"], indirect=True)
def test_a_server_that_stops_puts_down_what_it_was_doing(
    database: str, nursery: Nursery, tmp_path: Path
) -> None:
    """So that a restart costs a task nothing but time."""
    launch = nursery.launching(ALTERED)
    with workplace(database, launch, tmp_path, lease_seconds=60.0) as place:
        job = place.start(steps=500)
        server = place.server(launch=partial(launch_process, module=ALTERED))
        wait_for(lambda: any(one.instant == WORKING for one in place.instants()))
        assert server.stop() == 0
        found = place.found(job)
        assert (found.status, found.tries, found.lease) == (JobStatus.PENDING, 0, None)
        worker = place.worker()
        wait_for(lambda: place.is_over(job))
        end(worker)
        assert place.found(job).tries == 1
        assert check_effects(place) == {JobStatus.COMPLETED: 1}
