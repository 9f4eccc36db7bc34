"""User Behavior Insights: both dialects, one file or two, positions from 0 or from 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desirepath.engine.engine import Engine
from desirepath.engine.importing.ubi_group import LIST_FROM
from tests.unit.engine.importing_helpers import (
    executions,
    interactions,
    rejected,
    run_import,
    shown,
    write_lines,
)

TIME = "2025-03-01T12:00:00.500+0000"


def query(id: str, *hits: str, app: str = "shop", **fields: Any) -> dict[str, Any]:
    row = {
        "application": app,
        "query_id": id,
        "user_query": "red",
        "client_id": "c",
        "query_attributes": {},
        "timestamp": TIME,
        **fields,
    }
    return row | ({"query_response_hit_ids": list(hits)} if hits else {})


def event(
    query_id: str, document: str | None, ordinal: int | None, action: str = "click", **fields: Any
) -> dict[str, Any]:
    return {
        "application": "shop",
        "action_name": action,
        "query_id": query_id,
        "session_id": "s",
        "client_id": "c",
        "user_id": "",
        "timestamp": "2025-03-01T12:00:01.000Z",
        "user_query": "red",
        "event_attributes": {
            "object": {"object_id": document, "object_id_field": "asin"},
            "position": {"ordinal": ordinal},
        },
        **fields,
    }


def impressions(query_id: str, *documents: str, start: int) -> list[dict[str, Any]]:
    return [event(query_id, d, n, "impression") for n, d in enumerate(documents, start)]


def test_a_query_with_hits_is_an_execution(engine: Engine, tmp_path: Path) -> None:
    rows = [query("q1", "a", "b", query_attributes={"shop": "de"}), event("q1", "b", 1)]
    result = run_import(engine, write_lines(tmp_path / "u.ndjson", rows), format="ubi")
    assert (result.executions, result.interactions, result.rejected) == (1, 1, 0)
    stored = executions(engine)["q1"]
    assert shown(stored) == ["a", "b"]
    assert stored.inputs == {"query": "red", "shop": "de"}
    assert stored.user_id is None
    assert stored.metadata == {"client_id": "c"}
    assert result.retrievers == {"shop": stored.retriever_id}
    (found,) = interactions(engine)
    assert (found.position, found.session_id, found.user_id) == (1, "s", None)
    assert found.metadata == {"client_id": "c"}
    assert found.query_snapshot == {"query": "red"}
    assert found.retriever_id == stored.retriever_id
    assert found.warning is None


@pytest.mark.parametrize("start", [0, 1])
def test_the_first_position_is_found_out_for_each_application(
    engine: Engine, tmp_path: Path, start: int
) -> None:
    other = [row | {"application": "other"} for row in impressions("q2", "x", "y", start=1 - start)]
    rows = [
        query("q1"),
        query("q2", app="other"),
        *impressions("q1", "a", "b", "c", start=start),
        event("q1", "c", start + 2),
        *other,
    ]
    result = run_import(engine, write_lines(tmp_path / "u.ndjson", rows), format="ubi")
    assert result.position_bases == {"shop": start, "other": 1 - start}
    stored = executions(engine)
    assert (shown(stored["q1"]), stored["q1"].offset) == (["a", "b", "c"], 0)
    assert (shown(stored["q2"]), stored["q2"].offset) == (["x", "y"], 0)
    clicks = [value for value in interactions(engine) if "click" in value.types]
    assert [value.position for value in clicks] == [2]
    assert stored["q1"].metadata == {"client_id": "c", LIST_FROM: "impressions"}


def test_the_base_can_be_told(engine: Engine, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "u.ndjson", impressions("q1", "a", "b", start=1))
    result = run_import(engine, path, format="ubi", position_base=0)
    assert result.position_bases == {"shop": 0}
    assert sorted(value.position for value in interactions(engine)) == [1, 2]


@pytest.mark.parametrize("queries_first", [True, False])
def test_queries_and_events_may_come_one_after_the_other(
    engine: Engine, tmp_path: Path, queries_first: bool
) -> None:
    queries = write_lines(tmp_path / "q.ndjson", [query("q1"), query("q2", "x", "y")])
    events = write_lines(
        tmp_path / "e.ndjson",
        [*impressions("q1", "a", "b", start=0), event("q1", "b", 1), event("q2", "y", 1)],
    )
    order = (queries, events) if queries_first else (events, queries)
    for path in order:
        run_import(engine, path, format="ubi")
    stored = executions(engine)
    assert shown(stored["q1"]) == ["a", "b"]
    assert shown(stored["q2"]) == ["x", "y"]
    found = interactions(engine)
    assert len(found) == 4
    assert {value.retriever_id for value in found} == {stored["q1"].retriever_id}
    for paths in ((queries, events), (queries,), (events,), (events, queries)):
        again = run_import(engine, *paths, format="ubi")
        assert (again.executions, again.interactions, again.rejected) == (0, 0, 0)
    assert shown(executions(engine)["q1"]) == ["a", "b"]


def test_the_list_of_hits_beats_a_position_that_contradicts_it(
    engine: Engine, tmp_path: Path
) -> None:
    """Seen in the wild: a page that counts from 0 and sends 1 where it means 0."""
    rows = [query("q1", "a", "b", "c"), *impressions("q1", "a", "b", "c", start=0)]
    rows.append(event("q1", "a", 1))
    result = run_import(engine, write_lines(tmp_path / "u.ndjson", rows), format="ubi")
    assert result.moved == 1
    clicks = [value for value in interactions(engine) if "click" in value.types]
    assert [value.position for value in clicks] == [0]


def test_page_two_begins_where_page_one_ends(engine: Engine, tmp_path: Path) -> None:
    body = '{"from": 20, "size": 2, "query": {"match_all": {}}}'
    rows = [query("q1", "a", "b", query=body), event("q1", "b", None)]
    run_import(engine, write_lines(tmp_path / "u.ndjson", rows), format="ubi")
    assert executions(engine)["q1"].offset == 20
    assert [value.position for value in interactions(engine)] == [21]


def test_several_responses_of_one_query(engine: Engine, tmp_path: Path) -> None:
    facets = '{"size": 0, "aggregations": {}}'
    rows = [
        query("q1", query_response_id="p1", query=facets, query_response_hit_ids=[]),
        query("q1", "a", "b", query_response_id="p2"),
        query("q1", "a", query_response_id="p3"),
        event("q1", "b", 1),
    ]
    path = write_lines(tmp_path / "u.ndjson", rows)
    result = run_import(engine, path, format="ubi")
    assert result.executions == 3
    stored = executions(engine)
    assert {id: shown(value) for id, value in stored.items()} == {
        "q1": ["a", "b"],
        "p1": [],
        "p3": ["a"],
    }
    assert stored["p1"].inputs is None  # a request for facets is no search that found nothing
    assert run_import(engine, path, format="ubi").repeated_executions == 3


@pytest.mark.parametrize(
    ("application", "name"), [("a/b", "a-b"), ("list", "ubi-list"), ("", "ubi"), ("x" * 300, "ubi")]
)
def test_every_application_has_a_retriever(
    engine: Engine, tmp_path: Path, application: str, name: str
) -> None:
    path = write_lines(tmp_path / "u.ndjson", [query("q1", "a", app=application)])
    result = run_import(engine, path, format="ubi")
    if len(application) <= 256:
        assert list(result.retrievers) == [name]
    else:  # it is the configuration too, which is an id
        assert result.rejected == 1


def test_events_that_are_no_interactions_are_counted(engine: Engine, tmp_path: Path) -> None:
    rows = [
        event("q1", None, None, "search", event_attributes=None),
        event("q1", "a", 0, "product_hover"),
        event("q1", "a", 0, "buy"),
    ]
    path = write_lines(tmp_path / "u.ndjson", rows)
    result = run_import(engine, path, format="ubi", type_map={"buy": "purchase"})
    assert result.skipped == {"search": 1, "product_hover": 1}
    assert result.types == {"purchase": 1}


def test_bad_events_are_told_apart(engine: Engine, tmp_path: Path) -> None:
    rows = [
        event("q1", None, 0),
        event("q1", "a", None),
        event("q1", "a", 0, timestamp="yesterday"),
        {"user_query": "no id"},
        event("q1", "a", 0),
        event("q1", "a", 0),
    ]
    path = write_lines(tmp_path / "u.ndjson", rows)
    result = run_import(engine, path, format="ubi")
    reasons = {row["line"]: row["reason"] for row in rejected(path)}
    assert sorted(reasons) == [1, 2, 3, 4]
    assert "object_id" in reasons[1]
    assert "ordinal" in reasons[2]
    assert "timestamp" in reasons[3]
    assert "query_id" in reasons[4]
    assert result.interactions == 2  # two equal rows are two events


@pytest.mark.needs_data
def test_ubi_esci(engine: Engine, tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    """The figures are those of the data's own description."""
    paths = []
    for name in ("ubi_queries.ndjson.gz", "ubi_events.ndjson.gz"):
        paths.append(tmp_path / name)
        paths[-1].write_bytes((shared_data("ubi_esci") / name).read_bytes())
    dry = run_import(engine, *paths, format="ubi", dry_run=True)
    one = run_import(engine, *paths, format="ubi")
    for result in (dry, one):
        assert result.executions == 200 + 273
        assert result.types == {
            "impression": 1_000 + 999,
            "click": 60 + 227,
            "add_to_cart": 227,
        }
        assert result.skipped == {"search": 506}
        assert result.rejected == 0
        assert result.position_bases == {"esci_ubi_sample": 0, "Chorus": 1}
    stored = executions(engine)
    assert Counter(value.configuration for value in stored.values()) == {
        "esci_ubi_sample": 200,
        "Chorus": 273,
    }
    sample = [value for value in stored.values() if value.configuration == "esci_ubi_sample"]
    assert {len(value.documents) for value in sample} == {5}
    assert {value.position for value in interactions(engine)} == set(range(20))
    again = run_import(engine, *reversed(paths), format="ubi")
    assert (again.executions, again.interactions, again.rejected) == (0, 0, 0)
