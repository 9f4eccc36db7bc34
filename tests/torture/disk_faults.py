"""A disk that fails, is full, or is slow, while readers and writers go on."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.torture.harness import (
    RECORD,
    Client,
    Launch,
    Ledger,
    Load,
    NotStarted,
    assert_quiet,
    check_integrity,
    clients,
    launch_process,
    percentile,
    serving,
    serving_beside,
    settle,
    stored_ids,
    until,
    verify,
    writing,
)

SYNC = "fsync,fdatasync"


class Watch:
    """Requests that must go on being answered, and how long they took."""

    def __init__(self) -> None:
        self.statuses: dict[str, Counter[int]] = {}
        self.seconds: dict[str, list[float]] = {}

    async def look(self, port: int, name: str, path: str) -> None:
        """Ask for a path again and again."""
        statuses = self.statuses.setdefault(name, Counter())
        seconds = self.seconds.setdefault(name, [])
        client = Client(port)
        try:
            while True:
                started = time.monotonic()
                statuses[(await client.get(path)).status] += 1
                seconds.append(time.monotonic() - started)
                await asyncio.sleep(0.02)
        finally:
            await client.close()


@asynccontextmanager
async def watching(port: int, **paths: str) -> AsyncIterator[Watch]:
    """Ask for named paths while the block runs, each on a connection of its own."""
    watch = Watch()
    tasks = [asyncio.create_task(watch.look(port, name, path)) for name, path in paths.items()]
    try:
        yield watch
        await asyncio.sleep(0.1)
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def injecting(log: Path, fault: str, module: str = "desirepath") -> Launch:
    """Start a server whose system calls fail as ``strace --inject`` says."""
    calls = fault.partition(":")[0]
    wrapper = ("strace", "-f", "-o", str(log), "-e", f"trace={calls}", "-e", f"inject={fault}")
    return functools.partial(launch_process, wrapper=wrapper, module=module)


def n_injected(log: Path) -> int:
    return log.read_text(errors="replace").count("(INJECTED)")


async def survive_failing_calls(
    database: str, rng: random.Random, log: Path, fault: str, *, n_faults: int, error_status: int
) -> str:
    """Let system calls of the writing thread fail for a while, and prove that nobody was misled.

    ``fault`` begins with the calls, and ``when=5..14`` of it counts for each thread by itself.
    """
    with serving(database) as server:  # makes the file: few calls are left for the main thread
        server.stop()
    ledger = Ledger()
    with serving(database, launch=injecting(log, fault)) as server:
        ports = [server.port]
        load = Load(ledger, ports, rng, n_writers=4)
        async with writing(load):
            await until(is_acked(ledger, 1), 20)
            first = next(iter(ledger.acked.values()))
            async with watching(server.port, read=f"{RECORD}/{first}", live="/livez") as watch:

                async def is_over() -> bool:
                    return n_injected(log) >= n_faults

                await until(is_over, 60)
                seconds = await until(is_acked(ledger, len(ledger.acked) + 20), 15)
        assert set(ledger.statuses) <= {200, error_status}, ledger.statuses
        assert ledger.statuses[error_status] > 0, ledger.statuses
        assert set(watch.statuses["read"]) == {200}, watch.statuses
        assert set(watch.statuses["live"]) == {200}, watch.statuses
        n_errors = ledger.statuses[error_status]
        await verify(ledger, ports, database)  # what was refused is not there either
        await settle(ledger, ports)
        line = await verify(ledger, ports, database)
        assert_quiet(server)
    return (
        f"{n_injected(log)} failed calls, {n_errors} answers of {error_status}, 20 more "
        f"acknowledged {seconds:.2f} s after the last; {line}"
    )


async def survive_broken_disk(database: str, log: Path) -> str:
    """No sync works any more: nothing is promised, the server says so, and reads go on."""
    event = {"interaction_type": ["click"], "position": 0}
    async with serving_beside(database) as server, clients([server.port]) as (client,):
        before = (await client.post({**event, "feature_id": "before"})).json()["interaction_id"]
        await asyncio.to_thread(server.stop)
    launch = injecting(log, f"{SYNC}:error=EIO")
    async with (
        serving_beside(database, launch=launch) as server,
        clients([server.port]) as (client,),
    ):
        for number in range(20):
            name = f"event-{number}"
            reply = await client.post({**event, "feature_id": name, "event_id": name})
            assert reply.status == 503, reply
            assert reply.headers["retry-after"]
            assert (await client.get(f"{RECORD}/{before}")).status == 200

        async def is_not_ready() -> bool:
            return (await client.get("/readyz")).status == 503

        seconds = await until(is_not_ready, 5)
        assert (await client.get("/livez")).status == 200
        assert list(stored_ids(database)) == ["before"]
        assert_quiet(server)
    return (
        f"{n_injected(log)} syncs failed: 20 answers of 503 and no promise, not ready after "
        f"{seconds:.1f} s, reads go on"
    )


def is_acked(ledger: Ledger, n_acked: int) -> Callable[[], asyncio.Future[bool]]:
    """A condition: so many events are acknowledged."""

    def look() -> asyncio.Future[bool]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(len(ledger.acked) >= n_acked)
        return future

    return look


async def survive_one_failure(database: str, log: Path, fault: str, rng: random.Random) -> int:
    """Send requests one after another through a server with one fault; how often it struck."""
    with serving(database) as server:
        server.stop()
    ledger = Ledger()
    launch = injecting(log, fault, "tests.torture.altered_server")
    try:
        with serving(database, launch=launch, TORTURE_WAL_PAGES="10") as server:
            load = Load(ledger, [server.port], rng, n_writers=1, retry=0, pause_seconds=0.001)
            async with writing(load):
                await until(is_acked(ledger, 12), 20)
            assert set(ledger.statuses) <= {200, 503, 507}, ledger.statuses
            await verify(ledger, [server.port], database)
            await settle(ledger, [server.port])
            await verify(ledger, [server.port], database)
            assert_quiet(server)
    except NotStarted as error:  # the fault struck at the start: one sentence, and no harm
        said = str(error)
    else:
        said = "Error: none"
    assert "Error: " in said
    assert "Traceback" not in said
    check_integrity(database)
    return n_injected(log)


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Callable[[int], None]]:
    """Mount a disk of a few MiB; the function it gives makes it larger."""
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "desirepath-torture", str(folder)],
        check=True,
    )

    def resize(to: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={to}m", str(folder)], check=True)

    try:
        yield resize
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def survive_full_disk(folder: Path, rng: random.Random, launch: Launch) -> str:
    """Fill the disk under load, go on for a while, give it space, and wait for it to recover."""
    with small_disk(folder, 4) as resize:
        database = f"sqlite:///{folder}/desirepath.db"
        ledger = Ledger()
        with serving(database, launch=launch) as server:
            ports = [server.port]
            load = Load(ledger, ports, rng, pause_seconds=0.002)
            async with writing(load):

                async def is_full() -> bool:
                    return ledger.statuses[507] + ledger.statuses[503] >= 20

                await until(is_acked(ledger, 1), 20)
                first = next(iter(ledger.acked.values()))
                await until(is_full, 60)
                n_before = len(ledger.acked)
                async with watching(server.port, read=f"{RECORD}/{first}") as watch:
                    await asyncio.sleep(2)
                    free = os.statvfs(folder)
                    resize(64)
                    seconds = await until(is_acked(ledger, len(ledger.acked) + 50), 30)
            assert set(ledger.statuses) <= {200, 503, 507}, ledger.statuses
            assert ledger.statuses[507] > 0
            assert set(watch.statuses["read"]) == {200}, watch.statuses
            assert seconds <= 5, f"recovered {seconds:.1f} s after there was space"
            statuses = dict(ledger.statuses)
            await verify(ledger, ports, database)
            await settle(ledger, ports)
            line = await verify(ledger, ports, database)
    return (
        f"{n_before:,} acknowledged when full ({free.f_bavail * free.f_frsize} bytes free), "
        f"{statuses[507]} answers of 507 and {statuses.get(503, 0)} of 503, reads p99 "
        f"{percentile(watch.seconds['read'], 0.99) * 1000:.0f} ms; recovered "
        f"{seconds:.2f} s after growing, without a restart; {line}"
    )
