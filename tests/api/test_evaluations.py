"""Evaluation datasets over HTTP, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Api, done

DATASETS = "/v1/retrievers/evaluations/datasets"


def truth(**changes: Any) -> dict[str, Any]:
    return {"query_id": "q1", "query_input": {"query": "shoes"}, "relevant_documents": []} | changes


def dataset(*queries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"dataset_name": "gold", "queries": list(queries) or [truth()]} | changes


def searched(api: Api, retriever_id: str, query: str, *, clicked: str = "", shown: str = "") -> str:
    """A search that showed documents of one letter, with clicks; its id."""
    body: dict[str, Any] = {"documents": [{"document_id": name} for name in shown]}
    path = f"/v1/retrievers/{retriever_id}/executions"
    id: str = done(api.post(path, body | {"inputs": {"q": query, "lang": "en"}}))["execution_id"]
    for name in clicked:
        api.record(feature_id=name, position=shown.index(name), execution_id=id)
    return id


@pytest.fixture
def retriever_id(api: Api) -> str:
    id: str = done(api.post("/v1/retrievers", {"retriever_name": "shop"}))["retriever_id"]
    return id


def test_a_dataset_is_read_as_it_was_sent(api: Api) -> None:
    queries = [
        truth(relevant_documents=["b", "a"], relevance_scores={"a": 2, "c": 0, "b": 5}),
        truth(query_id="q 2", relevant_documents=["x"]),
        truth(query_id="q3"),
    ]
    sent = dataset(*queries, description="by hand", metadata={"who": ["us"]})
    made = done(api.post(DATASETS, sent))
    assert made["dataset_id"].startswith("ds_")
    wanted = sent | {"queries": [{"relevance_scores": None} | query for query in queries]}
    got = {name: made[name] for name in wanted}
    got["queries"] = [
        {name: value for name, value in query.items() if name != "judgments"}
        for query in made["queries"]
    ]
    assert got == wanted
    assert (made["query_count"], made["judgment_count"]) == (3, 4)
    assert made["namespace_id"] == made["internal_id"] == api.namespace.namespace_id
    assert (made["source"]["kind"], made["stale_since"]) == ("sent", None)
    assert made["queries"][0]["judgments"][2] == {"document_id": "c", "grade": 0}
    for identifier in (made["dataset_id"], "gold"):
        assert done(api.get(f"{DATASETS}/{identifier}")) == made
    without = done(api.get(f"{DATASETS}/gold?include_queries=false"))
    assert without == made | {"queries": []}


def test_datasets_are_listed_in_pages(api: Api) -> None:
    made = [done(api.post(DATASETS, dataset(dataset_name=f"gold {n}"))) for n in range(3)]
    listed = done(api.get(DATASETS))
    assert listed == {"datasets": made[::-1], "total": 3, "page": 1, "page_size": 20}
    second = done(api.get(f"{DATASETS}?page=2&page_size=2"))
    assert second == {"datasets": made[:1], "total": 3, "page": 2, "page_size": 2}
    assert api.get(f"{DATASETS}?page_size=1001").status_code == 400


def test_a_name_is_taken_once(api: Api) -> None:
    done(api.post(DATASETS, dataset()))
    answer = api.post(DATASETS, dataset())
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "AlreadyExistsError")


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ([], []),
        (dataset(dataset_name=""), ["dataset_name"]),
        (dataset(dataset_name="x" * 201), ["dataset_name"]),
        (dataset(dataset_name="ds_1"), ["dataset_name"]),
        (dataset(dataset_name="a/b"), ["dataset_name"]),
        (dataset() | {"queries": []}, ["queries"]),
        (dataset(truth(), truth()), ["queries", 1, "query_id"]),
        (dataset(truth(relevance_scores={"a": 6})), ["queries", 0, "relevance_scores"]),
        (dataset(truth(relevance_scores={"a": -1})), ["queries", 0, "relevance_scores"]),
        (dataset(truth(relevant_documents=["x" * 257])), ["queries", 0, "relevant_documents", 0]),
        (dataset(truth(grade=1)), ["grade"]),
        (dataset(color="red"), ["color"]),
    ],
)
def test_what_breaks_a_rule_is_refused(api: Api, body: Any, location: list[Any]) -> None:
    answer = api.post(DATASETS, body)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["code"] == "invalid_dataset"
    (problem,) = error["details"]["validation_errors"]
    assert problem["location"] == (["body", *location])
    assert api.get(DATASETS).json()["total"] == 0


def test_an_unknown_dataset_is_not_found(api: Api) -> None:
    answer = api.get(f"{DATASETS}/ds_{'0' * 32}")
    assert (answer.status_code, answer.json()["error"]["details"]["resource"]) == (404, "dataset")


def test_a_dataset_is_made_of_what_people_chose(api: Api, retriever_id: str) -> None:
    for clicked in ("ab", "ab", "a", "a"):
        searched(api, retriever_id, "shoes", clicked=clicked, shown="abc")
    searched(api, retriever_id, "hats", clicked="c", shown="abc")
    path = f"/v1/retrievers/{retriever_id}/evaluations/generate-from-interactions"
    made = done(api.post(path))
    (query,) = made["queries"]
    assert query["query_input"] == {"q": "shoes"}
    assert query["relevant_documents"] == ["a", "b"]
    assert query["relevance_scores"] == {"a": 3, "b": 2}
    assert [one["clicks"] for one in query["judgments"]] == [4.0, 2.0]
    source = made["source"]
    assert (source["model"], source["retriever_id"]) == ("counts", retriever_id)
    assert made["dataset_name"].startswith(f"auto_{retriever_id}_20")
    again = done(api.post(path, {"min_interactions": 1, "anything": "else"}))
    assert again["dataset_name"] == made["dataset_name"] + "_2"
    assert [query["query_input"]["q"] for query in again["queries"]] == ["hats", "shoes"]
    by_id = {query["query_id"]: query["query_input"]["q"] for query in again["queries"]}
    assert by_id[query["query_id"]] == "shoes"


def test_a_click_model_sees_what_was_not_clicked(api: Api, retriever_id: str) -> None:
    for clicked in ("a", "a", "a", "a", "b", ""):
        searched(api, retriever_id, "shoes", clicked=clicked, shown="abc")
    path = f"/v1/retrievers/{retriever_id}/evaluations/generate-from-interactions"
    body = {"dataset_name": "by model", "model": "sdbn", "min_impressions": 5}
    made = done(api.post(path, body))
    (query,) = made["queries"]
    assert set(query["relevance_scores"]) == {"a", "b", "c"}
    assert [one["document_id"] for one in query["judgments"]] == ["a", "b", "c"]
    assert [one["impressions"] for one in query["judgments"]] == [6.0, 6.0, 6.0]
    assert made["source"]["fit"]["model"]["perplexity"] >= 1.0
    assert api.post(path, body).status_code == 409


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "not_enough_data"),
        ({"positive_interaction_types": ["purchase"], "min_interactions": 1}, "not_enough_data"),
        ({"positive_interaction_types": ["bought"]}, "invalid_dataset"),
        ({"positive_interaction_types": []}, "invalid_dataset"),
        ({"model": "gctr"}, "invalid_dataset"),
        ({"min_interactions": 0}, "invalid_dataset"),
        ({"lookback_days": 366}, "invalid_dataset"),
        ({"dataset_name": "a/b"}, "invalid_dataset"),
    ],
)
def test_what_cannot_be_made_says_why(
    api: Api, retriever_id: str, body: dict[str, Any], code: str
) -> None:
    searched(api, retriever_id, "shoes", clicked="a", shown="ab")
    path = f"/v1/retrievers/{retriever_id}/evaluations/generate-from-interactions"
    answer = api.post(path, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert api.get(DATASETS).json()["total"] == 0


def test_searches_that_find_nothing_are_no_judgments(api: Api, retriever_id: str) -> None:
    """They have a ranking of no documents, which is copied like any other."""
    find = {"feature_uri": "text://title", "query": "{{INPUT.query}}"}
    stage = {"stage_id": "feature_search", "parameters": {"searches": [find], "fusion": "learned"}}
    body = {"retriever_name": "own", "stages": [{"stage_name": "find", "config": stage}]}
    documents = f"/v1/namespaces/{api.namespace.namespace_id}/documents/upsert"
    shoe = {"document_id": "shoe", "payload": {"title": "Red shoe"}}
    done(api.post(documents, {"documents": [shoe]}))
    own = done(api.post("/v1/retrievers", body))["retriever_id"]
    served = done(api.post(f"/v1/retrievers/{own}/execute", {"inputs": {"query": "hat"}}))
    assert served["documents"] == []
    answer = api.post(f"/v1/retrievers/{own}/evaluations/generate-from-interactions")
    assert answer.json()["error"]["code"] == "not_enough_data"


def test_what_was_deleted_since_is_said(api: Api, retriever_id: str) -> None:
    id = searched(api, retriever_id, "shoes", clicked="a", shown="ab")
    path = f"/v1/retrievers/{retriever_id}/evaluations/generate-from-interactions"
    name = done(api.post(path, {"min_interactions": 1}))["dataset_name"]
    (interaction,) = api.list(filters={"execution_id": id})["results"]
    assert done(api.get(f"{DATASETS}/{name}"))["stale_since"] is None
    api.delete(f"/v1/retrievers/interactions/{interaction['interaction_id']}")
    assert done(api.get(f"{DATASETS}/{name}"))["stale_since"] is not None
    api.delete(f"/v1/retrievers/{retriever_id}")
    assert api.get(f"{DATASETS}/{name}").status_code == 404
