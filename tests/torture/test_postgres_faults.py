"""P13: connections that end, servers that crash, commits that nobody confirms."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.torture import postgres_faults
from tests.torture.durable_postgres import DurablePostgres
from tests.torture.nursery import Nursery

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]


def test_connections_that_are_ended(
    durable_postgres: DurablePostgres,
    postgres: str,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    run = postgres_faults.survive_ended_connections(
        durable_postgres, postgres, rng, nursery.launch, 100
    )
    figure(asyncio.run(run))


@pytest.mark.needs_own_postgres
def test_a_server_that_crashes(
    durable_postgres: DurablePostgres,
    postgres: str,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    run = postgres_faults.survive_crashes(durable_postgres, postgres, rng, nursery.launch, 10)
    figure(asyncio.run(run))


def test_commits_whose_confirmation_is_lost(
    postgres: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    figure(asyncio.run(postgres_faults.survive_lost_commits(postgres, rng, nursery.launch, 100)))


def test_an_unknown_commit_is_not_repeated_by_the_server(
    postgres: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    figure(
        asyncio.run(
            postgres_faults.nothing_is_sent_twice_by_the_server(postgres, rng, nursery.launch, 1000)
        )
    )
