"""Step the clock of a server while it records: nothing is lost, and no event is there twice."""

from __future__ import annotations

import asyncio
import functools
import random
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.torture.disk_faults import is_acked
from tests.torture.harness import (
    Client,
    Ledger,
    Load,
    Server,
    assert_quiet,
    settle,
    until,
    verify,
    writing,
)

_EDGE_OF_2038 = datetime(2038, 1, 19, 3, 14, 6, tzinfo=UTC)  # a second before 2³¹


def steps() -> list[tuple[str, str]]:
    """(name, offset as libfaketime reads it), in the order they are made."""
    to_2038 = int(_EDGE_OF_2038.timestamp() - time.time())
    return [
        ("an hour back", "-3600"),
        ("a day ahead", "+86400"),
        ("2038", f"+{to_2038}"),
        ("and home", "+0"),
        ("a minute back", "-60"),
        ("home", "+0"),
    ]


class Clock:
    """The offset that a server reads again at each look at the clock."""

    def __init__(self, file: Path, library: Path) -> None:
        self._file = file
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_TIMESTAMP_FILE": str(file),
        }
        self.step("+0")

    def step(self, offset: str) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(offset + "\n")
        fresh.replace(self._file)


async def survive_clock_steps(
    database: str, clock: Clock, rng: random.Random, *, seconds_each: float
) -> str:
    """Write through a server whose clock is stepped and one whose clock is right."""
    start = functools.partial(Server, database)
    stepped = await asyncio.to_thread(functools.partial(start, **clock.variables))
    steady = await asyncio.to_thread(start)
    ledger = Ledger()
    try:
        ports = [stepped.port, steady.port]
        load = Load(ledger, ports, rng, retry=1.0, pause_seconds=0.002)
        sent_again = 0
        years = set[str]()
        async with writing(load):
            for _, offset in steps():
                await until(is_acked(ledger, len(ledger.acked) + 50), 20)
                clock.step(offset)
                await asyncio.sleep(seconds_each)
                sent_again += await send_again(ledger, stepped.port, rng, 40)
                years.add(await year_seen(stepped.port))
            await until(is_acked(ledger, len(ledger.acked) + 50), 20)
        assert set(ledger.statuses) == {200}, ledger.statuses
        assert "2038" in years, f"the clock was never stepped: {years}"
        await settle(ledger, ports)
        line = await verify(ledger, ports, database)
        assert_quiet(stepped, steady)
        assert await asyncio.to_thread(stepped.stop) == 0
    finally:
        stepped.close()
        steady.close()
    named = ", ".join(name for name, _ in steps())
    return f"{named}; {sent_again} events sent again; {line}"


async def send_again(ledger: Ledger, port: int, rng: random.Random, n_events: int) -> int:
    """Send acknowledged events once more: each must be known by its event_id."""
    names = [name for name in ledger.acked if "event_id" in ledger.name_to_event[name]]
    client = Client(port)
    for name in rng.sample(names, min(n_events, len(names))):
        reply = await client.post(ledger.name_to_event[name])
        assert reply.status == 200, reply
        answer = reply.json()
        assert answer["deduplicated"] is True
        assert answer["interaction_id"] == ledger.acked[name]
    await client.close()
    return min(n_events, len(names))


async def year_seen(port: int) -> str:
    """The year in which the server records now."""
    client = Client(port)
    name = f"year-{time.monotonic_ns()}"
    reply = await client.post({"feature_id": name, "interaction_type": ["view"], "position": 0})
    await client.close()
    assert reply.status == 200
    return str(reply.json()["timestamp"])[:4]
