"""A trained ranker as the new policy: judged by what it has not seen."""

from __future__ import annotations

import pytest

from desirepath.api.in_process import Desirepath
from desirepath.domain.what_if import NewPolicy, WhatIfSettings
from desirepath.engine.engine import Engine
from desirepath.engine.what_if.asking import what_if
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.storage.base import Namespace
from desirepath.testing.clock import TestingClock
from desirepath.testing.drawn_logs import SimulatedSearches, fill_drawn_log
from tests.rankers import deploy_ranker
from tests.unit.engine.what_if.test_what_if import a_retriever

SEARCHES = SimulatedSearches(n_found=3, n_shown=2, spread=0.5)
PRICES = {"doc_0000": 90, "doc_0001": 50, "doc_0002": 10}
N = 2_500


@pytest.fixture
def namespace(engine: Engine) -> Namespace:
    """Products with prices."""
    Desirepath(engine).documents.upsert(
        [{"document_id": id, "payload": {"price": price}} for id, price in PRICES.items()]
    )
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


def test_pools_are_ordered_by_the_ranker(engine: Engine, namespace: Namespace) -> None:
    deploy_ranker(engine, namespace, {"field:price": 1.0})
    retriever = a_retriever(engine)
    log = fill_drawn_log(engine.storage, retriever, N, 4, SEARCHES)
    result = what_if(engine, namespace, retriever, NewPolicy(ranker="ours"))
    truth = float((log.relevance[:, :2] @ log.examination).mean())  # the dearest first
    assert result.policy == "ranker ours version 1"
    assert (result.n_lists, result.pool_share) == (N, 1.0)
    decided = next(one for one in result.estimates if one.estimator == result.decided_by)
    assert decided.value is not None
    assert decided.value.low <= truth <= decided.value.high
    assert decided.difference is not None
    assert decided.difference.value < 0


def test_lists_that_it_may_have_learned_from_are_left_out(
    engine: Engine, namespace: Namespace, clock: TestingClock
) -> None:
    retriever = a_retriever(engine)
    fill_drawn_log(engine.storage, retriever, 50, 4, SEARCHES)
    clock.advance(seconds=86_400)
    deploy_ranker(engine, namespace, {"field:price": 1.0})
    with pytest.raises(NotEnoughData, match="may have learned"):
        what_if(engine, namespace, retriever, NewPolicy(ranker="ours"), WhatIfSettings())


def test_lists_after_its_counters_that_it_was_trained_on_are_left_out(
    engine: Engine, namespace: Namespace
) -> None:
    """Counters stop at a full minute, and training reads on."""
    retriever = a_retriever(engine)
    fill_drawn_log(engine.storage, retriever, 50, 4, SEARCHES)
    deploy_ranker(engine, namespace, {"field:price": 1.0}, changes={})
    with pytest.raises(NotEnoughData, match="may have learned"):
        what_if(engine, namespace, retriever, NewPolicy(ranker="ours"), WhatIfSettings())


def test_a_ranker_that_reads_what_only_shown_documents_have_is_refused(
    engine: Engine, namespace: Namespace
) -> None:
    deploy_ranker(engine, namespace, {"feature:margin": 1.0})
    retriever = a_retriever(engine)
    with pytest.raises(InvalidSetting, match="not logged"):
        what_if(engine, namespace, retriever, NewPolicy(ranker="ours"))
