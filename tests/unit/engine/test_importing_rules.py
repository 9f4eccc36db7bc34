"""What holds for every import: nothing twice, nothing lost, the same rules as when recording."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict

from desirepath.domain.clock import format_time
from desirepath.domain.execution import read_execution
from desirepath.domain.ids import format_id
from desirepath.domain.interaction import Interaction, read_interaction
from desirepath.domain.retriever import read_retriever
from desirepath.engine.engine import Engine
from desirepath.engine.importing import fast_lines, importing, reading
from desirepath.engine.importing.importing import import_files
from desirepath.engine.importing.options import (
    ImportFormat,
    ImportOptions,
    ImportResult,
    Progress,
)
from desirepath.engine.recording import (
    RecordingRules,
    SentExecution,
    SentInteraction,
    Submission,
    user_digest,
)
from desirepath.errors import DesirepathError, InvalidFile, NotFound
from desirepath.storage.open import open_storage
from desirepath.testing.clock import START, TestingClock
from tests.unit.engine.importing_helpers import (
    NAMESPACE,
    click,
    executions,
    interactions,
    rejected,
    run_import,
    search,
    shown,
    write_lines,
)

OTHER = 2


def content(value: Interaction) -> dict[str, Any]:
    return {name: v for name, v in asdict(value).items() if name not in ("id", "namespace")}


# The same as recording

SHOP = {
    "retriever_name": "shop",
    "stages": [
        {
            "stage_name": "find",
            "config": {
                "stage_id": "feature_search",
                "parameters": {
                    "searches": [{"feature_uri": "text://title", "query": "{{INPUT.query}}"}],
                    "learning_config": {"reward_map": {"click": 0.25}},
                },
            },
        }
    ],
}


def variety(retriever_id: str) -> list[dict[str, Any]]:
    """Interactions that each meet another rule."""
    known = {"execution_id": "q1", "feature_uri": "text://title"}
    future = format_time(START + 60_000_000)
    rows = [
        click("a", 0, **known),
        click("b", 1, **known, document_score=0.5),
        click("b", 1, **known, document_score=0.25),
        click("z", 2, **known),
        click("a", 0, **known, retriever_id="elsewhere"),
        click("a", 0, **known, retriever_id=retriever_id),
        click("a", 0, **known, retriever_id="shop"),
        click("a", 0, retriever_id="shop"),
        click("a", 0, **known, document_score=-0.0),
        click("a", 0, **known, query_snapshot={"query": "mine"}),
        click("a", 0, **known, occurred_at=future),
        click("a", 9, **known, result_set_size=3),
        click("a", 0, execution_id="not yet"),
        click("a", 0, retriever_id="nobody's"),
        click("a", 0),
        click("a", 0, feature_uri="text://title"),
        click("_query", 0, interaction_type=["zero_results"], result_set_size=0),
        click("a", 0, interaction_type=["view", "purchase", "return_to_results", "view"]),
        click("a", 0, metadata={"reward_value": 99, "shop": "de", "deep": {"n": [1, 2.5, None]}}),
        click("a", 0, metadata={}, user_id="u", session_id="s", occurred_at="2025-06-01"),
        click(
            "é", 0, metadata={"text": 'quote " colon ":'}, occurred_at="2025-06-01T10:00:00+02:00"
        ),
    ]
    return [row | {"event_id": f"e{n}"} for n, row in enumerate(rows)]


@pytest.mark.parametrize("way", ["quick", "careful"])
def test_what_is_imported_is_what_would_have_been_recorded(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Reading prepares rows by itself; this holds it to what recording does."""
    draft, _ = read_execution(
        search("q1", "a", inputs={"query": "red"})
        | {"documents": [{"document_id": "a"}, {"document_id": "b", "score": 0.5}]}
    )
    shop = read_retriever(SHOP)
    with engine.storage.write() as session:
        id = engine.make_id.next(START)
        made = session.catalog.create_retriever(NAMESPACE, id, shop, START)
        session.catalog.create_retriever(OTHER, id, shop, START)
    engine.directory.forget()
    for namespace in (NAMESPACE, OTHER):
        execution = SentExecution(draft, made.retriever_id)
        engine.submit(Submission(namespace=namespace, executions=[execution]))
    rows = variety(made.retriever_id)
    sent = [SentInteraction(*read_interaction(row)) for row in rows]
    engine.submit(Submission(namespace=OTHER, interactions=sent))
    if way == "careful":
        monkeypatch.setattr("desirepath.engine.importing.table.read_lines", lambda data: None)
    result = run_import(engine, write_lines(tmp_path / "t.jsonl", rows), format="jsonl")
    assert result.interactions == len(rows)
    expected = [content(value) for value in interactions(engine, OTHER)]
    assert {value["reward"] for value in expected if value["types"] == ("click",)} == {0.25, 1.0}
    assert [content(value) for value in interactions(engine)] == expected


