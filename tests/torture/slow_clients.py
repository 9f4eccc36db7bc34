"""Clients that take their time, and clients that send too much, beside those that behave."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

from tests.torture.harness import ADMIN_KEY, RECORD, Client, Requests, percentile

_HEAD = (
    f"POST {RECORD} HTTP/1.1\r\nHost: local\r\nAuthorization: Bearer {ADMIN_KEY}\r\n"
    "Content-Type: application/json\r\n"
)
_BEGINNINGS = {
    "half a head": _HEAD.encode(),
    "a body byte by byte": (_HEAD + "Content-Length: 5000\r\n\r\n{").encode(),
    "silent": b"",
}


@dataclass
class SlowClients:
    """Connections that are never done, each opened again when the server ends it."""

    port: int
    n_clients: int
    n_open: int = 0
    kind_to_seconds: dict[str, list[float]] = field(default_factory=dict)
    """How long the server put up with each connection that it ended."""

    async def run(self, number: int) -> None:
        kind = list(_BEGINNINGS)[number % len(_BEGINNINGS)]
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            started = time.monotonic()
            self.n_open += 1
            try:
                writer.write(_BEGINNINGS[kind])
                while await self._is_open(reader, 1.0):
                    if kind != "silent":
                        writer.write(b"x")
            except ConnectionError:
                pass
            finally:
                self.n_open -= 1
                writer.close()
            self.kind_to_seconds.setdefault(kind, []).append(time.monotonic() - started)

    @staticmethod
    async def _is_open(reader: asyncio.StreamReader, seconds: float) -> bool:
        """Wait; whether the connection outlived it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await reader.read(4096):
                    pass
                return False
        return True


@asynccontextmanager
async def slow_clients(port: int, n_clients: int) -> AsyncIterator[SlowClients]:
    """So many slow connections for as long as the block lasts."""
    slow = SlowClients(port, n_clients)
    tasks = [asyncio.create_task(slow.run(number)) for number in range(n_clients)]
    try:
        yield slow
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def well_behaved(port: int, rng: random.Random, seconds: float) -> list[float]:
    """Latencies of four clients that write and read."""
    latencies: list[float] = []
    end = time.monotonic() + seconds

    async def use(requests: Requests) -> None:
        client = Client(port)
        while time.monotonic() < end:
            sent = requests.next()
            started = time.monotonic()
            reply = await client.request("POST", sent.path, sent.body)
            assert reply.status == 200, reply
            interaction_id = reply.json()["interaction_id"]
            assert (await client.get(f"{RECORD}/{interaction_id}")).status == 200
            latencies.append((time.monotonic() - started) / 2)
            await asyncio.sleep(0.01)
        await client.close()

    generators = [Requests(random.Random(rng.getrandbits(64)), ("event",)) for _ in range(4)]
    await asyncio.gather(*(use(requests) for requests in generators))
    return latencies


async def endure_slow_clients(
    port: int, rng: random.Random, *, n_clients: int, seconds: float, request_seconds: float
) -> tuple[float, str]:
    """The ratio of the others' p99 with and without slow clients, and the figures in words."""
    await well_behaved(port, rng, 1)
    before = await well_behaved(port, rng, seconds / 2)
    async with slow_clients(port, n_clients) as slow:
        while slow.n_open < n_clients:
            await asyncio.sleep(0.05)
        beside = await well_behaved(port, rng, seconds)
    after = await well_behaved(port, rng, seconds / 2)
    baseline = percentile(before + after, 0.99)
    ratio = percentile(beside, 0.99) / baseline
    longest = {kind: max(found) for kind, found in slow.kind_to_seconds.items()}
    assert set(longest) == set(_BEGINNINGS), longest
    assert max(longest.values()) <= request_seconds + 3, longest
    n_ended = sum(map(len, slow.kind_to_seconds.values()))
    return ratio, (
        f"{n_clients} slow clients for {seconds:.0f} s: p99 of the others "
        f"{baseline * 1000:.1f} ms without, {percentile(beside, 0.99) * 1000:.1f} ms with them "
        f"({ratio:.2f} times); {n_ended} slow connections ended, after at most "
        f"{max(longest.values()):.1f} s with request_seconds {request_seconds:g}"
    )


async def send_too_much(port: int, pid: int, *, n_at_once: int, mebibytes: int) -> str:
    """Bodies without end: answered 413 early, and not kept in memory."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    peak = before
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.01)

    watcher = asyncio.create_task(watch())
    sent = await asyncio.gather(*(_send_without_end(port, mebibytes) for _ in range(n_at_once)))
    done.set()
    await watcher
    statuses = Counter(status for status, _ in sent)
    assert set(statuses) == {413}, statuses
    growth = (peak - before) / (1 << 20)
    limit = 8 if n_at_once == 1 else 64
    assert growth <= limit, f"grew by {growth:.1f} MiB"
    most = max(n_bytes for _, n_bytes in sent) / (1 << 20)
    return (
        f"{n_at_once} bodies of {mebibytes} MiB in chunks: 413 before {most:.2f} MiB were sent, "
        f"the kernel's buffers included; memory {growth:+.1f} MiB"
    )


async def _send_without_end(port: int, mebibytes: int) -> tuple[int, int]:
    """The status, and how much was sent before it came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write((_HEAD + "Transfer-Encoding: chunked\r\n\r\n").encode())
    answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    chunk = b"10000\r\n" + b" " * (1 << 16) + b"\r\n"
    n_before_answer = n_sent = 0
    with contextlib.suppress(ConnectionError):
        while n_sent < mebibytes << 20:
            writer.write(chunk)
            await writer.drain()
            n_sent += 1 << 16
            if not answer.done():
                n_before_answer = n_sent
    head = await answer
    writer.close()
    return int(head.split(b" ", 2)[1]), n_before_answer
