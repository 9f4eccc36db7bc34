"""What the contracts of all roles need: odd values, and steps that they share."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from desirepath.domain.access import Key, KeyKind
from desirepath.domain.clock import MICROSECONDS
from desirepath.domain.execution import Execution
from desirepath.domain.interaction import Interaction, dedup_key
from desirepath.storage.base import InteractionQuery, Storage
from desirepath.testing.clock import START

OpenAnother = Callable[[], Storage]
T = TypeVar("T")

DEFAULT, OTHER = 1, 2
DAY = 86_400 * MICROSECONDS
WINDOW = 300 * MICROSECONDS
DIGEST, OTHER_DIGEST = b"d" * 32, b"e" * 32
LONGEST_ID = "é" * 128  # 256 bytes
ODD_TEXTS = (
    " leading and trailing ",
    "%_/\\'\"`;--",
    "\x01\x1f\x7f\t\n\r\u2028",
    "İıſßﬁÅA\u030a",
    "日本語 हिन्दी עברית \u202e",
    "😀👩‍👩‍👧\U0010ffff",
    "\ufeff\ufffe\uffff\u200b",
    LONGEST_ID,
)
MAX, MIN = 2**63 - 1, -(2**63)
FLOATS = (0.0, -0.0, 0.1, 1e-320, 5e-324, 1e308, -1.7976931348623157e308, 2.0**53 + 2, 1 / 3)


def deepest_object() -> dict[str, Any]:
    """An object of 32 levels, as deep as is accepted."""
    value: dict[str, Any] = {"leaf": [1]}
    for _ in range(29):
        value = {"level": value}
    return {"top": value}


ODD_OBJECT: dict[str, Any] = {
    "": "empty key",
    "null": None,
    "flags": [True, False],
    "integers": [MAX, MIN, 0, -1],
    "floats": list(FLOATS),
    "texts": list(ODD_TEXTS),
    "empty": [{}, [], ""],
    "reward_value": "ours to set, but stored as given",
} | {text: text for text in ODD_TEXTS}


def a_key(**changes: Any) -> Key:
    values: dict[str, Any] = {
        "key_id": "key_1",
        "kind": KeyKind.SERVER,
        "namespace": DEFAULT,
        "name": "shop",
        "created_at": START,
    }
    return Key(**(values | changes))


def store(storage: Storage, *values: Interaction | Execution) -> None:
    """Append interactions and executions in one transaction."""
    with storage.write() as session:
        executions = [value for value in values if isinstance(value, Execution)]
        session.executions.claim([(e.namespace, e.execution_id, DIGEST, e.id) for e in executions])
        session.executions.append(executions)
        session.interactions.append([v for v in values if isinstance(v, Interaction)])


def found(storage: Storage, limit: int = 1000, offset: int = 0, **query: Any) -> list[bytes]:
    """The ids that a query finds, in order."""
    with storage.read() as session:
        asked = InteractionQuery(**({"namespace": DEFAULT} | query))
        return [value.id for value in session.interactions.find(asked, limit, offset)]


def counted(storage: Storage, **query: Any) -> int:
    with storage.read() as session:
        return session.interactions.count(InteractionQuery(**({"namespace": DEFAULT} | query)))


def ids_of(values: Iterable[Interaction | Execution]) -> list[bytes]:
    return [value.id for value in values]


def at_once(*tasks: Callable[[], T]) -> list[T]:
    """Run tasks in threads that start together; their results in order."""
    barrier = threading.Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        barrier.wait(60)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def held_at_once(values: Iterable[object], n_bytes: int) -> tuple[int, int]:
    """How many values there were, and how many of them were in memory at the same time.

    Each value has a text of ``n_bytes``. Counted are pieces of memory of about that size, so that
    what else the process does meanwhile does not count.
    """
    n_values = most = 0
    tracemalloc.start()
    try:
        for n_values, _ in enumerate(values, 1):
            if n_values % 16 == 0:
                traces = tracemalloc.take_snapshot().traces
                most = max(most, sum(n_bytes <= trace.size < 2 * n_bytes for trace in traces))
    finally:
        tracemalloc.stop()
    return n_values, most


def mark_of(interaction: Interaction) -> bytes:
    """The dedup key of an interaction that names its execution."""
    key = dedup_key(
        interaction.namespace,
        interaction.execution_id,
        interaction.feature_id,
        interaction.types,
    )
    assert key is not None
    return key
