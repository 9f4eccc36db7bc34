"""Logs that lack something: each is answered by a sentence and the amount, never by nonsense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from desirepath.engine.engine import Engine
from tests.agreement.test_recorded_analytics import Reports, check, every_report
from tests.unit.engine.importing_helpers import run_import, write_lines

TIME = "2025-06-05T10:00:00Z"


def search(number: int, *documents: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "execution",
        "execution_id": f"e{number}",
        "documents": [{"document_id": id} for id in documents],
        "inputs": {"query": "hat"},
        "occurred_at": TIME,
        **more,
    }


def event(type: str, document: str = "a", position: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "kind": "interaction",
        "interaction_type": [type],
        "feature_id": document,
        "position": position,
        "occurred_at": TIME,
        **more,
    }


def reports(engine: Engine, tmp_path: Path, *rows: dict[str, Any]) -> Reports:
    if rows:
        result = run_import(engine, write_lines(tmp_path / "log.jsonl", rows), format="jsonl")
        assert result.rejected == 0
    found = every_report(engine)
    check(found)
    return found


def notes(found: Reports) -> str:
    return " ".join(found[0].coverage.notes)


def test_an_empty_namespace(engine: Engine, tmp_path: Path) -> None:
    found = reports(engine, tmp_path)
    assert notes(found) == "Nothing is recorded in this part of the log."
    assert [len(report.results) for report in found] == [0, 0, 0, 0]
    assert found[0].coverage.basis == "none"


def test_clicks_without_executions_or_impressions(engine: Engine, tmp_path: Path) -> None:
    """The query and the rank of clicks are known; rates are not."""
    snapshot = {"query_snapshot": {"query": "hat"}, "session_id": "s1"}
    rows = [event("click", "a", 2, **snapshot), event("click", "b", 4, **snapshot)]
    found = reports(engine, tmp_path, *rows, event("click", "c"))
    said = notes(found)
    assert "No executions" in said
    assert "2 documents with an interaction, 2 of them clicked, are left out" in said
    assert "1 interactions name no execution, session or user" in said
    assert found[0].results == ()
    (query,) = found[1].results
    assert (query.query, query.searches.count, query.click_through) == ("hat", 1, None)
    assert query.clicked is None
    assert query.abandoned is None
    assert query.click_rank is not None
    assert query.click_rank.mean == 4.0


def test_impressions_without_clicks(engine: Engine, tmp_path: Path) -> None:
    rows = [event("impression", id, at, execution_id="e0") for at, id in enumerate("ab")]
    found = reports(engine, tmp_path, search(0, "a", "b", "c"), *rows)
    assert "2 impressions without a click." in notes(found)
    assert [row.click_through.rate for row in found[0].results] == [0.0, 0.0]
    assert [row.clicks_over_expected for row in found[2].results] == [None, None]
    assert found[0].coverage.impressions_left_out == 1


def test_executions_alone(engine: Engine, tmp_path: Path) -> None:
    found = reports(engine, tmp_path, search(0, "a", "b"), search(1))
    assert "2 searches and no interaction with any of them." in notes(found)
    (query,) = found[1].results
    assert query.zero_results is not None
    assert query.abandoned is not None
    assert (query.zero_results.count, query.zero_results.of) == (1, 2)
    assert (query.abandoned.count, query.abandoned.of) == (1, 1)


def test_all_at_position_0(engine: Engine, tmp_path: Path) -> None:
    size = {"session_id": "s1", "result_set_size": 10, "query_snapshot": {"query": "hat"}}
    rows = [event("impression", id, 0, **size) for id in "abc"]
    found = reports(engine, tmp_path, *rows, event("click", "a", 0, **size))
    assert "All 3 impressions are at position 0, of lists of up to 10" in notes(found)
    assert "from one person or session" in notes(found)


def test_some_retrievers_send_impressions(engine: Engine, tmp_path: Path) -> None:
    searches = [search(n, "a", "b", retriever_name=name) for n, name in enumerate(["x", "y"])]
    shown = event("impression", execution_id="e0")
    clicks = [event("click", execution_id="e0"), event("click", execution_id="e9")]
    found = reports(engine, tmp_path, *searches, shown, *clicks)
    assert found[0].coverage.basis == "mixed"
    assert "Some retrievers send impressions and others do not" in notes(found)
    assert "1 of 2 clicked documents are left out of rates" in notes(found)
    assert found[0].coverage.impressions == 3


def test_further_pages_belong_to_their_search(engine: Engine, tmp_path: Path) -> None:
    """A list that goes on is not a search that found nothing, nor one that was given up."""
    pages = [
        search(0, "a", "b"),
        search(1, "c", offset=2),
        search(2, offset=3),
    ]
    found = reports(engine, tmp_path, *pages, event("click", "c", 2, execution_id="e1"))
    (query,) = found[1].results
    assert query.zero_results is not None
    assert query.zero_results.count == 0


@pytest.mark.parametrize("type", ["skip", "view"])
def test_being_passed_over_is_no_action(engine: Engine, tmp_path: Path, type: str) -> None:
    found = reports(engine, tmp_path, search(0, "a"), event(type, execution_id="e0"))
    (query,) = found[1].results
    assert query.abandoned is not None
    assert query.abandoned.count == 1
    assert b"null" in msgspec.json.encode(found[2])
