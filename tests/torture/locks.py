"""Somebody else holds the lock of the file, or the disk is slow: nobody else has to wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from desirepath.storage.sqlite.storage import driver
from tests.torture.disk_faults import injecting, is_acked, watching
from tests.torture.harness import (
    RECORD,
    Client,
    Launch,
    Ledger,
    Load,
    assert_quiet,
    percentile,
    serving,
    settle,
    sqlite_path,
    until,
    verify,
    writing,
)


@contextmanager
def locked(database: str) -> Iterator[None]:
    """The write lock of a file, held by somebody else."""
    with closing(driver.connect(str(sqlite_path(database)), timeout=10)) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def outlast_a_lock(
    database: str,
    rng: random.Random,
    launch: Launch,
    *,
    seconds: float,
    n_rubbish: int = 0,
    **variables: str,
) -> str:
    """Hold the lock for longer than writers wait for it, while readers read on.

    ``n_rubbish`` clients send what is refused, which is kept in the same file.
    """
    ledger = Ledger()
    with serving(database, launch=launch, **variables) as server:
        load = Load(ledger, [server.port], rng, retry=1.0, pause_seconds=0.005)
        async with writing(load):
            await until(is_acked(ledger, 20), 20)
            first = next(iter(ledger.acked.values()))
            async with (
                watching(server.port, read=f"{RECORD}/{first}", live="/livez") as watch,
                rubbish(server.port, n_rubbish),
            ):
                with locked(database):
                    await asyncio.sleep(seconds)
                freed = time.monotonic()
                await until(is_acked(ledger, len(ledger.acked) + 50), 30)
                healed_seconds = time.monotonic() - freed
        statuses = dict(ledger.statuses)
        assert set(statuses) == {200, 503}, statuses
        assert set(watch.statuses["read"]) == {200}, watch.statuses
        read_seconds = max(watch.seconds["read"])
        live_seconds = max(watch.seconds["live"])
        assert healed_seconds <= 5
        await verify(ledger, [server.port], database)
        await settle(ledger, [server.port])
        line = await verify(ledger, [server.port], database)
        assert_quiet(server)
    assert max(read_seconds, live_seconds) <= 1, (
        f"a read took {read_seconds:.1f} s, /livez {live_seconds:.1f} s"
    )
    return (
        f"locked for {seconds:g} s: {statuses[503]} answers of 503, slowest read "
        f"{read_seconds * 1000:.0f} ms, slowest /livez {live_seconds * 1000:.0f} ms; writes again "
        f"after {healed_seconds:.2f} s; {line}"
    )


@asynccontextmanager
async def rubbish(port: int, n_clients: int) -> AsyncIterator[None]:
    """Clients that send what is refused, again and again."""

    async def send() -> None:
        client = Client(port)
        try:
            while True:
                reply = await client.post({"feature_id": "x", "position": -1})
                assert reply.status == 422, reply
        finally:
            await client.close()

    tasks = [asyncio.create_task(send()) for _ in range(n_clients)]
    try:
        yield
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def endure_slow_syncs(
    database: str, rng: random.Random, log: Path, *, milliseconds: int, seconds: float
) -> str:
    """Every sync takes long: writes do, reads and ``/livez`` do not."""
    with serving(database) as server:
        server.stop()
    ledger = Ledger()
    fault = f"fsync,fdatasync:delay_exit={milliseconds * 1000}"
    with serving(database, launch=injecting(log, fault)) as server:
        load = Load(ledger, [server.port], rng, n_writers=16)
        async with writing(load):
            await until(is_acked(ledger, 1), 20)
            first = next(iter(ledger.acked.values()))
            async with watching(server.port, read=f"{RECORD}/{first}", live="/livez") as watch:
                await asyncio.sleep(seconds)
        assert set(ledger.statuses) == {200}, ledger.statuses
        assert ledger.n_duplicates == 0
        line = await verify(ledger, [server.port], database)
    read_seconds = percentile(watch.seconds["read"], 0.99)
    live_seconds = percentile(watch.seconds["live"], 0.99)
    assert ledger.slowest_seconds >= milliseconds / 1000
    assert max(read_seconds, live_seconds) < milliseconds / 1000
    return (
        f"syncs of {milliseconds} ms: slowest write {ledger.slowest_seconds:.2f} s, reads p99 "
        f"{read_seconds * 1000:.1f} ms, /livez p99 {live_seconds * 1000:.1f} ms; {line}"
    )
