"""A backup taken under load holds everything that was acknowledged before it began."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from tests.torture.disk_faults import is_acked
from tests.torture.harness import (
    Launch,
    Ledger,
    Load,
    check_integrity,
    ports_of,
    query,
    read_back,
    run_command,
    serving_beside,
    serving_many,
    stored_ids,
    until,
    writing,
)


async def back_up_under_load(
    database: str, target: Path, rng: random.Random, launch: Launch, *, n_backups: int = 1
) -> str:
    """Back up while eight clients write through two servers, then serve from the copy."""
    ledger = Ledger()
    backup_seconds = []
    with serving_many(2, database, launch=launch) as servers:
        load = Load(ledger, ports_of(servers), rng, retry=1.0, pause_seconds=0.002)
        async with writing(load):
            await until(is_acked(ledger, 100), 30)
            for number in range(n_backups):
                copy = target.with_name(f"{target.name}-{number}")
                before = dict(ledger.acked)
                started = time.monotonic()
                await asyncio.to_thread(run_command, "backup", str(copy), database=database)
                backup_seconds.append(time.monotonic() - started)
                n_during = len(ledger.acked) - len(before)
        assert set(ledger.statuses) == {200}, ledger.statuses
    restored = f"sqlite:///{copy}"
    check_integrity(restored)
    stored = stored_ids(restored)
    missing = [name for name, id in before.items() if stored.get(name) != [id]]
    assert not missing, f"{len(missing)} of {len(before)} are not in the backup"
    assert all(len(ids) == 1 for ids in stored.values())
    for table in ("event_ids", "api_keys", "namespaces"):
        ((n_rows,),) = query(restored, f"SELECT count(*) FROM {table}")
        assert n_rows > 0, table
    started = time.monotonic()
    async with serving_beside(restored, launch=launch) as server:
        sample = rng.sample(sorted(before), min(len(before), 200))
        await read_back(ledger, [server.port], sample)
        seconds_to_serve = time.monotonic() - started
    return (
        f"{len(stored):,} rows copied in {max(backup_seconds):.2f} s while {n_during:,} were "
        f"recorded (slowest {ledger.slowest_seconds:.2f} s); all {len(before):,} acknowledged "
        f"before are in it; serving from the copy, 200 of them read, after {seconds_to_serve:.2f} s"
    )
