"""A small log to learn from, and its parts in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from desirepath.domain.clock import format_time
from desirepath.domain.learning_config import LearningConfig
from desirepath.engine.deleting import delete_interaction
from desirepath.engine.engine import Engine
from desirepath.engine.learning.adding import CLOSED
from desirepath.engine.recording import Submission
from desirepath.engine.serving.fusing import FusionPlan
from desirepath.methods.bandits.packing import pack, unpack
from desirepath.methods.bandits.sums import Sums, add, nothing
from desirepath.storage.base import Storage
from desirepath.storage.learned import RollupKey
from desirepath.testing.clock import START
from desirepath.testing.examples import sent_execution, sent_interaction

RETRIEVER = "ret_1"
FEATURES = ("text://title", "text://body", "vector://image")
DAY = 86_400_000_000
TYPES = ("impression", "click", "purchase", "skip", "view", "add_to_cart")

Step = Callable[[Engine], None]


def teach(engine: Engine, **config: Any) -> Engine:
    """Let the retriever of these logs learn, whatever is defined in the catalog."""
    plan = FusionPlan(
        namespace=1,
        retriever_id=RETRIEVER,
        version=1,
        stages_hash="0" * 16,
        features=FEATURES,
        weights=(1.0,) * len(FEATURES),
        fusion="learned",
        learning=LearningConfig(**config),
    )
    engine.plan = lambda namespace, retriever_id: plan  # type: ignore[method-assign]
    return engine


def a_search(rng: random.Random, name: str) -> dict[str, Any]:
    """A search by somebody, on one of three days."""
    documents = rng.sample([f"doc_{n}" for n in range(20)], rng.randint(1, 8))
    who = rng.choice([{"user_id": "kim"}, {"user_id": "ana", "session_id": "s"}, {}])
    day = START - rng.randrange(3) * DAY
    return {
        "execution_id": name,
        "documents": [
            {
                "document_id": id,
                "scores": {uri: round(rng.random(), 3) for uri in FEATURES if rng.random() < 0.8},
            }
            for id in documents
        ],
        "offset": rng.choice([0, 0, 8]),
        "occurred_at": _iso(day),
        **who,
    }


def an_act(rng: random.Random, search: dict[str, Any], name: str) -> dict[str, Any]:
    """Something done with one of its documents; some senders name a feature."""
    place = rng.randrange(len(search["documents"]))
    named = {"feature_uri": rng.choice(FEATURES), "retriever_id": RETRIEVER}
    return (named if rng.random() < 0.3 else {}) | {
        "feature_id": search["documents"][place]["document_id"],
        "interaction_type": [rng.choice(TYPES)],
        "position": search["offset"] + place,
        "execution_id": search["execution_id"],
        "event_id": name,
    }


def a_lone_act(rng: random.Random, name: str) -> dict[str, Any]:
    """Something done with a list that nobody will ever hear of."""
    return {
        "feature_id": "doc_1",
        "interaction_type": [rng.choice(TYPES)],
        "position": 3,
        "feature_uri": rng.choice(FEATURES),
        "retriever_id": RETRIEVER,
        "user_id": rng.choice(["kim", "ana"]),
        "event_id": name,
        "occurred_at": _iso(START - rng.randrange(3) * DAY),
    }


def steps_of(rng: random.Random, n_searches: int, n_acts: int) -> list[Step]:
    """What happens: searches arrive, and what was done with them, in no particular order."""
    searches = [a_search(rng, f"search-{n}") for n in range(n_searches)]
    acts = [an_act(rng, rng.choice(searches), f"act-{n}") for n in range(n_acts)]
    alone = [a_lone_act(rng, f"lone-{n}") for n in range(n_acts // 4)]
    mistakes = [an_act(rng, rng.choice(searches), f"mistake-{n}") for n in range(n_acts // 4)]
    mistakes += [a_lone_act(rng, f"lone-mistake-{n}") for n in range(n_acts // 8)]
    return [
        *map(arrival, searches),
        *map(recorded, [*acts, *alone]),
        *map(recorded_and_deleted, mistakes),
    ]


def arrival(search: dict[str, Any]) -> Step:
    sent = sent_execution(RETRIEVER, **search)

    def happen(engine: Engine) -> None:
        (outcome,) = _answer(engine, executions=(sent,))
        assert outcome.error is None, outcome.error

    return happen


def recorded(act: dict[str, Any]) -> Step:
    sent = sent_interaction(**act)

    def happen(engine: Engine) -> None:
        (outcome,) = _answer(engine, interactions=(sent,))
        assert outcome.error is None, outcome.error

    return happen


def _answer(engine: Engine, **parts: Any) -> Any:
    return engine.submit(Submission(namespace=1, **parts))


def recorded_and_deleted(act: dict[str, Any]) -> Step:
    sent = sent_interaction(**act)

    def happen(engine: Engine) -> None:
        (outcome,) = _answer(engine, interactions=(sent,))
        assert delete_interaction(engine, 1, outcome.interaction.id)

    return happen


def clear(engine: Engine) -> None:
    """Forget all that was learned, and the log."""
    with engine.storage.write() as session:
        while session.learned.clear(1, RETRIEVER, 1000):
            pass
        for log in (session.interactions, session.executions):
            ids = log.ids_before(1, b"\xff" * 16, 10_000)
            if ids:
                log.delete(1, ids)


def learned(storage: Storage) -> tuple[dict[RollupKey, bytes], dict[str, bytes]]:
    """All that was learned: sums by their key without the shard, and lists by their execution."""
    with storage.read() as session:
        rows = session.learned.everything(1, RETRIEVER)
        names = {e.id: e.execution_id for e in session.executions.scan(1)}
        lists = session.learned.learned_lists(1, RETRIEVER)
    sums: dict[RollupKey, Sums] = {}
    for key, stored in rows:
        if key.context != CLOSED:
            whole = replace(key, shard=0)
            sums[whole] = add(sums.get(whole, nothing()), unpack(stored))
    return {key: pack(value) for key, value in sums.items()}, {
        names[one.id]: one.sums for one in lists
    }


def _iso(moment: int) -> str:
    return format_time(moment)
