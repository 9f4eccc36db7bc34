"""Many senders, one thing: exactly one of them wins, and the others learn who."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.torture.harness import (
    BATCH,
    RECORD,
    Client,
    Reply,
    check_integrity,
    query,
    stored_ids,
)

N_RACERS = 16
_KEYS_AT_ONCE = 4


@dataclass(frozen=True)
class Attempt:
    """What one racer sends."""

    body: dict[str, Any] | None
    path: str = RECORD
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"


Judge = Callable[[Sequence[Reply]], None]


@asynccontextmanager
async def racers(ports: Sequence[int]) -> AsyncIterator[list[list[Client]]]:
    """Connections for several keys at once, each key's spread over all processes."""
    teams = [
        [Client(ports[racer % len(ports)]) for racer in range(N_RACERS)]
        for _ in range(_KEYS_AT_ONCE)
    ]
    try:
        yield teams
    finally:
        for client in (client for team in teams for client in team):
            await client.close()


async def race(
    ports: Sequence[int],
    n_keys: int,
    attempts_for: Callable[[str], Sequence[Attempt]],
    judge: Callable[[str, Sequence[Reply]], None],
    rng: random.Random,
    keys: list[str] | None = None,
) -> None:
    """Let sixteen racers send at the same moment, for many keys, some keys at once."""
    keys = keys or [f"{rng.getrandbits(64):016x}" for _ in range(n_keys)]
    async with racers(ports) as teams:

        async def run_team(team: list[Client]) -> None:
            with contextlib.suppress(IndexError):
                while True:
                    key = keys.pop()
                    attempts = attempts_for(key)
                    order = rng.sample(range(N_RACERS), N_RACERS)
                    replies = await asyncio.gather(
                        *(
                            team[racer].request(
                                attempts[racer].method,
                                attempts[racer].path,
                                attempts[racer].body,
                                headers=dict(attempts[racer].headers),
                            )
                            for racer in order
                        )
                    )
                    judge(key, [reply for _, reply in sorted(zip(order, replies, strict=True))])

        # Keys of different teams share group commits.
        await asyncio.gather(*(run_team(team) for team in teams))


def click(key: str, **more: object) -> dict[str, Any]:
    return {"feature_id": f"doc-{key}", "interaction_type": ["click"], "position": 0, **more}


def one_winner(replies: Sequence[Reply]) -> str:
    """Judge a race: one answer is the creation; its interaction_id."""
    assert Counter(reply.status for reply in replies) == {200: N_RACERS}
    answers = [reply.json() for reply in replies]
    winners = [answer for answer in answers if not answer["deduplicated"]]
    assert len(winners) == 1, f"{len(winners)} winners"
    return str(winners[0]["interaction_id"])


async def race_for_marks(ports: Sequence[int], n_keys: int, rng: random.Random) -> None:
    """The same execution, document and types, within the window."""

    def judge(key: str, replies: Sequence[Reply]) -> None:
        one_winner(replies)
        losers = [answer for reply in replies if (answer := reply.json())["deduplicated"]]
        assert all(answer["interaction_id"] is None for answer in losers)

    await race(
        ports,
        n_keys,
        lambda key: [Attempt(click(key, execution_id=f"e-{key}"))] * N_RACERS,
        judge,
        rng,
    )


async def race_for_events(ports: Sequence[int], n_keys: int, rng: random.Random) -> None:
    """The same event_id with the same content: everybody learns the same interaction_id."""

    def judge(key: str, replies: Sequence[Reply]) -> None:
        winner = one_winner(replies)
        assert {reply.json()["interaction_id"] for reply in replies} == {winner}

    await race(
        ports, n_keys, lambda key: [Attempt(click(key, event_id=key))] * N_RACERS, judge, rng
    )


async def race_for_events_in_batches(ports: Sequence[int], n_keys: int, rng: random.Random) -> None:
    """Batches that share events, in different orders: each event is created in one of them."""

    def attempts(key: str) -> list[Attempt]:
        events = [click(f"{key}-{part}", event_id=f"{key}-{part}") for part in range(8)]
        return [
            Attempt({"interactions": rng.sample(events, len(events))}, BATCH)
            for _ in range(N_RACERS)
        ]

    def judge(key: str, replies: Sequence[Reply]) -> None:
        assert Counter(reply.status for reply in replies) == {200: N_RACERS}, replies
        answers = [reply.json() for reply in replies]
        assert sum(answer["created"] for answer in answers) == 8
        assert sum(answer["duplicates"] for answer in answers) == 8 * (N_RACERS - 1)
        assert len({row["interaction_id"] for answer in answers for row in answer["results"]}) == 8

    await race(ports, n_keys, attempts, judge, rng)


