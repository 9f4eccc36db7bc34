"""Copies of the log: what is in them after every kind of change, on both back ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desirepath.analysis.log import Log
from desirepath.domain.acts import CLICKED
from desirepath.domain.clock import MICROSECONDS
from desirepath.domain.scope import Scope
from desirepath.engine.analysing import copying
from desirepath.engine.analysing.asking import OpenLog, open_log
from desirepath.engine.analysing.part import part_of
from desirepath.engine.analysis_rules import AnalysisRules
from desirepath.engine.deleting import delete_interaction, delete_namespace, erase_user
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules, SentExecution, SentInteraction, Submission
from desirepath.storage.base import Namespace, Storage
from desirepath.testing.clock import START, ClockedStorage, TestingClock
from desirepath.testing.examples import sent_execution, sent_interaction

DEFAULT = Namespace(number=1, namespace_id="ns_default", name="default", created_at=START)
HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few rows be enough for parts, and for impressions that are worked out before."""
    monkeypatch.setattr(copying, "_LEAST", 4)
    monkeypatch.setattr(copying, "_MOST", 6)


@pytest.fixture
def engine(storage: Storage, clock: TestingClock, tmp_path: Path) -> Iterator[Engine]:
    rules = AnalysisRules(folder=tmp_path / "copies")
    clocked = ClockedStorage(storage, clock)
    with closing(Engine(clocked, clock, RecordingRules(), analysis=rules)) as engine:
        yield engine


def store(
    engine: Engine,
    *interactions: SentInteraction,
    executions: tuple[SentExecution, ...] = (),
    namespace: int = 1,
) -> list[bytes]:
    """The ids of the interactions that were stored."""
    outcomes = engine.submit(
        Submission(namespace=namespace, interactions=interactions, executions=executions)
    )
    assert isinstance(outcomes, list)
    return [one.interaction.id for one in outcomes if one.interaction is not None]


def search(number: int, **changes: Any) -> SentExecution:
    return sent_execution(execution_id=f"e{number}", session_id=f"s{number}", **changes)


def click(number: int, **changes: Any) -> SentInteraction:
    return sent_interaction(**{"execution_id": f"e{number}", "session_id": f"s{number}"} | changes)


def count(engine: Engine, table: str, **conditions: Any) -> int:
    with open_log(engine, DEFAULT) as opened:
        return count_of(opened, getattr(opened.log, table), **conditions)


def count_of(opened: OpenLog, table: Any, **conditions: Any) -> int:
    for name, value in conditions.items():
        table = table.filter(table[name] == value)
    return int(opened.engine.arrow(table.agg(n=table.count())).to_pylist()[0]["n"])


def clicked(opened: OpenLog, log: Log | None = None) -> list[str]:
    """Executions with a clicked impression."""
    rows = (log or opened.log).impressions
    found = opened.engine.arrow(rows.filter((rows.acts & CLICKED) != 0)).to_pylist()
    return sorted(row["execution_id"] for row in found)


def parts(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "copies" / "ns_default" / "parts").glob("*/*"))


def record_days(engine: Engine, clock: TestingClock, n_days: int = 3) -> None:
    """Five searches and five clicks a day, and one day's worth of time after them."""
    for day in range(n_days):
        numbers = range(day * 5, day * 5 + 5)
        store(engine, executions=tuple(search(number) for number in numbers))
        store(engine, *(click(number, user_id=f"u{number}") for number in numbers))
        clock.advance(seconds=DAY)


def test_nothing_recorded(engine: Engine) -> None:
    for table in ("interactions", "executions", "returned", "impressions", "counted"):
        assert count(engine, table) == 0


def test_what_was_recorded_a_moment_ago_is_there(engine: Engine) -> None:
    store(engine, click(1), executions=(search(1),))
    assert count(engine, "interactions", is_known=True) == 1
    assert count(engine, "impressions") == 2
    store(engine, click(2))
    assert count(engine, "interactions", is_known=False) == 1
    assert count(engine, "impressions", is_known=False) == 1


