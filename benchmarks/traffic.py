"""Traffic: executions, interactions and their people, made up but shaped like the real thing.

Users are Zipf-distributed out of 100,000; a session holds four executions in a row; an execution
shows 20 documents; times and ids (UUIDv7) grow together, so rows of one session are neighbours.
"""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

USERS = 100_000
DOCUMENTS = 200_000
SHOWN = 20
EXECUTIONS_PER_SESSION = 4
OPEN_EXECUTIONS = 256
HISTORY_SECONDS = 30 * 86_400
SECONDS_BETWEEN_INTERACTIONS = 20
NEWEST_HISTORY_SECONDS_AGO = 3_600
IMPORTED_TYPES = ("impression", "click", "view", "bookmark", "share")
INTERACTION = (
    '{"feature_id":"%s","interaction_type":["%s"],"position":%d,'
    '"metadata":{"device":"%s","surface":"web-search-results","app_version":"4.12.1",'
    '"referrer":"https://shop.example/search",'
    '"viewport":{"width":1440,"height":900},"locale":"en-GB","experiment":"ranking-2026-q4"},'
    '"user_id":"%s","session_id":"%s","execution_id":"%s","retriever_id":"%s",'
    '"query_snapshot":{"query":"%s"},"document_score":%.4f,"result_set_size":%d,'
    '"feature_uri":"text://title"%s}'
)
DEVICES = ("desktop", "mobile", "tablet")
WORDS = (
    *("red", "blue", "small", "large", "waterproof", "wireless", "garden", "kitchen", "running"),
    *("cotton", "steel", "shoes", "lamp", "chair", "jacket", "speaker", "kettle", "backpack"),
)


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One search request that was served, as it is registered and as interactions name it."""

    execution_id: str
    retriever_id: str
    user_id: str
    session_id: str
    query: str
    document_ids: tuple[str, ...]
    occurred_at: float

    def payload(self) -> dict[str, object]:
        """Write it as ``POST /v1/retrievers/{retriever_id}/executions`` takes it."""
        return {
            "execution_id": self.execution_id,
            "inputs": {"query": self.query},
            "user_id": self.user_id,
            "session_id": self.session_id,
            "occurred_at": iso(self.occurred_at),
            "documents": [
                {
                    "document_id": document_id,
                    "score": round(1 / (position + 2), 4),
                    "scores": {
                        "text://title": round(1 / (position + 1.5), 4),
                        "text://body": round(1 / (20.5 - position), 4),
                    },
                }
                for position, document_id in enumerate(self.document_ids)
            ],
        }

    def line(self) -> str:
        """Write it as the load script reads it."""
        documents = ",".join(self.document_ids)
        fields = (self.execution_id, self.retriever_id, self.user_id, self.session_id, self.query)
        return "\t".join((*fields, documents))


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def uuid7(seconds: float, rng: random.Random) -> str:
    """Make a UUIDv7 of a given time."""
    bits = rng.getrandbits(74)
    low = 0x8000000000000000 | (bits & 0x3FFFFFFFFFFFFFFF)
    head = f"{int(seconds * 1000):012x}"
    tail = f"{low:016x}"
    return f"{head[:8]}-{head[8:]}-7{bits >> 62:03x}-{tail[:4]}-{tail[4:]}"


def make_executions(
    count: int, *, seed: int, span_seconds: float = 60, newest_seconds_ago: float = 1
) -> list[Execution]:
    """Make executions evenly spread over a span of time that ends a little before now."""
    rng = random.Random(seed)
    oldest = time.time() - newest_seconds_ago - span_seconds
    weights = list(accumulate(1 / rank for rank in range(1, USERS + 1)))
    users = rng.choices(range(USERS), cum_weights=weights, k=count // EXECUTIONS_PER_SESSION + 1)
    executions = []
    for index in range(count):
        session = index // EXECUTIONS_PER_SESSION
        occurred_at = oldest + span_seconds * index / count
        executions.append(
            Execution(
                execution_id=uuid7(occurred_at, rng),
                retriever_id="",
                user_id=f"user_{users[session]:06d}",
                session_id=f"sess_{seed:02d}{session:08d}{users[session]:06x}",
                query=" ".join(rng.sample(WORDS, 3)),
                document_ids=tuple(f"doc_{n:08d}" for n in rng.sample(range(DOCUMENTS), SHOWN)),
                occurred_at=occurred_at,
            )
        )
    return executions


def make_past_executions(count: int, *, seed: int) -> list[Execution]:
    """Make executions of the last 30 days, old enough that their interactions are past too."""
    return make_executions(
        count,
        seed=seed,
        span_seconds=HISTORY_SECONDS,
        newest_seconds_ago=NEWEST_HISTORY_SECONDS_AGO,
    )


def assign_retrievers(
    executions: Iterable[Execution], retriever_ids: Sequence[str]
) -> list[Execution]:
    """Spread executions over retrievers, one retriever per session."""
    return [
        replace(
            execution,
            retriever_id=retriever_ids[index // EXECUTIONS_PER_SESSION % len(retriever_ids)],
        )
        for index, execution in enumerate(executions)
    ]


def write_executions(path: Path, executions: Iterable[Execution]) -> None:
    with path.open("w") as file:
        file.writelines(execution.line() + "\n" for execution in executions)


def interaction(execution: Execution, slot: int, extra: str = "") -> str:
    """Write one interaction as JSON; ``lua/interactions.lua`` builds the same."""
    position = slot % SHOWN
    return INTERACTION % (
        execution.document_ids[position],
        IMPORTED_TYPES[slot // SHOWN % len(IMPORTED_TYPES)],
        position,
        DEVICES[slot % len(DEVICES)],
        execution.user_id,
        execution.session_id,
        execution.execution_id,
        execution.retriever_id,
        execution.query,
        1 / (position + 2),
        SHOWN,
        extra,
    )


def history(executions: Sequence[Execution], count: int, seed: int) -> Iterator[str]:
    """Make past interactions, nearly in the order of time, with ``occurred_at`` and event id."""
    rng = random.Random(seed)
    per_execution = -(-count // len(executions))
    for number, (execution, slot) in enumerate(visits(executions, per_execution)):
        if number == count:
            return
        occurred_at = execution.occurred_at + SECONDS_BETWEEN_INTERACTIONS * slot
        times = f',"occurred_at":"{iso(occurred_at)}","event_id":"{uuid7(occurred_at, rng)}"'
        yield interaction(execution, slot, times)


def visits(executions: Sequence[Execution], each: int) -> Iterator[tuple[Execution, int]]:
    """Go round the executions that are open at a time, ``each`` times."""
    for first in range(0, len(executions), OPEN_EXECUTIONS):
        for slot in range(each):
            for execution in executions[first : first + OPEN_EXECUTIONS]:
                yield execution, slot


def write_history(path: Path, executions: Sequence[Execution], count: int, seed: int) -> None:
    """Write past interactions as JSON lines, as ``desirepath import --format jsonl`` reads them."""
    with path.open("w") as file:
        file.writelines(row + "\n" for row in history(executions, count, seed))
