"""Metarank's events become executions and interactions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desirepath.domain.clock import parse_time
from desirepath.engine.engine import Engine
from tests.unit.engine.importing_helpers import (
    executions,
    interactions,
    rejected,
    run_import,
    shown,
    write_lines,
)

MS = "1733830000000"


def ranking(id: str, *items: str, **fields: Any) -> dict[str, Any]:
    listed = [{"id": item, "fields": []} for item in items]
    return {"event": "ranking", "id": id, "timestamp": MS, "items": listed, **fields}


def interaction(id: str, ranking: str | None, item: str, **fields: Any) -> dict[str, Any]:
    return {
        "event": "interaction",
        "id": id,
        "ranking": ranking,
        "item": item,
        "type": "click",
        "timestamp": MS,
        "user": "u",
        "session": "s",
        **fields,
    }


@pytest.mark.parametrize("reverse", [False, True], ids=["in order", "clicks first"])
def test_interactions_take_their_position_from_their_ranking(
    engine: Engine, tmp_path: Path, reverse: bool
) -> None:
    rows = [
        ranking("r1", "a", "b", "c", user="u", fields=[{"name": "query", "value": "red"}]),
        interaction("i1", "r1", "c"),
        interaction("i2", "r1", "a", type="purchase"),
    ]
    path = write_lines(tmp_path / "events.jsonl", reversed(rows) if reverse else rows)
    result = run_import(engine, path, format="metarank")
    assert (result.executions, result.interactions, result.rejected) == (1, 2, 0)
    stored = executions(engine)["r1"]
    assert shown(stored) == ["a", "b", "c"]
    assert stored.inputs == {"query": "red"}
    assert stored.occurred_at == int(MS) * 1000
    found = {value.event_id: value for value in interactions(engine)}
    assert {id: value.position for id, value in found.items()} == {"i1": 2, "i2": 0}
    assert found["i2"].types == ("purchase",)
    assert found["i1"].query_snapshot == {"query": "red"}
    assert found["i1"].retriever_id == stored.retriever_id == result.retrievers["metarank"]
    assert {value.warning for value in found.values()} == {None}
    assert not found["i1"].live


def test_numeric_fields_of_items_are_features(engine: Engine, tmp_path: Path) -> None:
    fields = [
        {"name": "price", "value": 9.5},
        {"name": "sold", "value": 3},
        {"name": "title", "value": "red shoe"},
        {"name": "new", "value": True},
    ]
    row = ranking("r1") | {"items": [{"id": "a", "fields": fields, "relevancy": 1.5}]}
    run_import(engine, write_lines(tmp_path / "e.jsonl", [row]), format="metarank")
    (document,) = executions(engine)["r1"].documents
    assert document.features == {"price": 9.5, "sold": 3.0}
    assert document.score == 1.5


def test_what_is_no_interaction_is_skipped_by_name(engine: Engine, tmp_path: Path) -> None:
    rows = [
        {"event": "item", "id": "x", "item": "a", "timestamp": MS, "fields": []},
        {"event": "user", "id": "y", "user": "u", "timestamp": MS, "fields": []},
        ranking("r1", "a"),
        interaction("i1", "r1", "a", type="like"),
        interaction("i2", "r1", "a", type="fave"),
    ]
    path = write_lines(tmp_path / "e.jsonl", rows)
    result = run_import(engine, path, format="metarank", type_map={"like": "positive_feedback"})
    assert result.skipped == {"item": 1, "user": 1, "fave": 1}
    assert result.types == {"positive_feedback": 1}


def test_an_interaction_may_come_in_a_later_import(engine: Engine, tmp_path: Path) -> None:
    run_import(
        engine, write_lines(tmp_path / "r.jsonl", [ranking("r1", "a", "b")]), format="metarank"
    )
    later = write_lines(tmp_path / "i.jsonl", [interaction("i1", "r1", "b")])
    assert run_import(engine, later, format="metarank").interactions == 1
    assert [value.position for value in interactions(engine)] == [1]


def test_an_unknown_place_is_a_reason(engine: Engine, tmp_path: Path) -> None:
    rows = [
        ranking("r1", "a"),
        interaction("i1", "nowhere", "a"),
        interaction("i2", "r1", "z"),
        interaction("i3", None, "a"),
        interaction("i4", "r1", "a", timestamp="soon"),
        {"event": "ranking", "id": "r2", "timestamp": MS, "items": "a"},
        {"id": "no event"},
        ranking("r3", "a", "a"),
    ]
    path = write_lines(tmp_path / "e.jsonl", rows)
    result = run_import(engine, path, format="metarank")
    reasons = {row["line"]: row["reason"] for row in rejected(path)}
    assert sorted(reasons) == [2, 3, 5, 6, 7, 8]
    assert "neither in these files" in reasons[2]
    assert "did not show" in reasons[3]
    assert "timestamp" in reasons[5]
    assert "listed twice" in reasons[8]
    assert result.rejected_files == [f"{path}.rejected.jsonl"]
    (left,) = interactions(engine)  # without a ranking there is no position to be wrong about
    assert (left.event_id, left.execution_id, left.position) == ("i3", None, 0)


def test_a_ranking_sent_twice_with_other_items_is_a_conflict(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [ranking("r1", "a"), ranking("r1", "a"), ranking("r1", "b")]
    path = write_lines(tmp_path / "e.jsonl", rows)
    result = run_import(engine, path, format="metarank")
    assert (result.executions, result.repeated_executions, result.rejected) == (1, 1, 1)
    assert "other content" in rejected(path)[0]["reason"]


@pytest.mark.needs_data
def test_ranklens(engine: Engine, tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    """The figures are those of the data's own description."""
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes((shared_data("ranklens") / "events_train.jsonl.gz").read_bytes())
    first = run_import(engine, path, format="metarank")
    again = run_import(engine, path, format="metarank")
    assert (first.executions, first.interactions) == (7_873, 36_513)
    assert (first.rejected, first.skipped) == (0, {})
    assert first.time_units == {"ms": 7_873 + 36_513}
    assert (again.executions, again.interactions) == (0, 0)
    assert (again.repeated_executions, again.repeated_interactions) == (7_873, 36_513)
    stored = interactions(engine)
    assert len(stored) == 36_513
    assert {value.warning for value in stored} == {None}
    first_places = sum(value.position == 0 for value in stored)
    assert max(value.position for value in stored) == 23
    assert first_places == max(sum(value.position == n for value in stored) for n in (0, 5, 12, 23))
    times = [value.occurred_at for value in stored]
    assert parse_time("2021-11-15T16:30:00Z") < min(times)
    assert max(times) < parse_time("2021-11-15T16:51:00Z")