def test_settled_rows_are_copied_once(engine: Engine, clock: TestingClock, tmp_path: Path) -> None:
    record_days(engine, clock)
    with open_log(engine, DEFAULT) as opened:
        assert len(clicked(opened)) == 15
    before = {path: path.stat().st_mtime_ns for path in parts(tmp_path) if path.suffix}
    store(engine, click(0, feature_id="doc_2"))
    with open_log(engine, DEFAULT) as opened:
        assert count_of(opened, opened.log.interactions) == 16
        assert len(clicked(opened)) == 16
    kept = [path for path in before if path.exists()]
    assert all(path.stat().st_mtime_ns == before[path] for path in kept)
    assert [path for path in before if path.name != "nothing.parquet"] == [
        path for path in kept if path.name != "nothing.parquet"
    ]


def test_a_late_execution_finds_its_interactions(engine: Engine, clock: TestingClock) -> None:
    record_days(engine, clock)
    store(engine, click(99))
    clock.advance(seconds=DAY)
    assert count(engine, "impressions", is_known=False) == 1
    store(engine, executions=(search(99),))
    assert count(engine, "impressions", is_known=False) == 0
    assert count(engine, "impressions", execution_id="e99") == 2
    with open_log(engine, DEFAULT) as opened:
        assert "e99" in clicked(opened)


def test_a_deleted_interaction_is_gone_from_the_next_answer(
    engine: Engine, clock: TestingClock
) -> None:
    record_days(engine, clock)
    (id,) = store(engine, click(3, feature_id="doc_2"))
    clock.advance(seconds=DAY)
    assert count(engine, "interactions") == 16
    assert delete_interaction(engine, 1, id)
    assert count(engine, "interactions") == 15
    with open_log(engine, DEFAULT) as opened:
        assert len(clicked(opened)) == 15


def test_an_erased_user_is_gone_from_the_disk(
    engine: Engine, clock: TestingClock, tmp_path: Path
) -> None:
    record_days(engine, clock)
    store(engine, *(click(number, user_id="somebody-odd") for number in range(20, 25)))
    clock.advance(seconds=DAY)
    assert count(engine, "interactions", user_id="somebody-odd") == 5
    assert _mentions(tmp_path, b"somebody-odd")
    erase_user(engine, 1, "somebody-odd")
    assert not _mentions(tmp_path, b"somebody-odd")
    assert count(engine, "interactions") == 15


def _mentions(folder: Path, text: bytes) -> list[Path]:
    files = [path for path in (folder / "copies").rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_bytes()]


def test_a_deleted_namespace_takes_its_copies_along(
    engine: Engine, clock: TestingClock, tmp_path: Path
) -> None:
    record_days(engine, clock)
    assert count(engine, "interactions") == 15
    delete_namespace(engine, 1)
    assert not (tmp_path / "copies" / "ns_default").exists()


def test_copies_of_a_database_that_was_restored(
    engine: Engine, clock: TestingClock, tmp_path: Path
) -> None:
    """An older state of the database has rows that the copies do not have, and lacks others."""
    record_days(engine, clock)
    assert count(engine, "interactions") == 15
    with engine.storage.write() as session:  # as a restored backup would: nothing is counted
        ids = session.interactions.ids_before(1, b"\xff" * 16, 100)
        for id in ids[5:]:
            session.interactions.delete(1, [id])
    assert count(engine, "interactions") == 5


def test_damaged_files_are_made_anew(engine: Engine, clock: TestingClock, tmp_path: Path) -> None:
    record_days(engine, clock)
    assert count(engine, "interactions") == 15
    (tmp_path / "copies" / "ns_default" / "state.json").write_text("{")
    assert count(engine, "interactions") == 15


def test_an_answer_goes_on_while_others_change_the_log(engine: Engine, clock: TestingClock) -> None:
    record_days(engine, clock)
    with open_log(engine, DEFAULT) as first:
        for number in range(5):
            erase_user(engine, 1, f"u{number}")
        with open_log(engine, DEFAULT) as second:
            assert len(clicked(second)) == 10
        assert len(clicked(first)) == 15


def test_nothing_is_left_of_an_answer(engine: Engine, tmp_path: Path) -> None:
    store(engine, click(1), executions=(search(1),))
    with open_log(engine, DEFAULT):
        assert list((tmp_path / "copies" / "ns_default" / "answers").iterdir())
    assert not list((tmp_path / "copies" / "ns_default" / "answers").iterdir())


