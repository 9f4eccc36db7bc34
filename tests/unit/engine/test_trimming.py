"""Candidates that were not shown are forgotten after a while, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from desirepath.domain.execution import ShownDocument
from desirepath.domain.ranking import Ranking
from desirepath.engine.engine import Engine
from desirepath.engine.trimming import trim_pools
from desirepath.storage.base import Session
from desirepath.testing.examples import an_execution, new_id

DAY = 86_400_000_000
POOL = ("c", "a", "d", "b")
LEVELS = np.array([[9, 1], [8, 2], [7, 3], [6, 4]], "<u2")
RANKING = Ranking(
    version=1,
    stages_hash="0" * 16,
    fusion="learned",
    features=("text://title", "text://body"),
    ordinals=(0, 1),
    weights=(0.5, 0.5),
    minima=(0.0, 0.0),
    maxima=(1.0, 1.0),
    pool=POOL,
    levels=LEVELS.tobytes(),
    algorithm="thompson_sampling",
)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """Give an engine that keeps pools for ten days."""
    engine.rules = replace(engine.rules, pool_window=10 * DAY)
    return engine


def searched(session: Session, moment: int, *shown: str, ranking: Ranking | None = RANKING) -> str:
    id = new_id(moment)
    execution = an_execution(
        id=id,
        execution_id=id.hex(),
        documents=tuple(ShownDocument(document_id=name, score=1.0) for name in shown),
        ranking=ranking,
    )
    session.executions.claim([(1, execution.execution_id, b"", id)])
    session.executions.append([execution])
    return execution.execution_id


def pool(engine: Engine, name: str) -> tuple[tuple[str, ...], list[list[int]]] | None:
    with engine.storage.read() as session:
        found = session.executions.get(1, name)
    assert found is not None
    if found.ranking is None:
        return None
    levels = np.frombuffer(found.ranking.levels, "<u2").reshape(-1, 2)
    return found.ranking.pool, levels.tolist()


def test_old_pools_are_cut_to_what_was_shown(engine: Engine) -> None:
    now = engine.clock.now()
    with engine.storage.write() as session:
        old = searched(session, now - 11 * DAY, "a", "b")
        whole = searched(session, now - 11 * DAY, *POOL)
        unranked = searched(session, now - 11 * DAY, "a", ranking=None)
        new = searched(session, now - 9 * DAY, "a", "b")
    assert trim_pools(engine) == 1
    assert pool(engine, old) == (("a", "b"), [[8, 2], [6, 4]])
    assert pool(engine, whole) == pool(engine, new) == (POOL, LEVELS.tolist())
    assert pool(engine, unranked) is None
    assert trim_pools(engine) == 0
    engine.clock.advance(seconds=2 * 86_400)  # type: ignore[attr-defined]
    assert trim_pools(engine) == 1
    assert pool(engine, new) == (("a", "b"), [[8, 2], [6, 4]])


def test_pools_are_kept_where_they_are_to_be(engine: Engine) -> None:
    engine.rules = replace(engine.rules, pool_window=0)
    with engine.storage.write() as session:
        old = searched(session, engine.clock.now() - 1_000 * DAY, "a")
    assert trim_pools(engine) == 0
    assert pool(engine, old) == (POOL, LEVELS.tolist())