async def race_with_other_content(ports: Sequence[int], n_keys: int, rng: random.Random) -> None:
    """The same event_id with sixteen contents: one is stored, fifteen are told so."""

    def judge(key: str, replies: Sequence[Reply]) -> None:
        assert Counter(reply.status for reply in replies) == {200: 1, 409: N_RACERS - 1}

    await race(
        ports,
        n_keys,
        lambda key: [Attempt(click(key, event_id=key, position=n)) for n in range(N_RACERS)],
        judge,
        rng,
    )


async def race_across_namespaces(
    ports: Sequence[int], namespaces: Sequence[str], n_keys: int, rng: random.Random
) -> None:
    """The same event_id, dedup key and Idempotency-Key in two namespaces: each has its own."""
    events = {name: dict[str, str]() for name in namespaces}

    def judge(key: str, replies: Sequence[Reply]) -> None:
        assert Counter(reply.status for reply in replies) == {200: N_RACERS}
        for turn, name in enumerate(namespaces):
            answers = [reply.json() for reply in replies[turn :: len(namespaces)]]
            assert sum(not answer["deduplicated"] for answer in answers) == 1
            (events[name][key],) = {answer["interaction_id"] for answer in answers}

    await race(
        ports,
        n_keys,
        lambda key: [
            Attempt(
                click(key, event_id=key, execution_id=f"e-{key}"),
                headers=(("X-Namespace", namespaces[racer % len(namespaces)]),),
            )
            for racer in range(N_RACERS)
        ],
        judge,
        rng,
    )
    ids = [id for found in events.values() for id in found.values()]
    assert len(ids) == len(set(ids)) == n_keys * len(namespaces)


async def race_for_idempotency_keys(ports: Sequence[int], n_keys: int, rng: random.Random) -> None:
    """The same Idempotency-Key: one effect, and the same answer to the byte."""

    def judge(key: str, replies: Sequence[Reply]) -> None:
        assert Counter(reply.status for reply in replies) == {200: N_RACERS}
        assert len({reply.body for reply in replies}) == 1, {reply.body for reply in replies}
        assert replies[0].json()["deduplicated"] is False

    await race(
        ports,
        n_keys,
        lambda key: [Attempt(click(key), headers=(("Idempotency-Key", key),))] * N_RACERS,
        judge,
        rng,
    )


async def race_for_idempotency_keys_with_other_bodies(
    ports: Sequence[int], n_keys: int, rng: random.Random
) -> None:
    """The same Idempotency-Key with two bodies: one happens, senders of the other see 422."""

    def judge(key: str, replies: Sequence[Reply]) -> None:
        winners = [reply for reply in replies if reply.status == 200]
        losers = [reply for reply in replies if reply.status != 200]
        assert len(winners) == len(losers) == N_RACERS // 2, Counter(r.status for r in replies)
        assert len({reply.body for reply in winners}) == 1
        assert {(r.status, r.json()["error"]["code"]) for r in losers} == {
            (422, "idempotency_conflict")
        }

    await race(
        ports,
        n_keys,
        lambda key: [
            Attempt(click(key, position=racer % 2), headers=(("Idempotency-Key", key),))
            for racer in range(N_RACERS)
        ],
        judge,
        rng,
    )


async def race_to_delete_and_send_again(
    ports: Sequence[int], n_keys: int, rng: random.Random
) -> None:
    """Half delete an event's interaction while half send the event once more.

    Each of these is answered as if it came before or after the others; in the end there is one row
    that the event_id knows, or none and a free event_id.
    """
    client = Client(ports[0])
    key_to_id: dict[str, str] = {}
    keys = [f"{rng.getrandbits(64):016x}" for _ in range(n_keys)]
    for key in keys:
        reply = await client.post(click(key, event_id=key))
        key_to_id[key] = reply.json()["interaction_id"]
    await client.close()

    def judge(key: str, replies: Sequence[Reply]) -> None:
        others = [reply.body for reply in replies if reply.status != 200]
        assert not others, others

    def attempts(key: str) -> list[Attempt]:
        delete = Attempt(None, f"{RECORD}/{key_to_id[key]}", method="DELETE")
        send = Attempt(click(key, event_id=key))
        return [delete, send] * (N_RACERS // 2)

    await race(ports, n_keys, attempts, judge, rng, keys=keys)


def check_rows(database: str, n_rows: int | None) -> str:
    """Every feature_id has one row, there are so many, and event_ids agree."""
    stored = stored_ids(database)
    twice = [name for name, ids in stored.items() if len(ids) != 1]
    assert not twice, f"{len(twice)} are stored twice: {twice[:3]}"
    assert n_rows is None or len(stored) == n_rows
    ((n_events,),) = query(
        database,
        "SELECT count(*) FROM event_ids e JOIN interactions i "
        "ON i.namespace = e.namespace AND i.id = e.id AND i.event_id = e.event_id",
    )
    assert query(database, "SELECT count(*) FROM event_ids") == [(n_events,)]
    ((n_named,),) = query(database, "SELECT count(*) FROM interactions WHERE event_id IS NOT NULL")
    assert n_events == n_named
    check_integrity(database)
    return f"{len(stored):,} rows"
