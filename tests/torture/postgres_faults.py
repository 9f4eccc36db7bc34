"""PostgreSQL ends connections, crashes, and commits without being able to say so."""

from __future__ import annotations

import asyncio
import random
import time

from tests.torture.disk_faults import is_acked
from tests.torture.durable_postgres import DurablePostgres
from tests.torture.harness import (
    Client,
    Launch,
    Ledger,
    Load,
    assert_quiet,
    clients,
    ports_of,
    serving_beside,
    serving_many,
    settle,
    stored_ids,
    until,
    verify,
    writing,
)
from tests.torture.proxy import proxied
from tests.torture.racing import click

HEAL_SECONDS = 5.0


async def survive_ended_connections(
    postgres: DurablePostgres, database: str, rng: random.Random, launch: Launch, n_times: int
) -> str:
    """``pg_terminate_backend`` on connections in use, again and again."""
    ledger = Ledger()
    with serving_many(2, database, launch=launch) as servers:
        ports = ports_of(servers)
        load = Load(ledger, ports, rng, retry=1.0, pause_seconds=0.005)
        async with writing(load):
            await until(is_acked(ledger, 10), 20)
            n_ended = 0
            while n_ended < n_times:
                await asyncio.sleep(rng.uniform(0.02, 0.08))
                n_ended += await asyncio.to_thread(postgres.terminate_one, database)
            heal_seconds = await until(is_acked(ledger, len(ledger.acked) + 50), 30)
        statuses = dict(ledger.statuses)
        assert set(statuses) <= {200, 503}, statuses
        assert heal_seconds < HEAL_SECONDS
        await settle(ledger, ports)
        line = await verify(ledger, ports, database)
        assert_quiet(*servers)
    return (
        f"{n_ended} connections ended, {statuses.get(503, 0)} answers of 503, healed in "
        f"{heal_seconds:.2f} s; {line}"
    )


async def survive_crashes(
    postgres: DurablePostgres, database: str, rng: random.Random, launch: Launch, n_times: int
) -> str:
    """``pg_ctl stop -m immediate`` under load, and a start a little later."""
    ledger = Ledger()
    heal_seconds = []
    with serving_many(2, database, launch=launch) as servers:
        ports = ports_of(servers)
        load = Load(ledger, ports, rng, retry=1.0, pause_seconds=0.005)
        async with writing(load):
            for _ in range(n_times):
                await until(is_acked(ledger, len(ledger.acked) + 20), 20)
                await asyncio.sleep(rng.uniform(0, 0.5))
                await asyncio.to_thread(postgres.stop, "immediate")
                await asyncio.sleep(rng.uniform(0, 1))
                async with clients(ports) as opened:
                    for client in opened:
                        assert (await client.get("/readyz", seconds=10)).status == 503
                await asyncio.to_thread(postgres.start)
                heal_seconds.append(await until(is_acked(ledger, len(ledger.acked) + 20), 30))
        statuses = dict(ledger.statuses)
        assert set(statuses) <= {200, 503}, statuses
        assert max(heal_seconds) < HEAL_SECONDS, heal_seconds
        await settle(ledger, ports)
        line = await verify(ledger, ports, database)
        assert_quiet(*servers)
    return (
        f"{n_times} crashes, {statuses.get(503, 0)} answers of 503, healed in at most "
        f"{max(heal_seconds):.2f} s; {line}"
    )


async def survive_lost_commits(
    database: str, rng: random.Random, launch: Launch, n_times: int
) -> str:
    """The reply to COMMIT is lost: stored, and nobody knows. Sent again, it is one row."""
    ledger = Ledger()
    # The server makes its defaults before the proxy begins to lose answers.
    async with (
        proxied(database) as (proxy, url),
        serving_beside(url, launch=launch) as server,
    ):
        proxy.decide = lambda: rng.random() < 0.05
        load = Load(ledger, [server.port], rng, retry=1.0)

        async def is_enough() -> bool:
            return proxy.n_dropped >= n_times

        async with writing(load):
            await until(is_enough, 120)
            proxy.decide = lambda: False
            started = time.monotonic()
            await until(is_acked(ledger, len(ledger.acked) + 50), 30)
            heal_seconds = time.monotonic() - started
        statuses = dict(ledger.statuses)
        assert set(statuses) <= {200, 503}, statuses
        assert heal_seconds < HEAL_SECONDS
        await settle(ledger, [server.port])
        line = await verify(ledger, [server.port], database)
        assert_quiet(server)
    assert ledger.n_duplicates > 0
    return (
        f"{proxy.n_dropped} of {proxy.n_commits:,} replies to COMMIT lost, "
        f"{statuses.get(503, 0)} answers of 503, healed in {heal_seconds:.2f} s; {line}"
    )


async def nothing_is_sent_twice_by_the_server(
    database: str, rng: random.Random, launch: Launch, n_events: int
) -> str:
    """Events without an event_id whose commit is unknown: stored at most once for each POST.

    Nothing protects such an event from its sender's own retry, and the server must not retry for
    it: whatever the answer, one request leaves at most one row, and one if it was acknowledged.
    """
    statuses: dict[str, int] = {}
    async with (
        proxied(database) as (proxy, url),
        serving_beside(url, launch=launch) as server,
    ):
        proxy.decide = lambda: rng.random() < 0.3

        async def send(names: list[str]) -> None:
            client = Client(server.port)
            for name in names:
                reply = await client.post(click(name))
                statuses[f"doc-{name}"] = reply.status
            await client.close()

        names = [f"plain-{number}" for number in range(n_events)]
        await asyncio.gather(*(send(names[part::16]) for part in range(16)))
    stored = stored_ids(database)
    twice = [name for name, ids in stored.items() if len(ids) > 1]
    assert not twice, f"{len(twice)} of {n_events} single POSTs are stored twice"
    assert all(name in stored for name, status in statuses.items() if status == 200)
    assert set(statuses.values()) == {200, 503}, set(statuses.values())
    n_unknown = sum(status == 503 for status in statuses.values())
    return f"{proxy.n_dropped} lost commits, {n_unknown} of {n_events} answered 503, 0 stored twice"
