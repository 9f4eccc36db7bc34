"""How long a what-if takes: 100,000 simulated searches whose pools are ranked anew.

Each found 45 documents by four features and showed ten, by weights that were drawn; all its clicks
are interactions. Beside it stands reading the same rows from the database, and nothing else.
"""

from __future__ import annotations

import time
from statistics import median

from benchmarks.bench import Bench
from benchmarks.report import Row, at_most
from desirepath.api.in_process import Desirepath
from desirepath.domain.ids import NIL
from desirepath.domain.retriever import Retriever
from desirepath.domain.what_if import NewPolicy
from desirepath.engine.engine import Engine
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.what_if.asking import what_if as ask
from desirepath.server import open_engine
from desirepath.settings import load_settings
from desirepath.storage.base import Namespace
from desirepath.testing.drawn_logs import SimulatedSearches, fill_drawn_log

FEATURES = ("text://title", "text://body", "text://brand", "vector://image")
SEARCHES = SimulatedSearches(features=FEATURES, n_found=45, n_people=10_000)
POLICY = NewPolicy(weights=dict(zip(FEATURES, (0.5, 0.3, 0.1, 0.1), strict=True)))
SEED = 1
_PART = 1_000


def what_if(bench: Bench) -> list[Row]:
    """Ask what other weights would have earned, beside reading the log alone."""
    n = bench.sizes.searches_weighed
    url = bench.new_sqlite().url
    engine = open_engine(load_settings({"database": url}, {}), migrate=True)
    try:
        namespace = engine.directory.namespace("default")
        assert namespace is not None
        retriever = _retriever(engine)
        fill_drawn_log(engine.storage, retriever, n, SEED, SEARCHES)
        pairs = [
            (_reading_seconds(engine, retriever), _seconds(engine, namespace, retriever, n))
            for _ in range(bench.sizes.rounds)
        ]
    finally:
        engine.close()
    reading, asked = (median(seconds) for seconds in zip(*pairs, strict=True))
    return [
        Row(
            what=f"what-if over {n:,} searches, pools of {SEARCHES.n_found}, sqlite",
            unit="s",
            value=asked,
            against=reading,
            against_name="reading them",
            target=at_most(30),
            detail={"rounds": pairs},
        )
    ]


def _retriever(engine: Engine) -> Retriever:
    searches = [{"feature_uri": uri, "query": "{{INPUT.query}}"} for uri in FEATURES[:3]]
    parameters = {"searches": searches, "fusion": "learned"}
    config = {"stage_id": "feature_search", "parameters": parameters}
    Desirepath(engine).retrievers.create("bench", stages=[{"stage_name": "find", "config": config}])
    return find_retriever(engine, 1, "bench")


def _seconds(engine: Engine, namespace: Namespace, retriever: Retriever, n: int) -> float:
    began = time.perf_counter()
    result = ask(engine, namespace, retriever, POLICY)
    assert result.n_lists == n
    return time.perf_counter() - began


def _reading_seconds(engine: Engine, retriever: Retriever) -> float:
    began, last = time.perf_counter(), NIL
    while True:
        with engine.storage.read() as session:
            rows = session.learned.ranked_after(1, retriever.retriever_id, last, _PART)
            session.learned.interactions([(1, row.execution_id) for row in rows])
        if len(rows) < _PART:
            return time.perf_counter() - began
        last = rows[-1].id
