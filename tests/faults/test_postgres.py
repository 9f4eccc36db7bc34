"""PostgreSQL that ends connections and loses its last words (quick)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from tests.torture.durable_postgres import DurablePostgres
from tests.torture.nursery import Nursery
from tests.torture.postgres_faults import (
    nothing_is_sent_twice_by_the_server,
    survive_ended_connections,
)


def test_connections_that_are_ended(
    postgres_url: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    postgres = DurablePostgres(postgres_url)
    run = survive_ended_connections(postgres, postgres_url, rng, nursery.launch, 8)
    figure(asyncio.run(run))


def test_an_unknown_commit_is_not_repeated_by_the_server(
    postgres_url: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    run = nothing_is_sent_twice_by_the_server(postgres_url, rng, nursery.launch, 200)
    figure(asyncio.run(run))
