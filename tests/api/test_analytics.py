"""Relevance analytics over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Api, done

PATHS = ("positions", "queries", "documents", "funnel")


def fill(api: Api) -> None:
    """Three searches of two rankers: five documents shown, one of them clicked and bought."""
    retriever = api.retriever()
    for number, (query, label, *shown) in enumerate(
        [("hat", "old", "a", "b"), ("hat", "new", "b", "a"), ("shoe", "new", "c")]
    ):
        execution = f"search-{number}"
        api.execution(
            retriever,
            *shown,
            execution_id=execution,
            session_id="s1",
            configuration=label,
            inputs={"query": query},
        )
        for position, document in enumerate(shown):
            types = ["impression"]
            if (number, position) == (1, 0):
                types += ["click", "add_to_cart", "purchase"]
            api.record(
                feature_id=document,
                position=position,
                interaction_type=types,
                execution_id=execution,
            )


def ask(api: Api, path: str) -> dict[str, Any]:
    return done(api.get(f"/v1/analytics/{path}"))


def test_all_four(api: Api) -> None:
    fill(api)
    positions = ask(api, "positions?group_by=configuration")
    assert [
        (row["group"], row["position"], row["click_through"]["count"], row["click_through"]["of"])
        for row in positions["results"]
    ] == [("new", 0, 1, 2), ("new", 1, 0, 1), ("old", 0, 0, 1), ("old", 1, 0, 1)]
    coverage = positions["coverage"]
    assert (coverage["basis"], coverage["impressions"], coverage["clicked"]) == ("shown", 5, 1)
    queries = ask(api, "queries?limit=1")
    assert [row["query"] for row in queries["results"]] == ["hat"]
    assert queries["pagination"]["total"] == 2
    following = done(api.get(queries["pagination"]["next_page"]))
    assert [row["query"] for row in following["results"]] == ["shoe"]
    documents = ask(api, "documents?sort=clicks_over_expected&min_impressions=2")
    assert [row["document_id"] for row in documents["results"]] == ["b", "a"]
    assert documents["results"][0]["clicks_over_expected"]["expected"] == pytest.approx(1 / 3)
    steps = ask(api, "funnel?steps=impression,click,purchase&configuration=new")
    assert [
        (funnel["unit"], [step["reached"]["count"] for step in funnel["steps"]])
        for funnel in steps["results"]
    ] == [("documents", [3, 1, 1]), ("sessions", [1, 1, 1])]


@pytest.mark.parametrize("path", PATHS)
def test_beside_the_period_before(api: Api, path: str) -> None:
    """Nothing happened then, and that is what is said."""
    fill(api)
    period = "start_date=2020-01-01&end_date=2099-01-01"
    found = ask(api, f"{path}?{period}&compare_to=previous")
    assert found["results"]
    assert ask(api, f"{path}?{period}")["coverage"] == found["coverage"]
    if path == "queries":
        assert {row["searches"]["before"] for row in found["results"]} == {0}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("positions?compare_to=previous", "needs the start"),
        ("positions?compare_to=previous&start_date=2026-01-02&end_date=2026-01-01", "ends before"),
        ("positions?compare_to=previous&compare_end_date=2026-01-01", "Either compare_to"),
        ("positions?group_by=colour", "group_by is one of"),
        ("positions?group_by=metadata.", "group_by is one of"),
        ("positions?group_by=day&compare_end_date=2026-01-01", "group_by is one of"),
        ("queries?group_by=query", "group_by is one of"),
        ("queries?sort=luck", "sort"),
        ("queries?min_searches=0", "min_searches"),
        ("documents?finding=bad", "finding"),
        ("documents?start_date=yesterday", "start_date"),
        ("funnel?steps=click", "steps are 2 to 10"),
        ("funnel?steps=click,click", "steps are 2 to 10"),
        ("funnel?steps=click,query_refinement", "steps are 2 to 10"),
    ],
)
def test_what_cannot_be_asked(api: Api, question: str, said: str) -> None:
    answer = api.get(f"/v1/analytics/{question}")
    assert answer.status_code == 400
    assert said in answer.text
