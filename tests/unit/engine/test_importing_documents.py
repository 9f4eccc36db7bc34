"""Rows become documents: of our own shape, of any shape with an id, and of Metarank's items."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from desirepath.domain.document import Document
from desirepath.engine.engine import Engine
from desirepath.engine.importing.documents import DocumentOptions, import_documents
from desirepath.engine.importing.options import ImportFormat, ImportResult, Progress
from desirepath.errors import InvalidDocument, InvalidFile, InvalidSetting
from tests.unit.engine.importing_helpers import NAMESPACE, rejected, write_lines


def run(engine: Engine, *paths: Path, format: str, **options: Any) -> ImportResult:
    namespace = engine.directory.namespace("default")
    assert namespace is not None
    chosen = DocumentOptions(format=ImportFormat(format), **options)
    return import_documents(engine, namespace, paths, chosen)


def stored(engine: Engine) -> dict[str, Document]:
    with engine.storage.read() as session:
        listed = session.documents.find(NAMESPACE, limit=10_000)
        ids = [document.document_id for document in listed]
        return session.documents.get(NAMESPACE, ids, with_vectors=True)


def payloads(engine: Engine) -> dict[str, dict[str, Any]]:
    return {id: document.payload for id, document in stored(engine).items()}


def found(engine: Engine, field: str, query: str) -> list[str]:
    with engine.storage.read() as session:
        hits = session.documents.search_text(NAMESPACE, [field], query, 10)
    return [id for id, _ in hits]


def item(id: str, timestamp: object = 1_000_000_000, **fields: Any) -> dict[str, Any]:
    listed = [{"name": name, "value": value} for name, value in fields.items()]
    return {"event": "item", "id": f"e-{id}", "item": id, "timestamp": timestamp, "fields": listed}


class TestTables:
    def test_any_object_with_an_id_is_a_payload(self, engine: Engine, tmp_path: Path) -> None:
        rows: list[dict[str, Any]] = [
            {"id": 7, "title": "Red shoe", "price": 9.5, "tags": ["a"], "none": None, "empty": ""},
            {"document_id": "b", "id": "kept", "title": "Hat"},
        ]
        result = run(engine, write_lines(tmp_path / "p.jsonl.gz", rows), format="jsonl")
        assert (result.documents, result.rejected) == (2, 0)
        assert payloads(engine) == {
            "7": {"title": "Red shoe", "price": 9.5, "tags": ["a"]},
            "b": {"id": "kept", "title": "Hat"},
        }
        assert found(engine, "title", "shoes") == ["7"]

    def test_the_id_may_have_another_name(self, engine: Engine, tmp_path: Path) -> None:
        path = write_lines(tmp_path / "p.jsonl", [{"sku": "x", "id": "y", "title": "z"}])
        run(engine, path, format="jsonl", id_field="sku")
        assert payloads(engine) == {"x": {"id": "y", "title": "z"}}

    def test_rows_of_our_own_shape_are_taken_as_they_are(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        row = {
            "document_id": "a",
            "payload": {"title": "Shoe"},
            "metadata": {"m": 1},
            "text": {"body": "Warm."},
            "vectors": {"v": [1, 0.5]},
        }
        flat = {"document_id": "b", "text": "a column called text"}
        run(engine, write_lines(tmp_path / "p.jsonl", [row, flat]), format="jsonl")
        documents = stored(engine)
        assert documents["a"].payload == {"title": "Shoe"}
        assert documents["a"].metadata == {"m": 1}
        assert documents["a"].text == {"body": "Warm."}
        assert documents["a"].vectors == {"v": (1.0, 0.5)}
        assert documents["b"].payload == {"text": "a column called text"}

    def test_columns_may_hold_vectors(self, engine: Engine, tmp_path: Path) -> None:
        rows: list[dict[str, Any]] = [
            {"id": "a", "title": "x", "embedding": [1, 2]},
            {"id": "b", "embedding": "[3, 4]"},
        ]
        path = write_lines(tmp_path / "p.jsonl", rows)
        run(engine, path, format="jsonl", vector_fields=("embedding",))
        documents = stored(engine)
        assert documents["a"].vectors == {"embedding": (1.0, 2.0)}
        assert documents["b"].vectors == {"embedding": (3.0, 4.0)}
        assert (documents["a"].payload, documents["b"].payload) == ({"title": "x"}, {})

    def test_a_csv_column_of_numbers_holds_numbers(self, engine: Engine, tmp_path: Path) -> None:
        buffer = io.StringIO()
        csv.writer(buffer).writerows(
            [
                ["id", "title", "price", "sku", "mixed"],
                ["a", "1984", "9.5", "001", "1"],
                ["b", "A hat", "", "2", "x"],
                ["c", "", "12", "3", ""],
            ]
        )
        path = tmp_path / "p.csv"
        path.write_text(buffer.getvalue())
        run(engine, path, format="csv")
        assert payloads(engine) == {
            "a": {"title": "1984", "price": 9.5, "sku": 1, "mixed": "1"},
            "b": {"title": "A hat", "sku": 2, "mixed": "x"},
            "c": {"price": 12, "sku": 3},
        }
        assert found(engine, "title", "1984") == ["a"]

    def test_parquet_with_lists_and_vectors(self, engine: Engine, tmp_path: Path) -> None:
        table = pyarrow.table(
            {
                "asin": ["a", "b"],
                "tags": [["x", "y"], None],
                "price": [1.5, None],
                "v": pyarrow.array([[1.0, 2.0], [0.5, 0.25]], pyarrow.list_(pyarrow.float32())),
            }
        )
        parquet.write_table(table, tmp_path / "p.parquet")
        path = tmp_path / "p.parquet"
        run(engine, path, format="parquet", id_field="asin", vector_fields=("v",))
        assert payloads(engine) == {"a": {"tags": ["x", "y"], "price": 1.5}, "b": {}}
        assert stored(engine)["b"].vectors == {"v": (0.5, 0.25)}

    def test_again_changes_nothing(self, engine: Engine, tmp_path: Path) -> None:
        rows = [{"id": f"{n}", "title": f"word{n}"} for n in range(1200)]
        path = write_lines(tmp_path / "p.jsonl", rows)
        assert run(engine, path, format="jsonl").documents == 1200
        before = payloads(engine)
        assert len(before) == 1200
        assert run(engine, path, format="jsonl").documents == 1200
        assert payloads(engine) == before

    def test_the_last_of_several_rows_counts(self, engine: Engine, tmp_path: Path) -> None:
        rows = [{"id": "a", "n": n} for n in range(3)]
        assert run(engine, write_lines(tmp_path / "p.jsonl", rows), format="jsonl").documents == 1
        assert payloads(engine) == {"a": {"n": 2}}

    def test_bad_rows_go_aside_and_the_rest_is_stored(self, engine: Engine, tmp_path: Path) -> None:
        lines: list[Any] = [
            {"id": "a", "v": [1, 2]},
            {"title": "no id"},
            "{broken",
            {"id": "x" * 300},
            {"id": "b", "v": [1, 2, 3]},
            {"id": "c", "v": "what"},
            {"id": {"not": "a text"}},
            {"id": "d", "v": [3, 4]},
        ]
        path = write_lines(tmp_path / "p.jsonl", lines)
        result = run(engine, path, format="jsonl", vector_fields=("v",))
        assert (result.documents, result.rejected) == (2, 6)
        assert sorted(stored(engine)) == ["a", "d"]
        reasons = {row["line"]: row["reason"] for row in rejected(path)}
        assert sorted(reasons) == [2, 3, 4, 5, 6, 7]
        assert "--id-field" in reasons[2]
        assert "has 3 numbers and its index 2" in reasons[5]

    def test_too_many_fields_end_it_with_the_way_out(self, engine: Engine, tmp_path: Path) -> None:
        path = write_lines(tmp_path / "p.jsonl", [{"id": "a"} | {f"f{n}": "x" for n in range(101)}])
        with pytest.raises(InvalidDocument, match="text_fields"):
            run(engine, path, format="jsonl")

    def test_a_dry_run_writes_nothing(self, engine: Engine, tmp_path: Path) -> None:
        path = write_lines(tmp_path / "p.jsonl", [{"id": "a"}, {"title": "no id"}])
        result = run(engine, path, format="jsonl", dry_run=True)
        assert (result.documents, result.rejected) == (1, 1)
        assert stored(engine) == {}
        assert rejected(path) == []

    def test_progress_ends_where_the_files_do(self, engine: Engine, tmp_path: Path) -> None:
        path = tmp_path / "p.csv"
        path.write_text("id,title\n" + "".join(f"{n},word{n}\n" for n in range(5000)))
        namespace = engine.directory.namespace("default")
        assert namespace is not None
        seen: list[Progress] = []
        options = DocumentOptions(format=ImportFormat.CSV)
        import_documents(engine, namespace, [path], options, seen.append)
        assert [one.done for one in seen] == sorted(one.done for one in seen)
        assert seen[-1].done == seen[-1].total == 2 * path.stat().st_size
        assert seen[-1].documents == 5000

    @pytest.mark.parametrize(
        ("format", "options"),
        [
            ("ubi", {}),
            ("metarank", {"id_field": "x"}),
            ("metarank", {"vector_fields": ("x",)}),
            ("jsonl", {"vector_fields": (" ",)}),
        ],
    )
    def test_options_that_cannot_be_are_refused(
        self, engine: Engine, tmp_path: Path, format: str, options: dict[str, Any]
    ) -> None:
        path = write_lines(tmp_path / "p.jsonl", [{"id": "a"}])
        with pytest.raises(InvalidSetting):
            run(engine, path, format=format, **options)

    def test_a_file_that_is_something_else_is_refused(self, engine: Engine, tmp_path: Path) -> None:
        path = tmp_path / "p.jsonl"
        path.write_text(json.dumps([{"id": "a"}]))
        with pytest.raises(InvalidFile, match="JSON array"):
            run(engine, path, format="jsonl")


class TestMetarank:
    def test_an_item_is_a_document(self, engine: Engine, tmp_path: Path) -> None:
        rows = [
            item("m1", title="The Matrix", genres=["Sci-Fi", "Action"], popularity=81.5),
            {"event": "user", "user": "u", "timestamp": 1},
            {"event": "ranking", "id": "r", "items": [], "timestamp": 1},
        ]
        result = run(engine, write_lines(tmp_path / "i.jsonl", rows), format="metarank")
        assert (result.documents, result.skipped) == (1, {"user": 1, "ranking": 1})
        assert payloads(engine) == {
            "m1": {"title": "The Matrix", "genres": ["Sci-Fi", "Action"], "popularity": 81.5}
        }
        assert found(engine, "genres", "action") == ["m1"]

    @pytest.mark.parametrize("reverse", [False, True], ids=["in order", "latest first"])
    def test_later_events_update_single_fields(
        self, engine: Engine, tmp_path: Path, reverse: bool
    ) -> None:
        rows = [
            item("a", "1636993839000", title="Old", price=1, stock=5),
            item("a", "1636993840000", price=2),
            item("a", "1636993841000", title="New", stock=None),
            item("b", "1636993839000", title="Other"),
        ]
        path = write_lines(tmp_path / "i.jsonl", reversed(rows) if reverse else rows)
        assert run(engine, path, format="metarank").documents == 2
        assert payloads(engine) == {"a": {"title": "New", "price": 2}, "b": {"title": "Other"}}

    def test_a_later_file_updates_what_is_stored(self, engine: Engine, tmp_path: Path) -> None:
        first = [item("a", title="Old", price=1)]
        run(engine, write_lines(tmp_path / "1.jsonl", first), format="metarank")
        before = stored(engine)["a"]
        run(engine, write_lines(tmp_path / "2.jsonl", [item("a", price=3)]), format="metarank")
        after = stored(engine)["a"]
        assert after.payload == {"title": "Old", "price": 3}
        assert after.created_at == before.created_at

    def test_bad_events_go_aside(self, engine: Engine, tmp_path: Path) -> None:
        rows: list[Any] = [
            {"item": "a"},
            {"event": "item", "timestamp": 1, "fields": []},
            item("a", "yesterday"),
            {"event": "item", "item": "a", "timestamp": 1, "fields": {"title": "x"}},
            item("ok"),
        ]
        path = write_lines(tmp_path / "i.jsonl", rows)
        result = run(engine, path, format="metarank")
        assert (result.documents, result.rejected) == (1, 4)
        assert [row["line"] for row in rejected(path)] == [1, 2, 3, 4]


@pytest.mark.needs_data
class TestRecordedData:
    def test_films_that_were_shown(
        self, engine: Engine, shared_data: Callable[[str], Path]
    ) -> None:
        result = run(engine, shared_data("ranklens/items.jsonl.gz"), format="metarank")
        assert (result.documents, result.rejected) == (2_512, 0)
        assert len(found(engine, "title", "matrix")) > 0

    def test_products(self, engine: Engine, shared_data: Callable[[str], Path]) -> None:
        path = shared_data("esci_small/products.jsonl.gz")
        result = run(engine, path, format="jsonl", id_field="asin")
        assert (result.documents, result.rejected) == (6_764, 0)
        assert len(found(engine, "title", "running shoes")) == 10
