"""Predictions are scored, and evaluations are found, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Api, done

SCORE = "/v1/evaluations/score"


def test_one_prediction_is_scored_as_a_set(api: Api) -> None:
    sent = {"predicted": ["a", "b", "b", "x"], "ground_truth": ["b", "a", "c", "d"]}
    precision, recall = 2 / 3, 2 / 4
    wanted = {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "f2": 5 * precision * recall / (4 * precision + recall),
    }
    scored = done(api.post(SCORE, sent))
    assert scored["aggregate"] == pytest.approx(wanted)
    assert scored["per_item"] == [scored["aggregate"]]
    assert (scored["metrics"], scored["k"], scored["count"]) == (list(wanted), None, 1)


def test_many_are_scored_by_their_first_k_and_averaged(api: Api) -> None:
    items = [
        {"predicted": ["a", "a", "b"], "ground_truth": ["b"]},
        {"predicted": [], "ground_truth": ["b"]},
        {"predicted": ["b"], "ground_truth": []},
        {"predicted": None},
    ]
    sent = {"items": items, "metrics": ["recall", "f1", "recall"], "k": 2, "benchmark": "ours"}
    assert done(api.post(SCORE, sent)) == {
        "metrics": ["recall", "f1"],
        "k": 2,
        "count": 4,
        "per_item": [{"recall": 1.0, "f1": 2 / 3}, *[{"recall": 0.0, "f1": 0.0}] * 3],
        "aggregate": {"recall": 0.25, "f1": pytest.approx(1 / 6)},
    }


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, []),
        ([], []),
        ({"predicted": ["a"]}, []),
        ({"predicted": ["a"], "ground_truth": ["a"], "items": [{}]}, []),
        ({"items": []}, ["items"]),
        ({"items": [{"predicted": [1]}]}, ["items", 0, "predicted", 0]),
        ({"items": [{}], "metrics": ["ndcg"]}, ["metrics", 0]),
        ({"items": [{}], "metrics": []}, ["metrics"]),
        ({"items": [{}], "k": 0}, ["k"]),
    ],
)
def test_what_cannot_be_scored_is_refused(api: Api, body: Any, location: list[Any]) -> None:
    answer = api.post(SCORE, body)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["code"] == "invalid_evaluation"
    (problem,) = error["details"]["validation_errors"]
    assert problem["location"] == ["body", *location]


def test_where_evaluations_are_is_said(api: Api) -> None:
    described = done(api.get("/openapi.json", key=None))["paths"]
    for endpoint in done(api.get("/v1/evaluations"))["endpoints"].values():
        method, path = endpoint.split(" ")
        assert method.lower() in described[path]
