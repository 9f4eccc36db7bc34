"""Record servers under load with ``strace``, then examine every power cut."""

from __future__ import annotations

import asyncio
import functools
import random
from pathlib import Path

from tests.torture.harness import Ledger, Load, launch_process, serving, writing
from tests.torture.power_cut import Findings, cuts, examine, strace_command


async def record(folder: Path, rng: random.Random, n_acked: int, **variables: str) -> Path:
    """Run a server under ``strace`` until so many answers of 200; returns the log."""
    log = folder / "strace.log"
    data = folder / "data"
    data.mkdir()
    launch = functools.partial(
        launch_process, wrapper=strace_command(log), module="tests.torture.altered_server"
    )
    ledger = Ledger()
    with serving(f"sqlite:///{data}/desirepath.db", launch=launch, **variables) as server:
        load = Load(ledger, [server.port], rng, n_writers=4)
        async with asyncio.timeout(120), writing(load):
            while ledger.statuses[200] < n_acked:
                await asyncio.sleep(0.01)
        server.kill()
    return log


def cut_power(
    folder: Path, rng: random.Random, n_acked: int, *, harder: bool = False, **variables: str
) -> Findings:
    """Record a server, and open what a power cut at each acknowledgement would have left."""
    log = asyncio.run(record(folder, rng, n_acked, **variables))
    scratch = folder / "scratch"
    scratch.mkdir()
    data = folder / "data"
    return examine(cuts(log, data, rng if harder else None), data / "desirepath.db", scratch)
