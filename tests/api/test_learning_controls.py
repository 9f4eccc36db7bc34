"""What is decided about learning holds in every process, after a restart and after a change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from desirepath.domain.fusion_controls import read_controls
from desirepath.engine.housekeeping import keep_house
from tests.api.client import Api, Request, done

TITLE, BODY = "text://title", "text://body"
STAGE: dict[str, Any] = {
    "stage_name": "find",
    "config": {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [
                {"feature_uri": TITLE, "query": "{{INPUT.query}}"},
                {"feature_uri": BODY, "query": "{{INPUT.query}}"},
            ],
            "fusion": "learned",
        },
    },
}
FUSION = "/v1/retrievers/shop/learned-fusion"
SCORES = [{TITLE: 1.0 - n / 10, BODY: n / 10} for n in range(6)]


@pytest.fixture
def api(api: Api) -> Api:
    """Give the API with a retriever that learns."""
    done(api.post("/v1/retrievers", {"retriever_name": "shop", "stages": [STAGE]}))
    return api


@pytest.fixture
def another(api: Api) -> Api:
    """Give the same namespace as another process serves it: with nothing in memory in common."""
    return api.under(session_window_minutes=61)


def search(api: Api, name: str, user_id: str, **acts: Any) -> None:
    """Log a search, and a click on its third document."""
    documents = [{"document_id": f"doc_{n}", "scores": one} for n, one in enumerate(SCORES)]
    body = {"execution_id": name, "documents": documents, "user_id": user_id}
    done(api.post("/v1/retrievers/shop/executions", body))
    clicked = {"feature_id": "doc_5", "interaction_type": ["click"], "position": 5}
    done(api.post("/v1/retrievers/interactions", {**clicked, "execution_id": name, **acts}))


def context(api: Api, user_id: str = "kim") -> dict[str, Any] | None:
    """What a search was served with."""
    found: dict[str, Any] | None = done(
        api.post(
            "/v1/retrievers/shop/execute",
            {
                "inputs": {"query": "shoe"},
                "user_id": user_id,
                "candidates": {
                    TITLE: [{"document_id": "doc_1", "score": 2.0}],
                    BODY: [{"document_id": "doc_2", "score": 1.0}],
                },
            },
        )
    )["learned_fusion_context"]
    return found


IsSo = Callable[[Api], bool]


def after_a_second(api: Api, is_so: IsSo) -> bool:
    time.sleep(1.0)
    return is_so(api)


def test_decisions_hold_everywhere_and_are_kept(api: Api, another: Api) -> None:
    assert context(another) is not None
    weights = {TITLE: 0.25, BODY: 0.75}
    decisions: tuple[tuple[str, str, Any, IsSo], ...] = (
        ("/disable", "POST", None, lambda process: context(process) is None),
        ("/enable", "POST", None, lambda process: context(process) is not None),
        ("/rollout", "POST", {"rollout_pct": 0}, lambda process: context(process) is None),
        ("/rollout", "POST", {"rollout_pct": 100}, lambda process: context(process) is not None),
        (
            "/weights",
            "PUT",
            {"weights": weights},
            lambda process: (context(process) or {}).get("sampled_weights") == weights,
        ),
        (
            "/freeze",
            "POST",
            None,
            lambda process: bool(done(process.get(f"{FUSION}/stats"))["frozen"]),
        ),
    )
    for path, method, body, is_so in decisions:
        done(api.call(method, FUSION + path, body))
        assert is_so(api), path
        assert after_a_second(another, is_so), path
    done(api.call("PATCH", "/v1/retrievers/shop", {"tags": ["changed"]}))
    kept = api.under(session_window_minutes=62)  # as after a restart
    assert done(kept.get(f"{FUSION}/stats"))["frozen"]
    assert (context(kept) or {})["sampled_weights"] == weights


def test_what_is_searched_while_frozen_teaches_nothing_also_later(api: Api) -> None:
    search(api, "before", "kim")
    done(api.post(f"{FUSION}/freeze"))
    search(api, "meanwhile", "ana")
    done(api.post(f"{FUSION}/unfreeze"))
    assert done(api.get(f"{FUSION}/stats"))["interaction_count"] == 1.0
    search(api, "after", "ina")
    done(api.post(f"{FUSION}/rebuild"))
    keep_house(api.engine)
    assert done(api.get(f"{FUSION}/stats"))["interaction_count"] == 2.0


def test_an_opt_out_and_a_reset_hold_everywhere_at_once(api: Api, another: Api) -> None:
    for number in range(5):
        search(api, f"search-{number}", "kim")

    def level(process: Api) -> str:
        return str((context(process) or {})["context_level"])

    assert level(another) == "personal"
    done(api.post(f"{FUSION}/opt-out/kim"))
    assert level(another) == "global"
    done(api.post(f"{FUSION}/opt-in/kim"))
    assert level(another) == "personal"
    done(api.call("DELETE", f"{FUSION}/user/kim"))
    assert level(another) == "global"


def test_going_back_to_a_day_and_forth_again(api: Api, another: Api) -> None:
    search(api, "today", "kim")
    today = done(api.get(f"{FUSION}/history"))["days"][-1]
    assert today["lists"] == 1
    learned = done(api.get(f"{FUSION}/weights"))["weights"]
    assert learned[BODY] > learned[TITLE]
    done(api.post(f"{FUSION}/rollback", {"day": "2020-01-01"}))
    uniform = {TITLE: 0.5, BODY: 0.5}
    assert after_a_second(
        another, lambda process: done(process.get(f"{FUSION}/weights"))["weights"] == uniform
    )
    done(api.post(f"{FUSION}/rollback", {"day": today["day"]}))
    assert after_a_second(
        another, lambda process: done(process.get(f"{FUSION}/weights"))["weights"] == learned
    )


def test_a_rebuild_changes_nothing_and_says_how_far_it_is(api: Api, another: Api) -> None:
    for number in range(4):
        search(api, f"search-{number}", f"user-{number}")
    weights = done(api.get(f"{FUSION}/weights"))
    begun = done(api.post(f"{FUSION}/rebuild"))
    assert begun["lists_total"] == 4
    keep_house(another.engine)  # whoever is first; the process that was asked begins at once
    ended = done(another.get(f"{FUSION}/rebuild"))
    assert (ended["running"], ended["lists_done"]) == (False, 4)
    assert done(api.get(f"{FUSION}/weights")) == weights
    kinds = [event["type"] for event in done(api.get(f"{FUSION}/activity"))["events"]]
    assert kinds == ["rebuild_begun"]


def test_a_weight_is_explained_by_the_searches_that_moved_it(api: Api) -> None:
    search(api, "search", "kim")
    moved = done(api.get(f"{FUSION}/weights/explain"))["moved_most"]
    assert [one["execution_id"] for one in moved[BODY]] == ["search"]
    assert moved[BODY][0]["moved"] > 0 > moved[TITLE][0]["moved"]


def test_decisions_at_the_same_moment_all_hold(api: Api, another: Api) -> None:
    for number in range(20):
        frozen = number % 2 == 0
        decisions = [
            Request("POST", f"{FUSION}/{'freeze' if frozen else 'unfreeze'}", {}, api.keys.server),
            Request("POST", f"{FUSION}/rollout", {"rollout_pct": number + 1}, api.keys.server),
        ]
        for answer in api.send(*decisions):
            assert answer.status_code == 200, answer.text
        state = done(another.get(f"{FUSION}/stats"))
        with api.engine.storage.read() as session:
            text = session.learned.controls(api.namespace.number, state["retriever_id"])
        controls = read_controls(text)
        assert (controls.frozen, controls.rollout_pct) == (frozen, number + 1)


def test_decisions_of_a_user_at_the_same_moment_all_hold(api: Api) -> None:
    state = done(api.get(f"{FUSION}/stats"))
    for number in range(20):
        user = f"user {number}"
        decisions = [
            Request("POST", f"{FUSION}/opt-out/{user}", {}, api.keys.server),
            Request("DELETE", f"{FUSION}/user/{user}", None, api.keys.server),
        ]
        for answer in api.send(*decisions):
            assert answer.status_code == 200, answer.text
        with api.engine.storage.read() as session:
            control = session.learned.user(api.namespace.number, state["retriever_id"], user)
        assert (control.opted_out, control.generation) == (True, 1)
