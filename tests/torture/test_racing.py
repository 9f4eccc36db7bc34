"""P5, P6, P7: sixteen racers over four processes, a thousand keys, both databases."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from tests.torture import racing
from tests.torture.harness import assert_quiet, ports_of, run_command, serving_many, stored_ids
from tests.torture.nursery import Nursery

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]

N_KEYS = 1000
N_SERVERS = 4
Race = Callable[[Sequence[int], int, random.Random], Coroutine[Any, Any, None]]

RACE_TO_ROWS: dict[Race, int] = {
    racing.race_for_marks: 1,
    racing.race_for_events: 1,
    racing.race_with_other_content: 1,
    racing.race_for_events_in_batches: 8,
    racing.race_for_idempotency_keys: 1,
    racing.race_for_idempotency_keys_with_other_bodies: 1,
}


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("race", RACE_TO_ROWS, ids=lambda race: race.__name__)
def test_every_race_has_one_winner(
    race: Race,
    database: str,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    n_keys = N_KEYS if RACE_TO_ROWS[race] == 1 else N_KEYS // 8
    with serving_many(N_SERVERS, database, launch=nursery.launch) as servers:
        asyncio.run(race(ports_of(servers), n_keys, rng))
        assert_quiet(*servers)
    rows = racing.check_rows(database, n_keys * RACE_TO_ROWS[race])
    figure(f"{n_keys:,} keys, {racing.N_RACERS} racers, {N_SERVERS} processes: {rows}")


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_deleting_and_sending_again_at_once(
    database: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    with serving_many(N_SERVERS, database, launch=nursery.launch) as servers:
        try:
            asyncio.run(racing.race_to_delete_and_send_again(ports_of(servers), N_KEYS, rng))
        finally:
            assert_quiet(*servers)
    figure(f"{N_KEYS:,} events: {racing.check_rows(database, None)} left, each with its event_id")


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_no_namespace_sees_the_keys_of_another(
    database: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    run_command("namespaces", "create", "another", database=database)
    with serving_many(N_SERVERS, database, launch=nursery.launch) as servers:
        asyncio.run(
            racing.race_across_namespaces(ports_of(servers), ["default", "another"], N_KEYS, rng)
        )
    stored = stored_ids(database)
    assert {len(ids) for ids in stored.values()} == {2}
    figure(f"{len(stored):,} keys in two namespaces: two rows each")
