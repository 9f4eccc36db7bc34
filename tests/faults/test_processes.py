"""Processes that are killed, stopped, raced and started beside each other (quick)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.torture import racing
from tests.torture.harness import assert_quiet, ports_of, serving_many
from tests.torture.killing import survive_kills
from tests.torture.nursery import Nursery
from tests.torture.revoking import revoke_under_use
from tests.torture.shopping import shop_while_servers_die
from tests.torture.stopping import stop_under_load

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgres_url"], indirect=True)


@BOTH
def test_kills_under_load_lose_and_double_nothing(
    database: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    run = survive_kills(database, rng, nursery.launch, n_kills=8, pause_seconds=0.02)
    figure(asyncio.run(run))


def test_stops_under_load_answer_what_is_under_way(
    sqlite: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    run = stop_under_load(
        sqlite, rng, nursery.launch, n_times=3, drain_seconds=0.3, with_trickle=False
    )
    figure(asyncio.run(run))


@BOTH
def test_every_race_has_one_winner(
    database: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    n_keys = 12

    async def race(ports: list[int]) -> None:
        await racing.race_for_marks(ports, n_keys, rng)
        await racing.race_for_events(ports, n_keys, rng)
        await racing.race_with_other_content(ports, n_keys, rng)
        await racing.race_for_idempotency_keys(ports, n_keys, rng)
        await racing.race_to_delete_and_send_again(ports, n_keys, rng)

    with serving_many(2, database, launch=nursery.launch) as servers:
        asyncio.run(race(ports_of(servers)))
        assert_quiet(*servers)
    figure(f"{n_keys} keys a race: {racing.check_rows(database, None)}")


@pytest.mark.parametrize(
    ("database", "n_servers"), [("sqlite", 1), ("postgres_url", 2)], indirect=["database"]
)
def test_all_processes_learn_what_the_log_says(
    database: str,
    n_servers: int,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    run = shop_while_servers_die(
        database, rng, nursery.launch, n_servers=n_servers, n_shoppers=4, n_searches=8, n_kills=3
    )
    figure(asyncio.run(run))


def test_a_revoked_key_is_refused_everywhere_within_a_second(
    sqlite: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    flags = ("--failed-logins-per-minute", "0")
    with serving_many(2, sqlite, *flags, launch=nursery.launch) as servers:
        figure(asyncio.run(revoke_under_use(sqlite, ports_of(servers), rng)))
