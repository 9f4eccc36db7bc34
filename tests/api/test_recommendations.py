"""Recommendations over HTTP and in process."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.api.in_process import Desirepath
from desirepath.errors import InvalidSearch, NotFound
from tests.api.client import INTERACTIONS, Api, click, done
from tests.recommenders import parts_of, store_recommender

PATH = "/v1/recommendations"
LIKED = {
    **{f"sea{number}": ("boat", "sail", "rope") for number in range(3)},
    **{f"land{number}": ("tent", "boots", "map") for number in range(2)},
}


@pytest.fixture
def shop(api: Api) -> Api:
    store_recommender(api.engine, api.namespace, parts_of(LIKED))
    done(api.post(INTERACTIONS, click(feature_id="tent", user_id="ada")))
    return api


def asked(shop: Api, what: str, **body: Any) -> Any:
    return done(shop.post(f"{PATH}/{what}", body, key="read"))


def test_documents_for_a_user(shop: Api) -> None:
    answer = asked(shop, "documents", user_id="ada", exclude_seen=True, limit=2)
    assert [one["document_id"] for one in answer["documents"]] == ["boots", "map"]
    assert answer["documents"][0]["because"] == [{"document_id": "tent", "share": 1.0}]
    assert answer["basis"] == "history"
    assert answer["model"] == {"name": "recommender", "version": 1, "is_stale": False}
    cold = asked(shop, "documents", session_id="nobody", limit=1)
    assert (cold["basis"], len(cold["notes"])) == ("popularity", 1)
    assert cold["documents"][0]["document_id"] in ("boat", "sail", "rope")


def test_documents_and_people_like_others(shop: Api) -> None:
    answer = asked(shop, "similar-documents", document_id="boat")
    assert {one["document_id"] for one in answer["documents"]} == {"sail", "rope"}
    answer = asked(shop, "similar-users", user_id="ada", limit=5)
    assert [one["user_id"] for one in answer["users"]] == ["land0", "land1"]
    assert answer["users"][0]["because"] == [{"document_id": "tent", "share": 1.0}]


def test_stored_documents_are_filtered_and_shown(shop: Api) -> None:
    documents = f"/v1/namespaces/{shop.namespace.namespace_id}/documents/upsert"
    stored = [
        {"document_id": id, "payload": {"price": price}}
        for id, price in (("tent", 90), ("boots", 60), ("map", 6))
    ]
    done(shop.post(documents, {"documents": stored}))
    cheap = {"filters": {"price": {"$lt": 10}}, "return_payload": True}
    answer = asked(shop, "documents", user_id="ada", **cheap)
    assert [(one["document_id"], one["payload"]) for one in answer["documents"]] == [
        ("map", {"price": 6})
    ]
    answer = asked(shop, "documents", user_id="ada", exclude_document_ids=["map"])
    assert {one["document_id"] for one in answer["documents"]} == {"tent", "boots"}


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("documents", {}, 422),
        ("documents", {"user_id": "a", "session_id": "b"}, 422),
        ("documents", {"user_id": "a", "limit": 0}, 422),
        ("documents", {"user_id": "a", "limit": 1001}, 422),
        ("documents", {"user_id": "a", "wanted": 1}, 422),
        ("documents", {"user_id": "a", "filters": {"AND": 3}}, 422),
        ("documents", {"user_id": "a", "exclude_document_ids": ["x"] * 1001}, 422),
        ("documents", {"user_id": "a", "model": "another"}, 404),
        ("documents", {"user_id": "a", "version": 2}, 404),
        ("documents", [], 422),
        ("similar-documents", {}, 422),
        ("similar-documents", {"document_id": "kite"}, 404),
        ("similar-users", {}, 422),
        ("similar-users", {"user_id": "a", "filters": {}}, 422),
    ],
)
def test_bad_requests_get_a_sentence(shop: Api, what: str, body: Any, status: int) -> None:
    answer = shop.post(f"{PATH}/{what}", body)
    assert answer.status_code == status
    message = answer.json()["error"]["message"]
    assert message
    assert "kite" not in message


def test_a_model_that_keeps_nobody_is_no_model_of_people(api: Api) -> None:
    store_recommender(api.engine, api.namespace, parts_of(LIKED, people=False))
    answer = api.post(f"{PATH}/similar-users", {"user_id": "ada"})
    assert answer.status_code == 409
    assert "similar_users" in answer.json()["error"]["message"]


def test_public_keys_may_not_ask(shop: Api) -> None:
    body = {"user_id": "ada"}
    assert shop.post(f"{PATH}/documents", body, key="public").status_code == 403


def test_in_process(shop: Api) -> None:
    opened = Desirepath(shop.engine, shop.namespace.namespace_id)
    answer = opened.recommendations.documents(user_id="ada", exclude_seen=True, limit=1)
    assert answer["documents"][0]["document_id"] == "boots"
    assert opened.recommendations.similar_documents("boat", limit=1)["documents"]
    assert opened.recommendations.similar_users(user_id="ada")["users"]
    with pytest.raises(InvalidSearch):
        opened.recommendations.documents()
    with pytest.raises(NotFound):
        opened.recommendations.similar_documents("kite")
