"""The report says what was served, and with which weights."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.engine.learned_report import LearnedRetriever
from desirepath.engine.reporting import Report, report
from tests.api.client import Api, done

PATH = "/v1/retrievers"
FEATURES = ("mine://good", "mine://bad")


def create(api: Api, name: str, **parameters: Any) -> str:
    searches = [{"feature_uri": uri} for uri in FEATURES]
    config = {
        "stage_id": "feature_search",
        "parameters": {"searches": searches, "fusion": "learned"} | parameters,
    }
    stages = [{"stage_name": "search", "config": config}]
    made = done(api.post(PATH, {"retriever_name": name, "stages": stages}))
    id: str = made.get("retriever", made)["retriever_id"]
    return id


def search_and_click(api: Api, retriever: str, user: str) -> str:
    """Search; the document that the first feature found first is clicked."""
    good = [{"document_id": f"d{n}", "score": 9 - n} for n in range(9)]
    bad = [{"document_id": f"d{n}", "score": n} for n in range(9)]
    body = {
        "inputs": {"query": "red shoes"},
        "user_id": user,
        "candidates": dict(zip(FEATURES, (good, bad), strict=True)),
    }
    answer = done(api.post(f"{PATH}/{retriever}/execute", body))
    position = [one["document_id"] for one in answer["documents"]].index("d0")
    click = {
        "feature_id": "d0",
        "interaction_type": ["purchase"],
        "position": position,
        "execution_id": answer["execution_id"],
        "user_id": user,
    }
    done(api.post(f"{PATH}/interactions", click))
    id: str = answer["execution_id"]
    return id


def look(api: Api) -> Report:
    return report(api.engine, api.namespace, api.clock.now())


def the_one(api: Api) -> LearnedRetriever:
    (learned,) = look(api).learned
    return learned


N_SEARCHES = 60
"""Weights are drawn anew in each run; after a dozen an interval may still be as wide as before."""


def test_weights_move_with_what_is_bought(api: Api) -> None:
    retriever = create(api, "shop")
    before = the_one(api)
    assert (before.retriever_name, before.serving, before.lists) == ("shop", "learned", 0)
    assert [one.weight for one in before.weights] == [0.5, 0.5]
    ids = [search_and_click(api, retriever, f"user {n}") for n in range(N_SEARCHES)]
    found = look(api)
    (after,) = found.learned
    assert after.lists == pytest.approx(N_SEARCHES)
    assert [one.feature_uri for one in after.weights] == list(FEATURES)
    good, bad = after.weights
    assert good.weight > 0.6
    assert sum(one.weight for one in after.weights) == pytest.approx(1)
    for now, then in ((good, before.weights[0]), (bad, before.weights[1])):
        assert now.low <= now.weight <= now.high
        assert now.high - now.low < then.high - then.low
    assert [one.execution_id for one in found.searches] == ids[::-1][:10]
    last = found.searches[0]
    assert (last.retriever_name, last.query, last.n_documents) == ("shop", "red shoes", 9)
    assert (last.fusion, last.level) == ("learned", "global")
    assert sum(last.weights.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("decision", "body", "serving"),
    [
        ("disable", {}, "static"),
        ("rollout", {"rollout_pct": 20}, "in part"),
    ],
)
def test_it_says_who_gets_them(api: Api, decision: str, body: dict[str, Any], serving: str) -> None:
    retriever = create(api, "shop")
    done(api.post(f"{PATH}/{retriever}/learned-fusion/{decision}", body))
    assert the_one(api).serving == serving


def test_shadow_and_frozen(api: Api) -> None:
    retriever = create(api, "shop", learning_config={"shadow_mode": True})
    done(api.post(f"{PATH}/{retriever}/learned-fusion/freeze"))
    found = the_one(api)
    assert (found.serving, found.frozen) == ("shadow", True)


def test_searches_of_other_engines_have_no_weights(api: Api) -> None:
    made = done(api.post(PATH, {"retriever_name": "elsewhere", "stages": []}))
    retriever = made.get("retriever", made)["retriever_id"]
    body = {"execution_id": "theirs", "documents": [{"document_id": "a"}]}
    done(api.post(f"{PATH}/{retriever}/executions", body))
    found = look(api)
    assert found.learned == ()
    (search,) = found.searches
    assert (search.execution_id, search.fusion, search.weights) == ("theirs", None, {})
    assert search.first_document_id == "a"
