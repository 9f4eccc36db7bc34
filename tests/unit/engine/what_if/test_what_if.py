"""What-if on a simulated log whose truth is known, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.domain.what_if import NewPolicy, WhatIfResult, WhatIfSettings
from desirepath.engine.engine import Engine
from desirepath.engine.retrievers import create_retriever
from desirepath.engine.what_if.asking import (
    what_if,
)
from desirepath.storage.base import Namespace
from desirepath.testing.drawn_logs import DrawnLog, SimulatedSearches, fill_drawn_log

TITLE, BODY, NOISE = SimulatedSearches().features
BETTER = NewPolicy(weights={TITLE: 2.0, BODY: 1.0})
WORSE = NewPolicy(weights={NOISE: 3.0, BODY: 1.0, TITLE: 1.0})
N = 3_000
SEED = 11


@pytest.fixture
def namespace(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


def a_retriever(engine: Engine, name: str = "shop", **parameters: Any) -> Retriever:
    search = {
        "searches": [{"feature_uri": uri, "query": "{{INPUT.query}}"} for uri in (TITLE, BODY)],
        "fusion": "learned",
    }
    stage = {
        "stage_name": "find",
        "config": {"stage_id": "feature_search", "parameters": search | parameters},
    }
    draft = read_retriever({"retriever_name": name, "stages": [stage]})
    return create_retriever(engine, 1, draft[0] if isinstance(draft, tuple) else draft)


@pytest.fixture
def retriever(engine: Engine) -> Retriever:
    return a_retriever(engine)


@pytest.fixture
def log(engine: Engine, retriever: Retriever) -> DrawnLog:
    return fill_drawn_log(engine.storage, retriever, N, SEED)


def ask(
    engine: Engine,
    retriever: Retriever,
    policy: NewPolicy,
    **settings: Any,
) -> WhatIfResult:
    with engine.storage.read() as session:
        namespace = session.catalog.namespaces()[0]
    return what_if(engine, namespace, retriever, policy, WhatIfSettings(**settings))


def test_a_better_and_a_worse_policy_are_told_apart_and_the_truth_is_in_the_intervals(
    engine: Engine, retriever: Retriever, log: DrawnLog, figure: Callable[[str], None]
) -> None:
    for policy, weights, verdict in (
        (BETTER, [2.0, 1.0, 0.0], "better"),
        (WORSE, [1.0, 1.0, 3.0], "worse"),
    ):
        result = ask(engine, retriever, policy)
        truth = log.worth(np.array(weights) / sum(weights))
        assert result.verdict == verdict
        assert (result.n_lists, result.n_people, result.pool_share) == (N, 500, 1.0)
        assert result.left_out == ()
        (item,) = [one for one in result.estimates if one.estimator == "item-position"]
        assert item.value is not None
        # Where the log cannot tell it counts as no change, so the truth may lie a little further.
        figure(
            f"simulation, seed {SEED}, {N} lists: {result.sentence} told {item.told_share:.3f}, "
            f"effective sample {item.effective_sample:.0f}; truth {truth:.3f}"
        )
        assert item.value.low - 0.05 <= truth <= item.value.high + 0.05
        assert (item.value.value > result.live.value) == (truth > result.live.value)


def test_the_same_seed_is_the_same_answer(
    engine: Engine, retriever: Retriever, log: DrawnLog
) -> None:
    assert ask(engine, retriever, BETTER, seed=3) == ask(engine, retriever, BETTER, seed=3)
    assert ask(engine, retriever, BETTER, seed=3) != ask(engine, retriever, BETTER, seed=4)
