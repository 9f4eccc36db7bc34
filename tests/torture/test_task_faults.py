"""P22: tasks end once in effect, whoever dies, stands still or goes away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.torture import task_faults
from tests.torture.durable_postgres import DurablePostgres
from tests.torture.harness import REPOSITORY, Launch, environment, launch_process
from tests.torture.nursery import Nursery
from tests.torture.task_faults import N_LISTS, workplace
from tests.torture.task_instants import ALTERED, FAULTY, GIVING_BACK, INSTANTS

pytestmark = [
    pytest.mark.torture,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("quick_kinds"),
]

HEAVY = ("desirepath.engine.training.ranker", "duckdb", "ibis.backends.duckdb", "lightgbm")
LEASE_SECONDS = 4.0  # importing what trains may keep a thread waiting for a second
on_both = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    """Start workers that have imported all that trains."""
    with Nursery.opened(REPOSITORY, environment(), *HEAVY) as opened:
        yield opened.launching(ALTERED)


@on_both
def test_fifty_kills_at_random_instants(
    database: str,
    launch: Launch,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    with workplace(
        database, launch, tmp_path, lease_seconds=LEASE_SECONDS, n_lists=N_LISTS
    ) as place:
        figure(task_faults.survive_kills(place, rng, n_kills=50))


@on_both
def test_workers_that_are_killed_at_each_instant(
    database: str, launch: Launch, tmp_path: Path
) -> None:
    with workplace(
        database, launch, tmp_path, lease_seconds=LEASE_SECONDS, n_lists=N_LISTS
    ) as place:
        for instant in INSTANTS:
            task_faults.die_at(place, instant)
        task_faults.die_at(place, GIVING_BACK, FAULTY)


@on_both
def test_workers_that_stand_still_at_each_instant(
    database: str, launch: Launch, tmp_path: Path
) -> None:
    with workplace(
        database, launch, tmp_path, lease_seconds=LEASE_SECONDS, n_lists=N_LISTS
    ) as place:
        for instant in INSTANTS:
            task_faults.stand_still_at(place, instant)


@on_both
def test_workers_race_for_every_task(
    database: str, launch: Launch, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    with workplace(database, launch, tmp_path, lease_seconds=30) as place:
        figure(task_faults.race(place, n_workers=6, n_tasks=200))


@on_both
def test_workers_race_while_some_are_killed_or_stand_still(
    database: str,
    launch: Launch,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    with workplace(database, launch, tmp_path, lease_seconds=2.0) as place:
        figure(task_faults.race_with_faults(place, rng, n_workers=4, n_faults=20))


@on_both
def test_canceling_races_with_completion(
    database: str, launch: Launch, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    with workplace(database, launch, tmp_path, lease_seconds=30) as place:
        figure(asyncio.run(task_faults.cancel_while_they_end(place, n_tasks=60)))


@on_both
def test_poison_ends_after_five_workers(
    database: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    launch = partial(launch_process, module=ALTERED)  # what it spawns is altered too
    with workplace(database, launch, tmp_path, lease_seconds=15.0) as place:
        figure(task_faults.stop_poison(place, n_others=10))


@on_both
def test_progress_is_seen(database: str, tmp_path: Path, figure: Callable[[str], None]) -> None:
    launch = partial(launch_process, module=ALTERED)
    with workplace(database, launch, tmp_path, lease_seconds=60) as place:
        figure(asyncio.run(task_faults.watch_progress(place, n_steps=1000)))


@pytest.mark.needs_own_postgres
def test_a_database_that_restarts(
    durable_postgres: DurablePostgres,
    postgres: str,
    launch: Launch,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    with workplace(
        postgres, launch, tmp_path, lease_seconds=LEASE_SECONDS, n_lists=N_LISTS
    ) as place:
        figure(task_faults.outlast_restarts(place, durable_postgres, rng, n_times=10))
