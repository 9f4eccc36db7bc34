"""Retention takes lists away together with what they taught, whole months included."""

from __future__ import annotations

import random

import pytest

from desirepath.engine.deleting import apply_retention
from desirepath.engine.engine import Engine
from desirepath.engine.learning.rebuilding import begin_rebuild, finish_rebuilds
from tests.unit.engine.learning.logs import (
    RETRIEVER,
    a_lone_act,
    a_search,
    an_act,
    arrival,
    learned,
    recorded,
    teach,
)

DAY_SECONDS = 86_400


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """Give an engine that keeps rows of all namespaces for thirty days."""
    with engine.storage.write() as session:
        for namespace in session.catalog.namespaces():
            session.catalog.set_retention(namespace.number, 30)
    engine.storage.tidy(engine.clock.now())  # PostgreSQL: a partition a month
    return teach(engine)


def test_what_retention_removed_was_never_learned(engine: Engine) -> None:
    """Also of a search that was logged in time, after somebody acted on it too early."""
    rng = random.Random(1)
    old = [a_search(rng, f"old-{n}") for n in range(6)]
    late, new = a_search(rng, "late"), a_search(rng, "new")
    for search in old:
        arrival(search)(engine)
        recorded(an_act(rng, search, f"act-{search['execution_id']}"))(engine)
    recorded(a_lone_act(rng, "lone"))(engine)
    recorded(an_act(rng, late, "early") | {"interaction_type": ["purchase"]})(engine)
    engine.clock.advance(seconds=75 * DAY_SECONDS)  # type: ignore[attr-defined]
    arrival(late)(engine)
    recorded(an_act(rng, late, "in time") | {"interaction_type": ["impression"]})(engine)
    arrival(new)(engine)
    recorded(an_act(rng, new, "act"))(engine)
    assert len(learned(engine.storage)[1]) == 8
    assert apply_retention(engine) >= 0
    after = learned(engine.storage)
    assert set(after[1]) == {"late", "new"}
    with engine.storage.read() as session:
        assert len(list(session.interactions.scan(1))) == 2
    begin_rebuild(engine.storage, 1, RETRIEVER)
    finish_rebuilds(engine.storage, engine.shard)
    assert learned(engine.storage) == after
