"""SIGTERM under load: say so at once, answer what is under way, end in time and in order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.torture.harness import (
    ADMIN_KEY,
    RECORD,
    Client,
    Launch,
    Ledger,
    Load,
    NoAnswer,
    Server,
    assert_quiet,
    percentile,
    settle,
    verify,
    writing,
)

EXIT_SECONDS = 10.0
NOTICE_SECONDS = 0.5  # a probe every 20 ms on a busy machine
_BEGINNING = (
    f"POST {RECORD} HTTP/1.1\r\nHost: local\r\nAuthorization: Bearer {ADMIN_KEY}\r\n"
    "Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
).encode()
"""Of a request whose body is never sent to its end."""


async def stop_under_load(
    database: str,
    rng: random.Random,
    launch: Launch,
    *,
    n_times: int,
    drain_seconds: float,
    with_trickle: bool = True,
) -> str:
    """Stop servers with SIGTERM while clients write, and while one trickles and never ends.

    With a drain, the clients behave like a proxy: they send nothing new once ``/readyz`` says so,
    and then not one request may stay without an answer. Without one they go on to the end.
    """
    ledger = Ledger()
    notice_seconds: list[float] = []
    exit_seconds: list[float] = []
    flags = ("--drain-seconds", str(drain_seconds))
    for number in range(n_times):
        server = await asyncio.to_thread(functools.partial(Server, database, *flags, launch=launch))
        try:
            load = Load(ledger, [server.port], rng, retry=0, pause_seconds=0.005)
            n_lost = len(ledger.lost)
            async with (
                writing(load),
                hanging(server.port, trickles=with_trickle and number % 8 == 0),
            ):
                await asyncio.sleep(rng.uniform(0.1, 0.5))
                started = time.monotonic()
                server.terminate()
                if drain_seconds:
                    notice_seconds.append(await seconds_until_not_ready(server.port, started))
                    assert notice_seconds[-1] < NOTICE_SECONDS
                    load.stopped.set()
                code = await asyncio.to_thread(server.process.wait, EXIT_SECONDS + 5)
            exit_seconds.append(time.monotonic() - started)
            assert code == 0, f"exit code {code}"
            assert exit_seconds[-1] <= EXIT_SECONDS + drain_seconds
            assert_quiet(server)
            if drain_seconds:
                assert len(ledger.lost) == n_lost, "a request that was accepted has no answer"
        finally:
            server.close()
    n_lost = len(ledger.lost)
    server = await asyncio.to_thread(functools.partial(Server, database, launch=launch))
    try:
        await settle(ledger, [server.port])
        line = await verify(ledger, [server.port], database)
    finally:
        server.close()
    noticed = f"not ready after at most {max(notice_seconds):.3f} s, " if notice_seconds else ""
    return (
        f"{n_times} stops: {noticed}exit 0 after p50 {percentile(exit_seconds, 0.5):.2f} s, at "
        f"most {max(exit_seconds):.2f} s; {n_lost} requests without an answer; {line}"
    )


async def seconds_until_not_ready(port: int, started: float) -> float:
    """How long after ``started`` the readiness probe turns to 503."""
    client = Client(port)
    try:
        while (await client.get("/readyz", seconds=5)).status == 200:
            assert time.monotonic() - started < EXIT_SECONDS
            await asyncio.sleep(0.02)
        return time.monotonic() - started
    finally:
        await client.close()


@asynccontextmanager
async def hanging(port: int, *, trickles: bool) -> AsyncIterator[None]:
    """Hold a silent connection, an idle one, and perhaps a body that never ends."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    idle = Client(port)
    await idle.get("/livez")
    if trickles:
        streams[0][1].write(_BEGINNING)
    try:
        yield
    finally:
        await idle.close()
        for _, writer in streams:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def stop_while_a_body_trickles(server: Server) -> float:
    """SIGTERM with a request that never ends; how long the server takes to end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(_BEGINNING)
    await asyncio.sleep(0.2)
    started = time.monotonic()
    server.terminate()

    async def trickle() -> None:
        with contextlib.suppress(OSError, NoAnswer):
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.2)

    task = asyncio.create_task(trickle())
    try:
        code = await asyncio.to_thread(server.process.wait, EXIT_SECONDS + 5)
    finally:
        task.cancel()
        writer.close()
    assert code == 0, f"exit code {code}"
    return time.monotonic() - started
