"""Datasets, when what they saw is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.ids import parse_id
from desirepath.domain.judgment import Dataset, JudgedQuery
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.engine.deleting import (
    apply_retention,
    delete_interaction,
    delete_namespace,
    delete_retriever,
    erase_user,
)
from desirepath.engine.engine import Engine
from desirepath.engine.retrievers import create_retriever
from desirepath.testing.clock import START, TestingClock
from desirepath.testing.examples import an_execution, an_interaction, new_id
from desirepath.testing.storage_contract.common import store
from desirepath.testing.storage_contract.evaluations import a_query, from_log

NAMESPACE = 1
DAY = 86_400_000_000


@pytest.fixture
def retriever(engine: Engine) -> Retriever:
    return create_retriever(engine, NAMESPACE, read_retriever({"retriever_name": "shop"}))


def created(engine: Engine, *datasets: Dataset) -> None:
    with engine.storage.write() as session:
        for dataset in datasets:
            session.evaluations.create(dataset, [a_query(query="shoes")])


def stale(engine: Engine, *datasets: Dataset) -> list[bool | None]:
    """Whether each is stale; None for one that is gone."""
    with engine.storage.read() as session:
        found = [session.evaluations.find(one.namespace, one.dataset_id) for one in datasets]
    return [None if one is None else one.stale_at is not None for one in found]


def test_deleting_an_interaction_makes_what_saw_it_stale(engine: Engine) -> None:
    seen = an_interaction(id=new_id(START), retriever_id="ret_1")
    later = an_interaction(id=new_id(START + DAY), retriever_id="ret_1")
    store(engine.storage, seen, later)
    whole, own, other = from_log(), from_log("ret_1"), from_log("ret_2")
    created(engine, whole, own, other)
    assert delete_interaction(engine, NAMESPACE, later.id)
    assert stale(engine, whole, own, other) == [False, False, False]
    assert not delete_interaction(engine, NAMESPACE, new_id(START))
    assert stale(engine, whole, own, other) == [False, False, False]
    assert delete_interaction(engine, NAMESPACE, seen.id)
    assert stale(engine, whole, own, other) == [True, True, False]


@pytest.mark.parametrize("has_interaction", [True, False])
def test_erasing_a_user_makes_what_saw_them_stale(engine: Engine, has_interaction: bool) -> None:
    execution = an_execution(id=new_id(START), retriever_id="ret_1", user_id="alice")
    acted = [an_interaction(id=new_id(START), retriever_id="ret_1", user_id="alice")]
    store(engine.storage, execution, *(acted if has_interaction else ()))
    own, other = from_log("ret_1"), from_log("ret_2")
    created(engine, own, other)
    erase_user(engine, NAMESPACE, "bob")
    assert stale(engine, own, other) == [False, False]
    erase_user(engine, NAMESPACE, "alice")
    assert stale(engine, own, other) == [True, False]


def test_erasing_a_user_removes_queries_that_name_them(engine: Engine) -> None:
    dataset = from_log()
    named: dict[str, Any] = {"user_id": "alice", "query": "shoes"}
    queries = [a_query(0, **named), a_query(1, query="shoes for alice")]
    with engine.storage.write() as session:
        session.evaluations.create(dataset, queries)
    erase_user(engine, NAMESPACE, "alice")
    left: list[JudgedQuery]
    with engine.storage.read() as session:
        left = list(session.evaluations.queries(NAMESPACE, dataset.id))
    assert left == queries[1:]


def test_a_retriever_takes_its_own_along(engine: Engine, retriever: Retriever) -> None:
    store(engine.storage, an_execution(id=new_id(START), retriever_id=retriever.retriever_id))
    own, whole, other = from_log(retriever.retriever_id), from_log(), from_log("ret_2")
    created(engine, own, whole, other)
    delete_retriever(engine, retriever)
    assert stale(engine, own, whole, other) == [None, True, False]


def test_a_namespace_takes_all_along(engine: Engine) -> None:
    dataset = from_log()
    created(engine, dataset)
    delete_namespace(engine, NAMESPACE)
    assert stale(engine, dataset) == [None]
    assert parse_id("ds", dataset.dataset_id) == dataset.id


def test_retention_leaves_datasets_as_they_are(engine: Engine, clock: TestingClock) -> None:
    store(engine.storage, an_interaction(id=new_id(START)))
    dataset = from_log()
    created(engine, dataset)
    with engine.storage.write() as session:
        session.catalog.set_retention(NAMESPACE, 1)
    clock.advance(seconds=3 * 86_400)
    assert apply_retention(engine) == 1
    assert stale(engine, dataset) == [False]
