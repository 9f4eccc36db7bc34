"""Models: what may be stored, deployed, rolled back and deleted."""

from __future__ import annotations

import msgspec
import pytest

from desirepath.domain.artifact import Artifact, ArtifactDraft
from desirepath.engine.deleting import delete_interaction
from desirepath.engine.engine import Engine
from desirepath.engine.models import (
    check_free_name,
    delete_model,
    deploy_model,
    find_model,
    find_version,
    roll_back_model,
    store_model,
)
from desirepath.engine.seen_log import log_changes
from desirepath.errors import AlreadyExists, Conflict, InvalidModel, NotBetter, NotFound
from desirepath.storage.base import Namespace, Session
from desirepath.testing.clock import START, TestingClock
from desirepath.testing.examples import an_interaction, new_id
from desirepath.testing.storage_contract.common import store

NUMBER = 1


@pytest.fixture
def namespace(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


def a_draft(name: str = "best", kind: str = "ranker") -> ArtifactDraft:
    return ArtifactDraft(kind=kind, name=name, manifest={"seed": 7}, files={"model.txt": b"tree"})


def test_what_is_stored_is_found(engine: Engine, namespace: Namespace) -> None:
    stored = store_model(engine, namespace, a_draft())
    assert (stored.version, stored.created_at, stored.seen_before) == (1, START, None)
    assert find_version(engine, NUMBER, "best", 1) == stored
    assert find_version(engine, NUMBER, stored.artifact_id) == stored
    assert find_version(engine, NUMBER, "best") == stored
    with pytest.raises(NotFound):
        find_version(engine, NUMBER, "best", 2)
    model = find_model(engine, NUMBER, "best")
    assert (model.kind, model.versions, model.serving) == ("ranker", (stored,), None)


def test_it_becomes_stale_with_whatever_was_recorded_before_it(
    engine: Engine, namespace: Namespace, clock: TestingClock
) -> None:
    ahead = an_interaction(id=new_id(START + 1_000))  # of a process whose ids run ahead
    store(engine.storage, ahead)
    stored = store_model(engine, namespace, a_draft(), log_changes(engine, NUMBER))
    delete_interaction(engine, NUMBER, ahead.id)
    assert find_version(engine, NUMBER, stored.artifact_id).stale_at == clock.now()


def test_what_fails_in_its_transaction_is_not_stored(engine: Engine, namespace: Namespace) -> None:
    def fail(session: Session, artifact: Artifact) -> None:
        assert session.artifacts.find(NUMBER, artifact.artifact_id) == artifact
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store_model(engine, namespace, a_draft(), within=fail)
    with pytest.raises(NotFound):
        find_model(engine, NUMBER, "best")


@pytest.mark.parametrize("name", ["", " ", "mod_1", "a/b", "x" * 201, "\x00", "\ud800"])
def test_some_names_cannot_be_used(engine: Engine, namespace: Namespace, name: str) -> None:
    with pytest.raises(InvalidModel):
        check_free_name(engine, NUMBER, "ranker", name)
    with pytest.raises(InvalidModel):
        store_model(engine, namespace, a_draft(name))


def test_a_name_of_another_kind_is_refused_before_training(
    engine: Engine, namespace: Namespace
) -> None:
    check_free_name(engine, NUMBER, "recommender", "best")
    store_model(engine, namespace, a_draft())
    check_free_name(engine, NUMBER, "ranker", "best")
    with pytest.raises(AlreadyExists):
        check_free_name(engine, NUMBER, "recommender", "best")


def test_nothing_is_stored_in_a_namespace_that_is_gone(engine: Engine) -> None:
    gone = Namespace(number=9, namespace_id="ns_9", name="gone", created_at=START)
    with pytest.raises(NotFound):
        store_model(engine, gone, a_draft())


def test_the_newest_is_deployed_unless_another_is_named(
    engine: Engine, namespace: Namespace
) -> None:
    first, second = (store_model(engine, namespace, a_draft()) for _ in range(2))
    assert deploy_model(engine, NUMBER, "best").serving == 2
    assert find_version(engine, NUMBER, "best") == second
    assert deploy_model(engine, NUMBER, "best", 1).serving == 1
    assert find_version(engine, NUMBER, "best") == first
    assert roll_back_model(engine, NUMBER, "best").serving == 2
    with pytest.raises(Conflict):
        roll_back_model(engine, NUMBER, "best")
    for name, version in (("best", 3), ("best", 0), ("other", None), ("other", 1)):
        with pytest.raises(NotFound):
            deploy_model(engine, NUMBER, name, version)
    with pytest.raises(NotFound):
        roll_back_model(engine, NUMBER, "other")


def test_what_is_not_better_is_deployed_by_force_alone(
    engine: Engine, namespace: Namespace
) -> None:
    for better in (None, True, False):
        report = {"report": {"beats_baselines": better}}
        store_model(engine, namespace, msgspec.structs.replace(a_draft(), manifest=report))
    for version in (1, 2):
        assert deploy_model(engine, NUMBER, "best", version).serving == version
    with pytest.raises(NotBetter):
        deploy_model(engine, NUMBER, "best")
    assert find_model(engine, NUMBER, "best").serving == 2
    assert deploy_model(engine, NUMBER, "best", force=True).serving == 3


def test_an_id_names_its_version(engine: Engine, namespace: Namespace) -> None:
    first, _ = (store_model(engine, namespace, a_draft()) for _ in range(2))
    id = first.artifact_id
    assert deploy_model(engine, NUMBER, id).serving == 1
    with pytest.raises(NotFound):
        deploy_model(engine, NUMBER, id, 2)
    assert len(find_model(engine, NUMBER, id).versions) == 2
    with pytest.raises(Conflict):
        delete_model(engine, NUMBER, id)


def test_what_serves_is_not_deleted_by_its_number(engine: Engine, namespace: Namespace) -> None:
    for _ in range(3):
        store_model(engine, namespace, a_draft())
    deploy_model(engine, NUMBER, "best", 2)
    with pytest.raises(Conflict):
        delete_model(engine, NUMBER, "best", 2)
    assert delete_model(engine, NUMBER, "best", 1) == 1
    with pytest.raises(NotFound):
        delete_model(engine, NUMBER, "best", 1)
    assert [one.version for one in find_model(engine, NUMBER, "best").versions] == [3, 2]
    assert delete_model(engine, NUMBER, "best") == 2
    with pytest.raises(NotFound):
        delete_model(engine, NUMBER, "best")
