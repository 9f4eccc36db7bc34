"""Models, when what they learned from is deleted."""

from __future__ import annotations

import pytest

from desirepath.domain.artifact import Artifact
from desirepath.domain.retriever import read_retriever
from desirepath.engine.deleting import (
    delete_interaction,
    delete_namespace,
    delete_retriever,
    erase_user,
)
from desirepath.engine.engine import Engine
from desirepath.engine.retrievers import create_retriever
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction, new_id
from desirepath.testing.storage_contract.artifacts import a_model
from desirepath.testing.storage_contract.common import store

NAMESPACE = 1


def created(engine: Engine, *models: Artifact, users: bytes = b"[]") -> None:
    with engine.storage.write() as session:
        for model in models:
            session.artifacts.create(model, {"users.json": users})


def stale(engine: Engine, *models: Artifact) -> list[bool | None]:
    """Whether each is stale; None for one that is gone."""
    with engine.storage.read() as session:
        found = [session.artifacts.find(one.namespace, one.artifact_id) for one in models]
    return [None if one is None else one.stale_at is not None for one in found]


def test_deleting_an_interaction_makes_what_saw_it_stale(engine: Engine) -> None:
    seen = an_interaction(id=new_id(START), retriever_id="ret_1")
    store(engine.storage, seen)
    whole, own, other = a_model(), a_model(retriever_id="ret_1"), a_model(retriever_id="ret_2")
    created(engine, whole, own, other)
    assert delete_interaction(engine, NAMESPACE, seen.id)
    assert stale(engine, whole, own, other) == [True, True, False]


@pytest.mark.parametrize("has_interaction", [True, False])
def test_erasing_a_user_makes_what_saw_them_stale_and_removes_what_names_them(
    engine: Engine, has_interaction: bool
) -> None:
    execution = an_execution(id=new_id(START), retriever_id="ret_1", user_id="alice")
    acted = [an_interaction(id=new_id(START), retriever_id="ret_1", user_id="alice")]
    store(engine.storage, execution, *(acted if has_interaction else ()))
    own, other, named = (a_model(retriever_id=f"ret_{number}") for number in (1, 2, 3))
    created(engine, own, other)
    created(engine, named, users=b'["alice"]')
    erase_user(engine, NAMESPACE, "bob")
    assert stale(engine, own, other, named) == [False, False, False]
    erase_user(engine, NAMESPACE, "alice")
    assert stale(engine, own, other, named) == [True, False, None]


def test_a_retriever_takes_its_own_along(engine: Engine) -> None:
    retriever = create_retriever(engine, NAMESPACE, read_retriever({"retriever_name": "shop"}))
    name = retriever.retriever_id
    store(engine.storage, an_execution(id=new_id(START), retriever_id=name))
    own, whole, other = a_model(retriever_id=name), a_model(), a_model(retriever_id="ret_2")
    created(engine, own, whole, other)
    delete_retriever(engine, retriever)
    assert stale(engine, own, whole, other) == [None, True, False]


def test_a_namespace_takes_all_along(engine: Engine) -> None:
    model = a_model()
    created(engine, model)
    delete_namespace(engine, NAMESPACE)
    assert stale(engine, model) == [None]