def test_the_quick_way_takes_plain_rows(tmp_path: Path) -> None:
    """Rows as the API takes them need no closer look; a slow import would be noticed late."""
    rows = [
        row for row in variety("ret") if '":' not in str((row.get("metadata") or {}).get("text"))
    ]
    for separators in ((",", ":"), (", ", ": ")):
        for row in rows:
            line = json.dumps(row, separators=separators, ensure_ascii=False).encode() + b"\n"
            assert fast_lines.read_lines(line) is not None, line


# Again is nothing new


def test_the_same_file_twice_adds_nothing(engine: Engine, tmp_path: Path) -> None:
    rows = [
        search("q1", "a"),
        {name: value for name, value in search("", "b").items() if name != "execution_id"},
        click("a", event_id="mine"),
        click("b"),
        click("b"),  # the same row is another event
    ]
    path = write_lines(tmp_path / "t.jsonl", rows)
    first = run_import(engine, path, format="jsonl")
    assert (first.executions, first.interactions) == (2, 3)
    assert len({value.event_id for value in interactions(engine)}) == 3
    again = run_import(engine, path, format="jsonl")
    assert (again.executions, again.interactions, again.rejected) == (0, 0, 0)
    assert (again.repeated_executions, again.repeated_interactions) == (2, 3)
    longer = write_lines(tmp_path / "longer.jsonl", [*reversed(rows), click("b"), click("new")])
    assert run_import(engine, longer, format="jsonl").interactions == 2


def test_an_id_with_other_content_is_refused(engine: Engine, tmp_path: Path) -> None:
    first = [click("a", event_id="e1"), search("q1", "a")]
    run_import(engine, write_lines(tmp_path / "1.jsonl", first), format="jsonl")
    path = write_lines(
        tmp_path / "2.jsonl",
        [
            click("b", event_id="e1"),
            click("c", event_id="e2"),
            click("d", event_id="e2"),
            search("q1", "b"),
        ],
    )
    result = run_import(engine, path, format="jsonl")
    assert result.interactions == 1
    assert sorted(row["line"] for row in rejected(path)) == [1, 3, 4]
    assert {row["reason"].partition(" was used")[0] for row in rejected(path)} == {
        "This event_id",
        "This execution_id",
    }
    assert [value.feature_id for value in interactions(engine)] == ["a", "c"]


def test_the_same_event_with_its_time_written_otherwise_is_the_same(
    engine: Engine, tmp_path: Path
) -> None:
    for name, time in (("1", "2025-06-01T10:00:00Z"), ("2", "2025-06-01T12:00:00.000+02:00")):
        rows = [click("a", event_id="e1", occurred_at=time), search("q1", "a", occurred_at=time)]
        result = run_import(engine, write_lines(tmp_path / name, rows), format="jsonl")
        assert result.rejected == 0
    assert (result.repeated_interactions, result.repeated_executions) == (1, 1)


def test_small_transactions_end_the_same(engine: Engine, tmp_path: Path) -> None:
    rows = [click(f"d{n}", execution_id=f"q{n % 5}") for n in range(20)]
    rows += [search(f"q{n}", *(f"d{m}" for m in range(20))) for n in range(5)]
    path = write_lines(tmp_path / "t.jsonl", rows)
    result = run_import(engine, path, format="jsonl", batch_rows=1)
    assert (result.executions, result.interactions) == (5, 20)
    assert {value.warning for value in interactions(engine)} == {None}


# A dry run


def test_a_dry_run_says_everything_and_writes_nothing(engine: Engine, tmp_path: Path) -> None:
    rows: list[Any] = [
        search("q1", "a"),
        click("a", execution_id="q1", event_id="e1"),
        click("a", event_id="e1"),
        click("a", interaction_type=["hover"]),
        "{oops",
    ]
    path = write_lines(tmp_path / "t.jsonl", rows)
    result = run_import(engine, path, format="jsonl", dry_run=True, retriever="shop")
    assert (result.executions, result.interactions, result.rejected) == (1, 1, 2)
    assert result.skipped == {"hover": 1}
    assert sorted(row.line for row in result.first_rejected) == [3, 5]
    assert not interactions(engine)
    assert not executions(engine)
    with engine.storage.read() as session:
        assert session.catalog.retrievers(NAMESPACE) == []
    assert [file.name for file in tmp_path.iterdir() if "rejected" in file.name] == []


