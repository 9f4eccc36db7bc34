"""A key that is revoked stops working everywhere, soon."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from contextlib import closing

from desirepath.domain.clock import SystemClock
from desirepath.storage.open import open_storage
from tests.torture.harness import RECORD, Client, run_command

REVOKED_SECONDS = 1.0


async def revoke_under_use(database: str, ports: Sequence[int], rng: random.Random) -> str:
    """Use a new key in every process all the time, revoke it, and see when the last 200 came."""
    made = json.loads(await asyncio.to_thread(_make_key, database))
    answered: list[tuple[float, int, int]] = []
    is_revoked = asyncio.Event()

    async def use(port: int) -> None:
        client = Client(port, made["key"])
        while not (is_revoked.is_set() and answered and answered[-1][0] > revoked_at + 1.5):
            sent = time.monotonic()
            body = {"feature_id": "d", "interaction_type": ["view"], "position": 0}
            reply = await client.request("POST", RECORD, body)
            assert reply.status in (200, 401), reply
            answered.append((sent, reply.status, port))
            await asyncio.sleep(0.005)
        await client.close()

    revoked_at = float("inf")
    users = [asyncio.create_task(use(port)) for port in ports for _ in range(2)]
    while len({port for _, status, port in answered if status == 200}) < len(ports):
        await asyncio.sleep(0.02)
    await asyncio.sleep(rng.uniform(0.5, 1.5))
    await asyncio.to_thread(_revoke, database, made["key_id"])
    revoked_at = time.monotonic()
    is_revoked.set()
    await asyncio.gather(*users)
    last = {
        port: max(sent for sent, status, at in answered if status == 200 and at == port)
        for port in ports
    }
    slowest = max(moment - revoked_at for moment in last.values())
    assert slowest <= REVOKED_SECONDS, f"still good {slowest:.2f} s after it was revoked"
    assert all(any(status == 401 and at == port for _, status, at in answered) for port in ports)
    return (
        f"{len(ports)} processes, {len(answered):,} requests: the last one that was let in was "
        f"sent {slowest:.3f} s after the key was revoked"
    )


def _make_key(database: str) -> str:
    return run_command("keys", "create", "--kind", "server", "--json", database=database)


def _revoke(database: str, key_id: str) -> None:
    with closing(open_storage(database, SystemClock())) as storage, storage.write() as session:
        assert session.catalog.revoke_key(key_id, session.now())
