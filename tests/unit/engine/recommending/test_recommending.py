"""What is recommended to whom, and why, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.clock import format_time
from desirepath.domain.document import read_document
from desirepath.engine.deleting import erase_user
from desirepath.engine.documents import delete_document, store_documents
from desirepath.engine.engine import Engine
from desirepath.engine.models import deploy_model, roll_back_model, store_model
from desirepath.engine.recommendations import (
    recommend_documents,
    recommend_similar_documents,
    recommend_similar_users,
)
from desirepath.engine.recommender_files import write_recommender
from desirepath.engine.recommending.answers import Choice, RecommendedDocuments
from desirepath.engine.recommending.history import Asker
from desirepath.engine.recommending.loading import MOST_RECOMMENDERS
from desirepath.engine.recording import Submission
from desirepath.errors import Conflict, InvalidFile, InvalidFilter, NotFound
from desirepath.storage.base import Namespace
from desirepath.testing.clock import TestingClock
from desirepath.testing.examples import sent_execution, sent_interaction
from tests.recommenders import parts_of, store_recommender

LIKED = {
    **{f"sea{number}": ("boat", "sail", "rope") for number in range(4)},
    **{f"land{number}": ("tent", "boots", "map") for number in range(3)},
    "both": ("rope", "map"),
}
ADA = Asker(user_id="ada")


@pytest.fixture
def default(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return next(one for one in session.catalog.namespaces() if one.number == 1)


def does(engine: Engine, document_id: str, *types: str, **fields: Any) -> None:
    sent = sent_interaction(
        feature_id=document_id, interaction_type=list(types or ("click",)), **fields
    )
    engine.submit(Submission(namespace=1, interactions=(sent,)))


def ids_of(answer: RecommendedDocuments) -> list[str]:
    return [one.document_id for one in answer.documents]


def test_documents_for_a_user_are_those_of_people_like_them(
    engine: Engine, default: Namespace
) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    does(engine, "boat", user_id="ada")
    answer = recommend_documents(engine, 1, ADA, Choice(limit=3), exclude_seen=True)
    assert ids_of(answer) == ["sail", "rope", "map"]  # the last by popularity
    assert (answer.basis, answer.notes) == ("history", [])
    assert (answer.model.name, answer.model.version, answer.model.is_stale) == (
        "recommender",
        1,
        False,
    )
    first, _, last = answer.documents
    assert [(one.document_id, one.share) for one in first.because] == [("boat", 1.0)]
    assert last.because == []
    assert first.score > last.score > 0


def test_what_came_after_training_counts_at_once(engine: Engine, default: Namespace) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    does(engine, "boat", user_id="ada")
    before = ids_of(recommend_documents(engine, 1, ADA, Choice(limit=2), exclude_seen=True))
    for document in ("tent", "boots"):
        does(engine, document, "click", "add_to_cart", user_id="ada")
    after = ids_of(recommend_documents(engine, 1, ADA, Choice(limit=2), exclude_seen=True))
    assert (before[0], after[0]) == ("sail", "map")


def test_whose_search_it_was_counts_where_the_click_does_not_say(
    engine: Engine, default: Namespace
) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    search = sent_execution(execution_id="e1", user_id="ada", documents=[{"document_id": "tent"}])
    engine.submit(Submission(namespace=1, executions=(search,)))
    does(engine, "tent", execution_id="e1")
    answer = recommend_documents(engine, 1, ADA, Choice(limit=1), exclude_seen=True)
    assert (answer.basis, ids_of(answer)) == ("history", ["boots"])


def test_a_session_is_asked_like_a_user(engine: Engine, default: Namespace) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    does(engine, "tent", session_id="visit")
    answer = recommend_documents(
        engine, 1, Asker(session_id="visit"), Choice(limit=2), exclude_seen=True
    )
    assert set(ids_of(answer)) == {"boots", "map"}


def test_who_is_not_known_gets_what_is_popular_and_is_told(
    engine: Engine, default: Namespace
) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    for asker in (Asker(user_id="nobody"), Asker(session_id="nobody"), Asker()):
        answer = recommend_documents(engine, 1, asker, Choice(limit=2))
        assert ids_of(answer) == ["rope", "boat"]
        assert answer.basis == "popularity"
        assert answer.notes[0].endswith("these are the most popular documents.")
        assert answer.documents[0].because == []
    does(engine, "boat", "skip", user_id="sceptic")  # worth nothing
    answer = recommend_documents(engine, 1, Asker(user_id="sceptic"), Choice())
    assert answer.basis == "popularity"


def test_what_was_bought_is_left_out_unless_it_is_wanted(
    engine: Engine, default: Namespace
) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    does(engine, "rope", "click", "purchase", user_id="ada")
    does(engine, "boat", user_id="ada")
    does(engine, "sail", "impression", user_id="ada")
    usual = ids_of(recommend_documents(engine, 1, ADA, Choice()))
    assert "rope" not in usual
    assert {"boat", "sail"} <= set(usual)
    unseen = ids_of(recommend_documents(engine, 1, ADA, Choice(), exclude_seen=True))
    assert not {"rope", "boat", "sail"} & set(unseen)
    every = ids_of(recommend_documents(engine, 1, ADA, Choice(), exclude_purchased=False))
    assert "rope" in every
    named = Choice(exclude_document_ids=("boat", "no such document"))
    assert "boat" not in ids_of(recommend_documents(engine, 1, ADA, named))


def test_only_stored_documents_that_pass_the_filter_are_recommended(
    engine: Engine, default: Namespace
) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    cheap = Choice(filters={"price": {"$lt": 10}}, return_payload=True)
    none = recommend_documents(engine, 1, ADA, cheap)
    assert (none.documents, none.notes[-1]) == (
        [],
        "No documents are stored here, so that no filter can pass any.",
    )
    prices = {"boat": 900, "sail": 90, "rope": 9, "map": 5}
    drafts = [
        read_document({"document_id": id, "payload": {"price": price}})[0]
        for id, price in prices.items()
    ]
    store_documents(engine, default, drafts)
    answer = recommend_documents(engine, 1, ADA, cheap)
    assert ids_of(answer) == ["rope", "map"]
    assert answer.documents[0].payload == {"price": 9}
    assert set(ids_of(recommend_documents(engine, 1, ADA, Choice()))) == set(prices)
    delete_document(engine, 1, "rope")
    assert "rope" not in ids_of(recommend_documents(engine, 1, ADA, Choice()))
    with pytest.raises(InvalidFilter):
        recommend_documents(engine, 1, ADA, Choice(filters={"AND": 3}))


def test_similar_documents_are_those_of_the_same_people(engine: Engine, default: Namespace) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    answer = recommend_similar_documents(engine, 1, "tent", Choice())
    assert [one.document_id for one in answer.documents] == ["boots", "map"]
    assert 0 < answer.documents[1].score < answer.documents[0].score <= 1
    without = recommend_similar_documents(
        engine, 1, "tent", Choice(exclude_document_ids=("boots",))
    )
    assert [one.document_id for one in without.documents] == ["map"]
    with pytest.raises(NotFound, match="No such document"):
        recommend_similar_documents(engine, 1, "kite", Choice())
    store_documents(engine, default, [read_document({"document_id": "kite"})[0]])
    new = recommend_similar_documents(engine, 1, "kite", Choice())
    assert (new.documents, len(new.notes)) == ([], 1)


def test_similar_users_share_documents_and_an_erasure_takes_the_model_that_names_them(
    engine: Engine, default: Namespace
) -> None:
    for document in ("tent", "map"):
        does(engine, document, user_id="land1")
    store_recommender(engine, default, parts_of(LIKED, people=False))
    store_recommender(engine, default, parts_of(LIKED), name="people")
    asker = Asker(user_id="land1")
    with pytest.raises(Conflict, match="similar_users"):
        recommend_similar_users(engine, 1, asker, 5)
    answer = recommend_similar_users(engine, 1, asker, 3, model="people")
    assert [one.user_id for one in answer.users] == ["land0", "land2", "both"]
    assert {one.document_id for one in answer.users[0].because} == {"tent", "map"}
    assert answer.users[0].score == pytest.approx(2 / (2**0.5 * 3**0.5))
    nobody = recommend_similar_users(engine, 1, ADA, 3, model="people")
    assert (nobody.users, len(nobody.notes)) == ([], 1)
    erase_user(engine, 1, "land1")
    with pytest.raises(NotFound):
        recommend_similar_users(engine, 1, ADA, 3, model="people")
    stale = recommend_documents(engine, 1, ADA, Choice())
    assert stale.model.is_stale


def test_another_version_serves_once_it_is_deployed(engine: Engine, default: Namespace) -> None:
    with pytest.raises(NotFound, match="No such recommender"):
        recommend_documents(engine, 1, ADA, Choice())
    store_recommender(engine, default, parts_of(LIKED))
    store_recommender(engine, default, parts_of({"a": ("x", "y"), "b": ("x", "y")}))
    assert ids_of(recommend_documents(engine, 1, ADA, Choice())) == ["x", "y"]
    first = recommend_documents(engine, 1, ADA, Choice(limit=1), version=1)
    assert ids_of(first) == ["rope"]
    roll_back_model(engine, 1, "recommender")
    assert ids_of(recommend_documents(engine, 1, ADA, Choice(limit=1))) == ["rope"]
    deploy_model(engine, 1, "recommender", 2)
    with pytest.raises(NotFound):  # of another namespace
        recommend_documents(engine, 2, ADA, Choice())


def test_a_process_holds_a_few_and_loads_each_once(engine: Engine, default: Namespace) -> None:
    for number in range(MOST_RECOMMENDERS + 2):
        store_recommender(engine, default, parts_of(LIKED), name=f"m{number}")
    one = engine.recommenders.get(1, "m0")
    assert engine.recommenders.get(1, "m0") is one
    for number in range(1, MOST_RECOMMENDERS + 2):
        engine.recommenders.get(1, f"m{number}")
    assert engine.recommenders.get(1, "m0") is not one


def test_files_of_another_model_are_refused(engine: Engine, default: Namespace) -> None:
    files = write_recommender(parts_of(LIKED))
    for name, changed in (
        ("constants.json", b"{}"),
        ("model.npz", b"no arrays"),
        ("documents.json", b'["one"]'),
    ):
        draft = ArtifactDraft(
            kind="recommender", name="bad", manifest={}, files={**files, name: changed}
        )
        stored = store_model(engine, default, draft)
        with pytest.raises(InvalidFile, match="not the files of a recommender"):
            engine.recommenders.get(1, "bad", stored.version)


def test_old_reactions_fade_beside_new_ones(
    engine: Engine, default: Namespace, clock: TestingClock
) -> None:
    store_recommender(engine, default, parts_of(LIKED))
    day = 86_400_000_000
    long_ago = format_time(clock.now() - 200 * day)
    does(engine, "boat", user_id="ada", occurred_at=long_ago)
    does(engine, "tent", user_id="ada")
    answer = recommend_documents(engine, 1, ADA, Choice(limit=2), exclude_seen=True)
    assert set(ids_of(answer)) == {"boots", "map"}