def test_a_dry_run_knows_what_is_stored(engine: Engine, tmp_path: Path) -> None:
    run_import(engine, write_lines(tmp_path / "1", [search("q1", "a", "b")]), format="jsonl")
    row = click("b", execution_id="q1")
    del row["position"]
    path = write_lines(tmp_path / "2", [row, search("q2", "a", retriever_id="jsonl")])
    result = run_import(engine, path, format="jsonl", dry_run=True)
    assert (result.executions, result.interactions, result.rejected) == (1, 1, 0)
    assert result.retrievers == {}


# Erased users


@pytest.mark.parametrize("format", ["jsonl", "metarank"])
def test_rows_of_erased_users_stay_out(engine: Engine, tmp_path: Path, format: str) -> None:
    with engine.storage.write() as session:
        digest = user_digest(NAMESPACE, "kim")
        session.receipts.suppress_user(NAMESPACE, digest, session.now())
    if format == "jsonl":
        rows = [
            search("q1", "a", user_id="kim"),
            search("q2", "a", user_id="lee"),
            click("a", user_id="kim"),
            click("a", execution_id="q1"),
            click("a", execution_id="q2"),
        ]
    else:
        event = {"timestamp": 1_748_772_000, "session": "s"}
        ranking = {**event, "event": "ranking", "items": [{"id": "a"}]}
        interaction = {**event, "event": "interaction", "type": "click", "item": "a"}
        rows = [
            {**ranking, "id": "q1", "user": "kim"},
            {**ranking, "id": "q2", "user": "lee"},
            {**interaction, "user": "kim", "ranking": "q2"},
            {**interaction, "ranking": "q1"},
            {**interaction, "ranking": "q2"},
        ]
    path = write_lines(tmp_path / "t.jsonl", rows)
    for dry_run in (True, False):
        result = run_import(engine, path, format=format, dry_run=dry_run)
        assert (result.executions, result.interactions) == (1, 1)
        assert (result.suppressed, result.rejected) == (3, 0)
    assert list(executions(engine)) == ["q2"]
    assert rejected(path) == []  # nothing of them is written anywhere


# Retrievers


def test_retrievers_are_found_or_made(engine: Engine, tmp_path: Path) -> None:
    foreign = format_id("ret", bytes(range(16)))
    rows = [
        search("q1", "a"),
        search("q2", "a", retriever_id="shop"),
        search("q3", "a", retriever_id=foreign),
        search("q4", "a", retriever_name="shop"),
        {"kind": "retriever", "retriever_id": "ret_" + "1" * 32, "retriever_name": "described"},
        search("q5", "a", retriever_id="ret_" + "1" * 32),
    ]
    path = write_lines(tmp_path / "t.jsonl", rows)
    result = run_import(engine, path, format="jsonl")
    assert result.rejected == 0
    stored = executions(engine)
    assert stored["q2"].retriever_id == stored["q4"].retriever_id == result.retrievers["shop"]
    assert stored["q3"].retriever_id == foreign
    assert stored["q1"].retriever_id == result.retrievers["jsonl"]
    assert result.retrievers["described"] == stored["q5"].retriever_id == "ret_" + "1" * 32
    again = run_import(engine, path, format="jsonl")
    assert again.retrievers == {}
    with engine.storage.read() as session:
        names = [r.draft.retriever_name for r in session.catalog.retrievers(NAMESPACE)]
    assert sorted(names) == sorted(["jsonl", "shop", f"imported-{foreign}", "described"])


