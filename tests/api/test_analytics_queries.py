"""Queries and sessions over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import INTERACTIONS, Api, Backend, click, done

QUESTIONS = ("zero-results", "refinements", "filters", "troubled")
PATH = "/v1/analytics"


@pytest.fixture
def shop(api: Api) -> Api:
    """Five people search for a settee, find nothing, and click a sofa that is in stock."""
    retriever_id = done(api.post("/v1/retrievers", {"retriever_name": "shop"}))["retriever_id"]
    executions = f"/v1/retrievers/{retriever_id}/executions"
    for number in range(5):
        who: dict[str, Any] = {"session_id": f"visit/{number}", "user_id": f"u{number}"}
        minute = f"2025-12-05T10:0{number}"
        search = {"documents": [], "inputs": {"query": "settee"}, **who}
        done(api.post(executions, {**search, "occurred_at": f"{minute}:00Z"}))
        search |= {"documents": [{"document_id": "a"}], "inputs": {"query": "sofa"}}
        search |= {"occurred_at": f"{minute}:10Z"}
        id = done(api.post(executions, search))["execution_id"]
        in_stock = {"filter": "in_stock", "value": True}
        for event in (
            click(
                feature_id="_query",
                interaction_type=["filter_toggle"],
                metadata=in_stock,
                occurred_at=f"{minute}:15Z",
            ),
            click(
                feature_id="a",
                interaction_type=["click", "skip"],
                occurred_at=f"{minute}:20Z",
            ),
        ):
            done(api.post(INTERACTIONS, {**event, "execution_id": id}))
    return api


def test_each_question_is_answered(shop: Api) -> None:
    lost, pairs, filters, troubled = (
        done(shop.get(f"{PATH}/queries/{question}")) for question in QUESTIONS
    )
    (settee,) = lost["queries"]
    assert (settee["query"], settee["nothing"]["count"], settee["rescued"]) == ("settee", 5, 5)
    (pair,) = pairs["refinements"]
    assert (pair["refined_to"], pair["kind"], pair["suggested"]) == ("sofa", "rewrite", True)
    assert len(pair["examples"]) == 3
    (in_stock,) = filters["filters"]
    assert (in_stock["field"], in_stock["value"], in_stock["suggested"]) == (
        "in_stock",
        "true",
        True,
    )
    assert troubled["note"] == (
        "No query with a skip or a return has 20 searches or more: nothing can be said of one."
    )
    sessions = done(shop.get(f"{PATH}/sessions?limit=2"))
    assert [one["session_id"] for one in sessions["sessions"]] == ["visit/4", "visit/3"]
    assert [one["searches"] for one in sessions["sessions"]] == [2, 2]
    journey = done(shop.get(f"{PATH}/sessions/visit%2F4"))
    assert journey["visits"][0]["text"] == (
        "searched “settee”, found nothing → refined to “sofa”, found 1 → "
        "turned on in_stock = true → clicked #1 and passed over #1 after 10 s"
    )


def test_a_part_is_asked_and_thresholds_are_the_callers(shop: Api) -> None:
    from_four = f"{PATH}/queries/refinements?start_date=2025-12-05T10:01:00Z"
    assert not done(shop.get(from_four))["refinements"][0]["suggested"]
    enough = done(shop.get(f"{from_four}&min_identities=4"))["refinements"][0]
    assert (enough["identities"], enough["suggested"]) == (4, True)


@pytest.mark.parametrize(
    "wrong",
    [
        "queries/zero-results?limit=0",
        "queries/refinements?min_identities=1",  # never from one person
        "queries/filters?min_share=1.5",
        "queries/troubled?min_searches=0",
        "sessions?outcome=paradise",
    ],
)
def test_what_cannot_be_asked_is_refused(api: Api, wrong: str) -> None:
    response = api.get(f"{PATH}/{wrong}")
    assert response.status_code == 400, response.text


def test_an_erased_user_is_in_no_answer(shop: Api) -> None:
    erased = shop.delete("/v1/users/u4", key="admin", headers={"X-Namespace": shop.namespace.name})
    assert done(erased)["executions_deleted"] == 2
    pair = done(shop.get(f"{PATH}/queries/refinements"))["refinements"][0]
    assert pair["identities"] == 4
    assert "visit/4" not in str(pair)
    assert shop.get(f"{PATH}/sessions/visit%2F4").status_code == 404


def test_others_see_nothing_of_it(shop: Api, backend: Backend) -> None:
    stranger = backend.api()
    for question in (*(f"queries/{question}" for question in QUESTIONS), "sessions"):
        assert "0, where 1 is needed" in done(stranger.get(f"{PATH}/{question}"))["note"]
    assert stranger.get(f"{PATH}/sessions/visit%2F4").status_code == 404