def test_interactions_say_what_their_execution_says(engine: Engine) -> None:
    store(engine, executions=(search(1, user_id="ann", inputs={"q": "hats"}),))
    store(engine, sent_interaction(execution_id="e1"))
    with open_log(engine, DEFAULT) as opened:
        (row,) = opened.engine.arrow(opened.log.interactions).to_pylist()
    assert (row["user_id"], row["session_id"], row["query"]) == ("ann", "s1", "hats")
    assert (row["retriever_id"], row["is_known"]) == ("ret_1", True)


def test_a_search_of_nobody_is_of_whom_all_its_interactions_name(engine: Engine) -> None:
    """UBI says who it was with each event, and not with the query."""
    store(
        engine,
        sent_interaction(execution_id="e1", session_id="s1"),
        sent_interaction(execution_id="e1", session_id="s1", feature_id="doc_2", user_id="ann"),
        sent_interaction(execution_id="e2", session_id="s1"),
        sent_interaction(execution_id="e2", session_id="s2", feature_id="doc_2"),
        executions=(sent_execution(execution_id="e1"), sent_execution(execution_id="e2")),
    )
    with open_log(engine, DEFAULT) as opened:
        executions = opened.engine.arrow(opened.log.executions).to_pylist()
        shown = opened.engine.arrow(opened.log.impressions).to_pylist()
    who = {row["execution_id"]: (row["user_id"], row["session_id"]) for row in executions}
    assert who == {"e1": ("ann", "s1"), "e2": (None, None)}
    assert all((row["user_id"], row["session_id"]) == who[row["execution_id"]] for row in shown)


SCOPES: list[tuple[dict[str, Any], list[str]]] = [
    ({"retriever_id": "ret_2"}, ["e2"]),
    ({"configuration": "new"}, ["e2"]),
    ({"metadata": {"device": "phone"}}, ["e1"]),
    ({"metadata": {"page.columns": "3"}}, ["e2"]),
    ({"metadata": {"device": "phone", "page.columns": "3"}}, []),
    ({"since": START + MICROSECONDS}, ["e2"]),
    ({"before": START + MICROSECONDS}, ["e1"]),
    ({"version": 7}, []),
    ({}, ["e1", "e2"]),
]


@pytest.mark.parametrize(("scope", "expected"), SCOPES)
def test_parts_of_the_log(
    engine: Engine, clock: TestingClock, scope: dict[str, Any], expected: list[str]
) -> None:
    store(engine, click(1), executions=(search(1, metadata={"device": "phone"}),))
    clock.advance(seconds=60)
    second = search(2, retriever_id="ret_2", configuration="new", metadata={"page": {"columns": 3}})
    store(engine, click(2), executions=(second,))
    with open_log(engine, DEFAULT) as opened:
        part = part_of(opened, Scope(**scope))
        assert clicked(opened, part.log) == expected
        for table in (part.log.interactions, part.log.executions):
            found = opened.engine.arrow(table.select("execution_id")).to_pylist()
            assert sorted(row["execution_id"] for row in found) == expected
        assert count_of(opened, part.log.returned) == 2 * len(expected)


def test_rates_are_of_what_is_returned_until_impressions_are_sent(
    engine: Engine, clock: TestingClock
) -> None:
    store(engine, click(1), executions=(search(1),))
    store(engine, click(2))  # of a search that is not in the log: nobody knows what it returned
    with open_log(engine, DEFAULT) as opened:
        found = opened.engine.arrow(opened.log.counted).to_pylist()
    assert [(row["execution_id"], row["basis"]) for row in found] == [("e1", "returned")] * 2
    clock.advance(seconds=60)
    shown = sent_interaction(execution_id="e3", interaction_type=["impression"])
    store(engine, shown, executions=(search(3),))
    with open_log(engine, DEFAULT) as opened:
        found = opened.engine.arrow(opened.log.counted).to_pylist()
    assert [(row["execution_id"], row["basis"]) for row in found] == [("e3", "shown")]
