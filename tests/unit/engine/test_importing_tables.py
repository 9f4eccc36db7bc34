"""JSON lines, CSV and Parquet: rows of our own shape, mapped rows, one row a shown document."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from desirepath.domain.clock import parse_time
from desirepath.engine.engine import Engine
from desirepath.errors import InvalidFile, InvalidSetting
from tests.unit.engine.importing_helpers import (
    NAMESPACE,
    TIME,
    click,
    executions,
    interactions,
    rejected,
    run_import,
    search,
    shown,
    write_lines,
)


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, newline="")
    return path


@pytest.mark.parametrize("reverse", [False, True], ids=["searches first", "clicks first"])
def test_executions_and_interactions_in_one_file_find_each_other(
    engine: Engine, tmp_path: Path, reverse: bool
) -> None:
    rows: list[dict[str, Any]] = [
        search("q1", "a", "b", inputs={"query": "red"}, user_id="u"),
        click("b", 1, execution_id="q1"),
    ]
    path = write_lines(tmp_path / "log.jsonl", reversed(rows) if reverse else rows)
    result = run_import(engine, path, format="jsonl", retriever="shop")
    assert (result.executions, result.interactions) == (1, 1)
    (found,) = interactions(engine)
    stored = executions(engine)["q1"]
    assert found.query_snapshot == {"query": "red"}
    assert found.retriever_id == stored.retriever_id == result.retrievers["shop"]
    assert found.warning is None
    assert found.occurred_at == parse_time(TIME)
    assert not found.live


def test_a_row_is_read_as_leniently_as_tables_are_written(engine: Engine, tmp_path: Path) -> None:
    rows = [
        {
            "document_id": 7,
            "type": "Click|view",
            "position": "3",
            "time": 1_748_772_000,
            "user_id": 12,
            "session_id": "",
            "metadata": '{"shop": "de"}',
            "colour": "red",
        }
    ]
    result = run_import(engine, write_lines(tmp_path / "t.jsonl", rows), format="jsonl")
    (found,) = interactions(engine)
    assert (found.feature_id, found.user_id, found.session_id) == ("7", "12", None)
    assert (found.types, found.position) == (("click", "view"), 3)
    assert found.metadata == {"shop": "de"}
    assert found.occurred_at == 1_748_772_000_000_000
    assert result.ignored == {"colour": 1}
    assert result.time_units == {"s": 1}


def test_the_same_rows_in_every_format(engine: Engine, tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        click("a", 0, user_id="u", metadata={"n": 1}),
        click("b", 4, document_score=-0.5, event_id="e2", interaction_type=["view", "click"]),
    ]
    columns = list(dict.fromkeys(name for row in lines for name in row))
    write_lines(tmp_path / "t.jsonl", lines)
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL)
        table.writerow(columns)
        for row in lines:
            types, metadata = ",".join(row["interaction_type"]), row.get("metadata")
            flat = {"interaction_type": types, "metadata": metadata and json.dumps(metadata)}
            table.writerow([{**row, **flat}.get(name) for name in columns])
    times = pyarrow.array([parse_time(TIME) * 1000] * 2).cast(pyarrow.timestamp("ns", "UTC"))
    arrow = pyarrow.Table.from_pylist([{name: row.get(name) for name in columns} for row in lines])
    arrow = arrow.set_column(columns.index("occurred_at"), "occurred_at", times)
    parquet.write_table(arrow, tmp_path / "t.parquet")
    seen = []
    for format in ("jsonl", "csv", "parquet"):
        before = len(interactions(engine))
        result = run_import(engine, tmp_path / f"t.{format}", format=format)
        assert result.rejected == 0, result.first_rejected
        new = interactions(engine)[before:]
        seen.append([(v.feature_id, v.types, v.position, v.metadata, v.user_id) for v in new])
        assert {value.occurred_at for value in new} == {parse_time(TIME)}
    assert seen[0] == [("a", ("click",), 0, {"n": 1}, "u"), ("b", ("view", "click"), 4, None, None)]
    assert seen[1] == seen[0][:1]  # the second has an event_id, which is stored once
    assert seen[2] == seen[0][:1]


def test_a_map_names_the_columns_of_a_foreign_table(engine: Engine, tmp_path: Path) -> None:
    rows = [
        {
            "what": {"doc": "a"},
            "place": 3,
            "act": "buy",
            "at": "2025-06-01 10:00:00",
            "shop": "de",
            "search": "q1",
            "words": "red shoes",
        }
    ]
    result = run_import(
        engine,
        write_lines(tmp_path / "t.jsonl", rows),
        format="jsonl",
        field_map={
            "feature_id": "what.doc",
            "position": "place",
            "interaction_type": "act",
            "occurred_at": "at",
            "metadata.shop": "shop",
            "execution_id": "search",
            "query_snapshot.query": "words",
        },
        type_map={"buy": "purchase"},
        position_base=1,
    )
    assert result.rejected == 0
    (found,) = interactions(engine)
    assert (found.feature_id, found.position, found.types) == ("a", 2, ("purchase",))
    assert found.metadata == {"shop": "de"}
    assert found.execution_id == "q1"
    assert found.query_snapshot == {"query": "red shoes"}


def test_a_log_of_nothing_but_clicks_needs_no_type(engine: Engine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "c.csv", f"document,position,time\na,0,{TIME}\n")
    assert run_import(engine, path, format="csv").rejected == 1
    assert run_import(engine, path, format="csv", type_map={"": "click"}).types == {"click": 1}


def test_types_that_mean_nothing_are_skipped_by_name(engine: Engine, tmp_path: Path) -> None:
    rows = [
        click("a", event_id="1", interaction_type=["hover"]),
        click("a", event_id="2", interaction_type=["hover", "click"]),
    ]
    result = run_import(engine, write_lines(tmp_path / "t.jsonl", rows), format="jsonl")
    assert result.skipped == {"hover": 2}
    assert [value.types for value in interactions(engine)] == [("click",)]


SHOWN = (
    "query,session,document,position,clicked,time\n"
    f"red,s1,a,1,0,{TIME}\n"
    f"red,s1,b,2,1,{TIME}\n"
    f"blue,s1,a,1,false,{TIME}\n"
    f"red,s1,c,3,,{TIME}\n"
)


def test_one_row_for_each_shown_document(engine: Engine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "shown.csv", SHOWN)
    result = run_import(engine, path, format="csv")
    assert (result.executions, result.interactions, result.rejected) == (2, 4, 0)
    assert result.types == {"impression": 4, "click": 1}
    assert result.position_bases == {"file": 1}
    by_query = {(value.inputs or {})["query"]: value for value in executions(engine).values()}
    assert shown(by_query["red"]) == ["a", "b", "c"]
    assert shown(by_query["blue"]) == ["a"]
    found = interactions(engine)
    assert {value.warning for value in found} == {None}
    clicked = next(value for value in found if "click" in value.types)
    assert (clicked.feature_id, clicked.position) == ("b", 1)
    assert clicked.types == ("impression", "click")
    again = run_import(engine, path, format="csv")
    assert (again.repeated_executions, again.repeated_interactions) == (2, 4)


def test_shown_documents_with_maps_scores_and_gaps(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"sid": "x1", "doc": "a", "at": 0, "bm25": 2.5, "price": 9, "bought": 1, "ts": TIME},
        {"sid": "x1", "doc": "b", "at": 3, "bm25": 1.5, "price": 8, "bought": 0, "ts": TIME},
        {"sid": "x1", "doc": "b", "at": 4, "bm25": 1.5, "price": 8, "bought": 0, "ts": TIME},
        {"sid": "x1", "doc": None, "at": 5, "bought": 0, "ts": TIME},
        {"doc": "a", "at": 5, "bought": 0, "ts": TIME},
    ]
    path = write_lines(tmp_path / "t.jsonl", rows)
    field_map = {
        "execution_id": "sid",
        "document_id": "doc",
        "position": "at",
        "scores.text://title": "bm25",
        "features.price": "price",
        "purchase": "bought",
        "occurred_at": "ts",
    }
    result = run_import(engine, path, format="jsonl", field_map=field_map, retriever="shop")
    (a, b) = executions(engine)["x1"].documents
    assert (a.scores, a.features) == ({"text://title": 2.5}, {"price": 9.0})
    assert b.document_id == "b"
    assert [(v.position, v.types) for v in interactions(engine)] == [
        (0, ("impression", "purchase")),
        (3, ("impression",)),
    ]
    assert sorted(row["line"] for row in rejected(path)) == [3, 4, 5]
    assert list(result.retrievers) == ["shop"]


def test_positions_that_are_left_out_come_from_the_list(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [search("q1", "a", "b", offset=10)]
    for document in ("b", "z"):
        row = click(document, execution_id="q1")
        del row["position"]
        rows.append(row)
    path = write_lines(tmp_path / "t.jsonl", rows)
    run_import(engine, path, format="jsonl")
    assert [value.position for value in interactions(engine)] == [11]
    assert [row["line"] for row in rejected(path)] == [3]


@pytest.mark.parametrize(("given", "expected"), [("auto", 0), (None, 1), (1, 0)])
def test_our_own_rows_count_from_0_unless_told(
    engine: Engine, tmp_path: Path, given: Any, expected: int
) -> None:
    rows = [click(f"d{n}", 1 + n % 3) for n in range(12)]
    path = write_lines(tmp_path / "t.jsonl", rows)
    result = run_import(engine, path, format="jsonl", position_base=given)
    assert min(value.position for value in interactions(engine)) == expected
    assert bool(result.advice) == (given is None)  # it says what it looks like


def test_a_mapped_table_is_looked_at_for_its_base(engine: Engine, tmp_path: Path) -> None:
    rows = [{"doc": f"d{n}", "rank": 1 + n % 3, "type": "click", "time": TIME} for n in range(12)]
    path = write_lines(tmp_path / "t.jsonl", rows)
    fields = {"document_id": "doc", "position": "rank"}
    result = run_import(engine, path, format="jsonl", field_map=fields)
    assert result.position_bases == {"file": 1}
    assert min(value.position for value in interactions(engine)) == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "JSON"),
        ("[1]", "not a JSON object"),
        ('{"feature_id": "a", "feature_id": "b"}', "same key twice"),
        (json.dumps(click("a") | {"position": -1}), "position"),
        (json.dumps(click("a") | {"position": 1.5}), "position"),
        (json.dumps(click("") | {"document_id": None}), "feature_id"),
        (json.dumps(click("a") | {"occurred_at": "soon"}), "occurred_at"),
        (json.dumps(click("a") | {"occurred_at": None}), "occurred_at"),
        (json.dumps(click("a") | {"metadata": [1]}), "metadata"),
        (json.dumps(click("a") | {"interaction_type": []}), "interaction_type"),
        (json.dumps(click("a") | {"user_id": "x" * 257}), "user_id"),
        (json.dumps(click("a\x00")), "NUL"),
        (json.dumps(search("q", "a", "a")), "listed twice"),
        (json.dumps(search("q", "a") | {"offset": -1}), "offset"),
        (json.dumps(click("a", metadata={"n": 2**70})), "64 bits"),
    ],
)
def test_a_bad_row_goes_aside_and_its_neighbours_stay(
    engine: Engine, tmp_path: Path, line: str, reason: str
) -> None:
    path = write_lines(tmp_path / "t.jsonl", [click("before"), line, "", click("after")])
    result = run_import(engine, path, format="jsonl")
    assert [value.feature_id for value in interactions(engine)] == ["before", "after"]
    (row,) = rejected(path)
    assert row["line"] == 2
    assert reason in row["reason"]
    assert result.rejected == 1
    assert result.first_rejected[0].line == 2


def test_rows_of_a_table_with_too_many_or_too_few_cells(engine: Engine, tmp_path: Path) -> None:
    rows = ["document,position,type,time", f"a,0,click,{TIME}", "b,1", f"c,2,click,{TIME},x", ""]
    path = write_csv(tmp_path / "t.csv", "\n".join([*rows, f"d,3,click,{TIME}"]))
    run_import(engine, path, format="csv")
    assert [value.feature_id for value in interactions(engine)] == ["a", "d"]
    assert [(row["line"], row["reason"]) for row in rejected(path)] == [
        (3, "The row has 2 cells and the header has 4."),
        (4, "The row has 5 cells and the header has 4."),
    ]


def test_a_cell_with_line_breaks_counts_its_lines(engine: Engine, tmp_path: Path) -> None:
    text = f'document,position,type,time\n"a\n\nb",0,click,{TIME}\nc,x,click,{TIME}\n'
    path = write_csv(tmp_path / "t.csv", text)
    run_import(engine, path, format="csv")
    assert [row["line"] for row in rejected(path)] == [5]


def test_missing_columns_are_named(engine: Engine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", f"document,time\na,{TIME}\n")
    with pytest.raises(InvalidFile, match="no column place; it has document, time"):
        run_import(engine, path, format="csv", field_map={"position": "place"})


@pytest.mark.parametrize(
    "options",
    [
        {"field_map": {"colour": "x"}},
        {"field_map": {"metadata.": "x"}},
        {"field_map": {"position": ""}},
        {"type_map": {"buy": "bought"}},
        {"position_base": 2},
        {"batch_rows": 0},
        {"retriever": "list"},
        {"retriever": "a/b"},
    ],
)
def test_options_that_cannot_work_are_refused(
    engine: Engine, tmp_path: Path, options: dict[str, Any]
) -> None:
    path = write_lines(tmp_path / "t.jsonl", [click("a")])
    with pytest.raises(InvalidSetting):
        run_import(engine, path, format="jsonl", **options)
    assert not interactions(engine)


def test_a_map_is_for_tables(engine: Engine, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", ["{}"])
    with pytest.raises(InvalidSetting, match="tables"):
        run_import(engine, path, format="metarank", field_map={"position": "x"})


def test_a_value_that_cannot_be_read_costs_its_row(engine: Engine, tmp_path: Path) -> None:
    """A time beyond the year 9999, and a text that is not UTF-8."""
    table = pyarrow.table(
        {
            "feature_id": pyarrow.array([b"a", b"b", b"\xff", b"d"], pyarrow.binary()).view(
                pyarrow.string()
            ),
            "interaction_type": ["click"] * 4,
            "position": [0, 1, 2, 3],
            "occurred_at": pyarrow.array([0, 2**62, 0, 0], pyarrow.timestamp("us", "UTC")),
        }
    )
    path = tmp_path / "t.parquet"
    parquet.write_table(table, path)
    result = run_import(engine, path, format="parquet")
    assert (result.interactions, result.rejected) == (2, 2)
    assert sorted(one.feature_id for one in interactions(engine)) == ["a", "d"]
    assert [row["line"] for row in rejected(path)] == [2, 3]


def test_files_that_overlap_say_the_same_twice(engine: Engine, tmp_path: Path) -> None:
    """Two exports of one log, each with the row of the middle."""
    header = "query,document,position,clicked,time\n"
    rows = [f"red,d{n},{n},{n % 2},2026-01-05T11:00:00Z\n" for n in range(3)]
    first = write_csv(tmp_path / "first.csv", header + rows[0] + rows[1])
    second = write_csv(tmp_path / "second.csv", header + rows[1] + rows[2])
    result = run_import(engine, first, second, format="csv")
    assert (result.interactions, result.executions, result.rejected) == (3, 1, 0)
    assert result.repeated_interactions == 1
    (search_of_all,) = executions(engine).values()
    assert shown(search_of_all) == ["d0", "d1", "d2"]


def test_ad_hoc_searches_of_an_export_stay_ad_hoc(engine: Engine, tmp_path: Path) -> None:
    rows = [{"kind": "execution", "retriever_id": "ret_adhoc", **search("e", "a")}]
    result = run_import(engine, write_lines(tmp_path / "e.jsonl", rows), format="jsonl")
    assert (result.executions, result.rejected) == (1, 0)
    assert executions(engine)["e"].retriever_id == "ret_adhoc"
    with engine.storage.read() as session:
        assert session.catalog.retrievers(NAMESPACE) == []
