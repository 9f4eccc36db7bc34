"""Kill processes while they write: what was acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from pathlib import Path

from tests.torture.harness import (
    Launch,
    Ledger,
    Load,
    Server,
    check_integrity,
    integrity_of,
    percentile,
    ports_of,
    settle,
    sqlite_path,
    verify,
    writing,
)

ALL_AT_ONCE = 0.2  # share of the kills that leave nobody


async def survive_kills(
    database: str,
    rng: random.Random,
    launch: Launch,
    *,
    n_kills: int,
    n_servers: int = 2,
    n_writers: int = 8,
    pause_seconds: float = 0.0,
) -> str:
    """``kill -9`` servers at random moments under concurrent writers, then run the common check.

    Returns
    -------
    str
        What happened, in one line.
    """
    ledger = Ledger()

    async def start() -> Server:
        return await asyncio.to_thread(Server, database, launch=launch)

    servers = [await start() for _ in range(n_servers)]
    load = Load(ledger, ports_of(servers), rng, n_writers, pause_seconds=pause_seconds)
    seconds_to_ready = []
    n_killed = n_times_all = 0
    try:
        async with writing(load):
            while n_killed < n_kills:
                await asyncio.sleep(rng.uniform(0.05, 0.4))
                everybody = rng.random() < ALL_AT_ONCE
                victims = list(range(n_servers)) if everybody else [rng.randrange(n_servers)]
                for victim in victims:
                    servers[victim].kill()
                n_killed += len(victims)
                if everybody:
                    n_times_all += 1
                    check_image(database)
                for victim in victims:
                    servers[victim].close()
                    servers[victim] = await start()
                    seconds_to_ready.append(servers[victim].seconds_to_ready)
                load.ports[:] = ports_of(servers)
        n_unknown = len(ledger.unknown)
        await settle(ledger, load.ports)
        line = await verify(ledger, load.ports, database)
    finally:
        for server in servers:
            server.close()
    return (
        f"{n_killed} kills ({n_times_all} times all at once), {n_unknown:,} requests without an "
        f"answer; {line}; restart p50 {percentile(seconds_to_ready, 0.5):.2f} s, "
        f"max {max(seconds_to_ready):.2f} s"
    )


def check_image(database: str) -> None:
    """While nobody runs: what lies on the disk is whole, looked at in a copy."""
    path = sqlite_path(database)
    if path is None:
        check_integrity(database)
        return
    with tempfile.TemporaryDirectory(prefix="dp-image-") as folder:
        for file in (path, path.with_name(path.name + "-wal")):
            if file.exists():
                shutil.copy(file, folder)
        assert integrity_of(Path(folder) / path.name) == ["ok"]