@pytest.mark.parametrize("name", ["list", "a/b", " ", "x" * 257, "ret_" + "x" * 300])
def test_a_name_that_no_retriever_may_have_is_a_reason(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    rows = [search("q1", "a", retriever_id=name), search("q2", "a")]
    path = write_lines(tmp_path / "t.jsonl", rows)
    result = run_import(engine, path, format="jsonl")
    assert (result.executions, result.rejected) == (1, 1)
    assert list(result.retrievers) == ["jsonl"]


def test_the_chosen_retriever_may_be_named_by_id(engine: Engine, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [search("q1", "a"), click("a")])
    first = run_import(engine, path, format="jsonl", retriever="shop")
    id = first.retrievers["shop"]
    assert {value.retriever_id for value in interactions(engine)} == {id}
    assert run_import(engine, path, format="jsonl", retriever=id).retrievers == {}
    with pytest.raises(NotFound):
        run_import(engine, path, format="jsonl", retriever="ret_" + "0" * 32)


# Progress


@pytest.mark.parametrize("format", ["jsonl", "metarank", "ubi"])
def test_progress_goes_forward_and_reaches_its_end(
    engine: Engine, tmp_path: Path, format: str
) -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "jsonl": [search("q1", "a"), *(click(f"d{n}") for n in range(50))],
        "metarank": [{"event": "ranking", "id": "r", "timestamp": 1, "items": [{"id": "a"}]}],
        "ubi": [{"query_id": "q", "user_query": "x", "timestamp": "2025-01-01"}],
    }
    path = write_lines(tmp_path / "t.jsonl", rows[format])
    seen: list[Progress] = []
    options = ImportOptions(format=ImportFormat(format), batch_rows=10)
    import_files(engine, NAMESPACE, [path], options, seen.append)
    reached = [now for now in seen if now.total]
    assert reached[-1].done == reached[-1].total
    assert all(now.done <= now.total for now in reached)
    done = [now.done / now.total for now in reached]
    assert done == sorted(done)
    assert seen[-1].interactions + seen[-1].executions == len(rows[format])


# Another process


@pytest.fixture
def a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even small files read by a process of their own."""
    monkeypatch.setattr(reading, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(reading, "_cores", lambda: 2)


def import_with_a_process(engine: Engine, url: str, path: Path, **options: Any) -> ImportResult:
    chosen = ImportOptions(format=ImportFormat.JSONL, **options)
    return import_files(engine, NAMESPACE, [path], chosen, database=url)


@pytest.mark.usefixtures("a_process")
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_process_reads_what_this_one_would(
    engine: Engine, database: Any, tmp_path: Path, dry_run: bool
) -> None:
    rows: list[Any] = [click(f"d{n}", n, execution_id="q1") for n in range(30)]
    rows += [search("q1", *(f"d{n}" for n in range(30))), "{oops", click("a", event_id=" ")]
    path = write_lines(tmp_path / "t.jsonl", rows)
    result = import_with_a_process(engine, database.url, path, batch_rows=7, dry_run=dry_run)
    assert (result.executions, result.interactions, result.rejected) == (1, 30, 2)
    if dry_run:
        assert not interactions(engine)
        return
    assert {value.warning for value in interactions(engine)} == {None}
    assert shown(executions(engine)["q1"])[-1] == "d29"
    again = import_with_a_process(engine, database.url, path)
    assert (again.executions, again.interactions) == (0, 0)


@pytest.mark.usefixtures("a_process")
def test_what_stops_the_process_stops_the_import(
    engine: Engine, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 and no more PAR1")
    options = ImportOptions(format=ImportFormat.PARQUET)
    with pytest.raises(InvalidFile, match="damaged"):
        import_files(engine, NAMESPACE, [path], options, database=database.url)
    path = write_lines(tmp_path / "t.jsonl", [click("a")])
    monkeypatch.setattr(reading.sys, "executable", "/bin/true")  # type: ignore[attr-defined]
    with pytest.raises(DesirepathError, match="the same import adds the rest"):
        import_with_a_process(engine, database.url, path)


def test_a_database_in_memory(tmp_path: Path) -> None:
    clock = TestingClock()
    storage = open_storage("sqlite://", clock)
    with closing(Engine(storage, clock, RecordingRules())) as engine:
        with storage.write() as session:
            session.catalog.create_namespace("ns_default", "default", START)
        path = write_lines(tmp_path / "t.jsonl", [click("a", execution_id="q1"), search("q1", "a")])
        for dry_run in (True, False):
            result = import_with_a_process(engine, "sqlite://", path, dry_run=dry_run)
            assert (result.executions, result.interactions) == (1, 1)


def test_a_database_in_memory_is_nobody_elses() -> None:
    assert not importing._can_be_shared("sqlite://")
    assert not importing._can_be_shared("sqlite:///:memory:")
    assert importing._can_be_shared("sqlite:///x.db")
    assert importing._can_be_shared("postgresql://u@h/n")
