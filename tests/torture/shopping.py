"""Shoppers spread over processes that die: everybody serves the same weights, those of the log."""

from __future__ import annotations

import asyncio
import random
from contextlib import closing
from typing import Any

from desirepath.domain.clock import SystemClock
from desirepath.engine.learning.adding import CLOSED
from desirepath.methods.bandits.packing import pack, unpack
from desirepath.methods.bandits.sums import add, n_lists, nothing
from desirepath.storage.open import open_storage
from tests.torture.harness import (
    RECORD,
    Client,
    Launch,
    NoAnswer,
    Reply,
    Server,
    check_integrity,
    ports_of,
    run_command,
)

FEATURES = ("text://title", "text://body", "vector://image")
SHOP = "/v1/retrievers/shop"
FUSION = f"{SHOP}/learned-fusion"
TYPES = ("impression", "click", "purchase", "skip", "view")
RETRIEVER = {
    "retriever_name": "shop",
    "stages": [
        {
            "stage_name": "find",
            "config": {
                "stage_id": "feature_search",
                "parameters": {
                    "fusion": "learned",
                    "searches": [
                        {"feature_uri": uri, "query": "{{INPUT.query}}"} for uri in FEATURES
                    ],
                },
            },
        }
    ],
}


class Shop:
    """Ports that change as servers come and go, and what was done."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.ports: list[int] = []
        self.n_searches = self.n_acts = self.n_deleted = 0

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask some server until one answers; 409 says that a lost answer was a yes."""
        while True:
            client = Client(self.rng.choice(self.ports))
            try:
                reply: Reply = await client.request(method, path, body)
            except NoAnswer:
                await asyncio.sleep(0.05)
                continue
            finally:
                await client.close()
            if reply.status == 503:
                await asyncio.sleep(0.05)
                continue
            assert reply.status in (200, 409), reply.body
            return reply.json()

    async def search(self, user_id: str) -> tuple[str, list[str]]:
        """Search with candidates of one's own; the execution and what it showed."""
        body = {
            "inputs": {"query": "shoe"},
            "user_id": user_id,
            "session_id": f"session-{user_id}",
            "candidates": {
                uri: [
                    {"document_id": f"doc_{n}", "score": self.rng.random()}
                    for n in self.rng.sample(range(30), 10)
                ]
                for uri in FEATURES
            },
        }
        answer = await self.ask("POST", f"{SHOP}/execute", body)
        self.n_searches += 1
        return answer["execution_id"], [one["document_id"] for one in answer["documents"]]

    async def act(self, execution_id: str, shown: list[str]) -> str:
        """Do something with a document; what is sent again is stored once."""
        position = self.rng.randrange(len(shown))
        body = {
            "feature_id": shown[position],
            "interaction_type": [self.rng.choice(TYPES)],
            "position": position,
            "execution_id": execution_id,
            "event_id": f"{self.rng.getrandbits(64):x}",
        }
        answer = await self.ask("POST", RECORD, body)
        self.n_acts += 1
        return str(answer["interaction_id"])

    async def shopper(self, user_id: str, n_searches: int) -> None:
        """Search, act, and now and then take it back."""
        for _ in range(n_searches):
            execution_id, shown = await self.search(user_id)
            for _ in range(self.rng.randint(0, 4)):
                interaction_id = await self.act(execution_id, shown)
                if interaction_id.startswith("int_") and self.rng.random() < 0.1:
                    await self.ask("DELETE", f"{RECORD}/{interaction_id}")
                    self.n_deleted += 1


async def shop_while_servers_die(
    database: str,
    rng: random.Random,
    launch: Launch,
    *,
    n_servers: int,
    n_shoppers: int,
    n_searches: int,
    n_kills: int,
) -> str:
    """Let shoppers search and click while servers are killed, and while all is learned again.

    Returns
    -------
    str
        What happened, in one line.
    """
    shop = Shop(rng)

    async def start() -> Server:
        return await asyncio.to_thread(Server, database, launch=launch)

    servers = [await start() for _ in range(n_servers)]
    shop.ports[:] = ports_of(servers)
    try:
        await shop.ask("POST", "/v1/retrievers", RETRIEVER)
        people = [f"user-{number % (n_shoppers // 2 + 1)}" for number in range(n_shoppers)]
        shopping = asyncio.gather(*(shop.shopper(who, n_searches) for who in people))
        for number in range(n_kills):
            await asyncio.sleep(rng.uniform(0.1, 0.5))
            if number % 3 == 1:
                await shop.ask("POST", f"{FUSION}/rebuild")
            victim = rng.randrange(n_servers)
            servers[victim].kill()
            servers[victim].close()
            servers[victim] = await start()
            shop.ports[:] = ports_of(servers)
        await shopping
        await asyncio.sleep(1.0)
        seen = [await _weights(port) for port in shop.ports]
        assert all(one == seen[0] for one in seen), "processes serve different weights"
    finally:
        for server in servers:
            server.close()
    check_integrity(database)
    run_command("rebuild", "shop", database=database)  # ends what a killed server began
    live, n = _learned(database)
    run_command("rebuild", "shop", database=database)
    assert _learned(database) == (live, n), "the log teaches something else"
    assert n > 0
    return (
        f"{shop.n_searches} searches, {shop.n_acts} acts, {shop.n_deleted} deleted, {n_kills} "
        f"kills, {n_servers} processes: the same weights everywhere; {len(live)} sums are to the "
        "bit those of the log"
    )


async def _weights(port: int) -> Any:
    client = Client(port)
    try:
        return [
            (await client.get(FUSION + path)).json() for path in ("/weights", "/weights/user-1")
        ]
    finally:
        await client.close()


def _learned(database: str) -> tuple[dict[tuple[object, ...], bytes], int]:
    """All sums, those of shards added up, and how many lists everybody learned from."""
    with closing(open_storage(database, SystemClock())) as storage, storage.read() as session:
        retriever = session.catalog.find_retriever(1, "shop")
        assert retriever is not None
        rows = session.learned.everything(1, retriever.retriever_id)
    sums: dict[tuple[object, ...], Any] = {}
    for key, packed in rows:
        if key.context != CLOSED:
            whole = (key.algorithm, key.context, key.day)
            sums[whole] = add(sums.get(whole, nothing()), unpack(packed))
    n = sum(n_lists(value) for key, value in sums.items() if key[1] == "global")
    return {key: pack(value) for key, value in sums.items() if value.any()}, n
