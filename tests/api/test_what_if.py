"""What-ifs over HTTP and in process."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.api.in_process_what_if import WhatIfs
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.tasks.running import run_task
from desirepath.errors import InvalidQuery, InvalidSetting, NotEnoughData, NotFound
from desirepath.testing.drawn_logs import SimulatedSearches, fill_drawn_log
from tests.api.client import Api, done
from tests.api.test_learning_controls import BODY, STAGE, TITLE

WHAT_IFS = "/v1/retrievers/shop/counterfactual-evaluations"
SEARCHES = SimulatedSearches(features=(TITLE, BODY), n_found=10, n_shown=4, spread=0.25)
WEIGHTS = {"weights": {TITLE: 0.8, BODY: 0.2}}


@pytest.fixture
def api(api: Api) -> Api:
    """Give the API with a retriever that served by drawn weights: a simulated log."""
    done(api.post("/v1/retrievers", {"retriever_name": "shop", "stages": [STAGE]}))
    retriever = find_retriever(api.engine, api.namespace.number, "shop")
    fill_drawn_log(api.engine.storage, retriever, 1_000, 5, SEARCHES)
    return api


@pytest.fixture
def what_ifs(api: Api) -> WhatIfs:
    return WhatIfs(api.engine, api.namespace)


def test_a_what_if_is_a_task_with_a_verdict(api: Api) -> None:
    answer = api.post(WHAT_IFS, {"policy": WEIGHTS, "seed": 3})
    assert answer.status_code == 202
    started = answer.json()
    assert (started["status"], started["task_type"]) == ("pending", "retriever.what_if")
    path = f"{WHAT_IFS}/{started['what_if_id']}"
    assert done(api.get(path))["result"] is None
    while run_task(api.engine):
        pass
    record = done(api.get(path))
    assert (record["status"], record["error_message"]) == ("completed", None)
    assert record["policy"] == WEIGHTS
    assert record["settings"]["seed"] == 3
    assert record["verdict"] == record["result"]["sentence"]
    assert record["result"]["n_lists"] == 1_000
    assert record["progress"]["done"] == record["progress"]["total"] == 1_000
    assert done(api.get(f"/v1/tasks/{started['task_id']}"))["outputs"] == [
        {"what_if_id": started["what_if_id"]}
    ]
    listed = done(api.get(WHAT_IFS))
    assert (listed["what_ifs"], listed["total"]) == ([record], 1)


def test_what_the_log_cannot_tell_is_said_with_numbers(api: Api) -> None:
    body = {"policy": WEIGHTS, "end_date": "2001-01-01T00:00:00Z"}
    started = api.post(WHAT_IFS, body).json()
    while run_task(api.engine):
        pass
    record = done(api.get(f"{WHAT_IFS}/{started['what_if_id']}"))
    assert record["status"] == "failed"
    assert "1 needed, 0 found" in record["error_message"]


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, ["body"]),
        ({"policy": {}}, ["body", "policy", "policy"]),
        ({"policy": {"weights": {TITLE: 0}}}, ["body", "policy", "weights"]),
        ({"policy": {"fusion": "none"}}, ["body", "policy", "fusion"]),
        ({"policy": {"speed": 1}}, ["body", "policy", "speed"]),
        ({"policy": WEIGHTS, "k": 0}, ["body", "k"]),
        ({"policy": WEIGHTS, "metrics": ["ctr"]}, ["body", "metrics"]),
        ({"policy": WEIGHTS, "start_date": "yesterday"}, ["body", "start_date"]),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(
    api: Api, body: dict[str, Any], location: list[str]
) -> None:
    answer = api.post(WHAT_IFS, body)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["error"]["details"]["validation_errors"]
    assert error["location"] == location
    assert done(api.get(WHAT_IFS))["total"] == 0


@pytest.mark.parametrize("policy", [{"retriever": "nobody"}, {"ranker": "nobody"}])
def test_what_is_not_there_is_not_found_at_once(api: Api, policy: dict[str, Any]) -> None:
    answer = api.post(WHAT_IFS, {"policy": policy})
    assert answer.status_code == 404, answer.text
    assert "nobody" not in answer.text
    assert done(api.get(WHAT_IFS))["total"] == 0


def test_another_retriever_has_none_of_it(api: Api) -> None:
    done(api.post("/v1/retrievers", {"retriever_name": "other", "stages": [STAGE]}))
    started = api.post(WHAT_IFS, {"policy": WEIGHTS}).json()
    other = WHAT_IFS.replace("shop", "other")
    assert api.get(f"{other}/{started['what_if_id']}").status_code == 404
    assert done(api.get(other))["total"] == 0


def test_in_process_it_is_done_at_once_and_kept(api: Api, what_ifs: WhatIfs) -> None:
    told: list[tuple[int, int, str]] = []
    found = what_ifs.run("shop", WEIGHTS, seed=3, progress=lambda *one: told.append(one))
    assert found["status"] == "completed"
    assert found["task_id"] is None
    assert told[-1][:2] == (1_000, 1_000)
    assert what_ifs.get(found["what_if_id"]) == found
    assert done(api.get(f"{WHAT_IFS}/{found['what_if_id']}")) == found
    started = what_ifs.start("shop", WEIGHTS, seed=3)
    while run_task(api.engine):
        pass
    assert what_ifs.get(started["what_if_id"])["result"] == found["result"]
    page = what_ifs.list("shop", page_size=1)
    assert ([one["what_if_id"] for one in page["what_ifs"]], page["total"]) == (
        [started["what_if_id"]],
        2,
    )
    what_ifs.delete(found["what_if_id"])
    with pytest.raises(NotFound):
        what_ifs.get(found["what_if_id"])


def test_in_process_the_same_is_refused(what_ifs: WhatIfs) -> None:
    with pytest.raises(InvalidSetting):
        what_ifs.run("shop", {"weights": {TITLE: -1.0}})
    with pytest.raises(InvalidSetting):
        what_ifs.start("shop", WEIGHTS, speed=1)
    with pytest.raises(NotFound):
        what_ifs.run("nobody", WEIGHTS)
    with pytest.raises(NotEnoughData):
        what_ifs.run("shop", WEIGHTS, end_date="2001-01-01T00:00:00Z")
    with pytest.raises(InvalidQuery):
        what_ifs.list("shop", page=0)
