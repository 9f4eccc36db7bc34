"""Exports: whole or not there, harmless in a spreadsheet, and read back to the same rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict
from pyarrow import parquet

from desirepath.domain.document import read_document
from desirepath.domain.execution import read_execution
from desirepath.domain.ids import format_id
from desirepath.domain.interaction import Interaction, read_interaction
from desirepath.domain.retriever import RetrieverDraft
from desirepath.engine import exporting
from desirepath.engine.documents import store_documents
from desirepath.engine.engine import Engine
from desirepath.engine.exporting import (
    ExportFormat,
    ExportOptions,
    ExportProgress,
    Rows,
    export_rows,
)
from desirepath.engine.importing.documents import DocumentOptions, import_documents
from desirepath.engine.importing.options import ImportFormat
from desirepath.engine.recording import (
    RecordingRules,
    SentExecution,
    SentInteraction,
    Submission,
)
from desirepath.errors import InvalidFile, InvalidSetting
from desirepath.storage.open import open_storage
from desirepath.testing.clock import START, TestingClock
from tests.unit.engine.importing_helpers import (
    NAMESPACE,
    click,
    executions,
    interactions,
    run_import,
    search,
    shown,
)

NASTY = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'=x", "a,b", 'say "hi"', "é\u2028", "'tis"]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Store an execution, live and past interactions, and texts that are trouble in a table."""
    document = {
        "document_id": "a",
        "score": 1.5,
        "scores": {"text://t": 0.5, "text://b": -1.0},
        "features": {"price": 9.0},
    }
    rich = {
        **search("q1", "b", inputs={"query": "red", "deep": {"n": [1]}}),
        "documents": [document, {"document_id": "b"}],
        "user_id": "u",
        "configuration": "v1",
        "metadata": {"k": "v"},
        "offset": 10,
        "total": 99,
    }
    unnamed: dict[str, Any] = {"documents": []}
    with engine.storage.write() as session:
        id = engine.make_id.next(START)
        draft = RetrieverDraft(retriever_name="shop", tags=["x"], description="mine")
        made = session.catalog.create_retriever(NAMESPACE, id, draft, START)
    rows: list[dict[str, Any]] = [
        {"feature_id": "a", "interaction_type": ["click"], "position": 10, "execution_id": "q1"},
        click("b", 11, execution_id="q1", event_id="mine", document_score=-2.5, result_set_size=12),
        click("z", interaction_type=["view", "purchase"], metadata={"f": "=1", "n": 1, "x": None}),
        *(click(text, user_id=text, event_id=f"e{n}") for n, text in enumerate(NASTY)),
    ]
    engine.submit(
        Submission(
            namespace=NAMESPACE,
            executions=[
                SentExecution(read_execution(row)[0], made.retriever_id) for row in (rich, unnamed)
            ],
            interactions=[SentInteraction(*read_interaction(row)) for row in rows],
        )
    )
    return engine


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Engine]:
    """Open another database, with nothing in it but a namespace."""
    clock = TestingClock()
    clock.advance(seconds=3600)
    storage = open_storage(f"sqlite:///{tmp_path}/other.db", clock)
    with closing(Engine(storage, clock, RecordingRules())) as engine:
        with storage.write() as session:
            session.catalog.create_namespace("ns_default", "default", START)
        yield engine


def export(
    engine: Engine, target: Path, format: str, what: str | None = None
) -> exporting.ExportResult:
    options = ExportOptions(format=ExportFormat(format), what=None if what is None else Rows(what))
    return export_rows(engine, NAMESPACE, target, options)


def kept(value: Interaction) -> dict[str, Any]:
    """What an export keeps of an interaction."""
    made_anew = ("id", "warning", "live")
    row = {name: v for name, v in asdict(value).items() if name not in made_anew}
    return row | {"event_id": value.event_id or format_id("int", value.id)}


def test_everything_comes_back_the_same(filled: Engine, empty: Engine, tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    result = export(filled, path, "jsonl")
    assert (result.retrievers, result.executions, result.interactions) == (1, 2, 3 + len(NASTY))
    assert result.size_bytes == path.stat().st_size
    back = run_import(empty, path, format="jsonl")
    assert back.rejected == 0, back.first_rejected
    assert [kept(v) for v in interactions(empty)] == [kept(v) for v in interactions(filled)]
    before, after = executions(filled), executions(empty)
    assert list(before) == list(after)
    for id, execution in before.items():
        changes = {"id": after[id].id, "live": False}
        assert asdict(after[id]) == asdict(execution) | changes
    with filled.storage.read() as one, empty.storage.read() as other:
        (mine,), (theirs,) = (s.catalog.retrievers(NAMESPACE) for s in (one, other))
    assert (mine.id, mine.draft) == (theirs.id, theirs.draft)
    for engine in (filled, empty):  # and nothing is added, here or there, to and fro
        again = run_import(engine, path, format="jsonl")
        assert (again.executions, again.interactions, again.rejected) == (0, 0, 0)
    second = tmp_path / "second.jsonl"
    export(empty, second, "jsonl")
    again = run_import(filled, second, format="jsonl")
    assert (again.executions, again.interactions, again.rejected) == (0, 0, 0)


@pytest.mark.parametrize("format", ["csv", "parquet", "csv.gz"])
def test_tables_come_back_the_same(
    filled: Engine, empty: Engine, tmp_path: Path, format: str
) -> None:
    kind = format.removesuffix(".gz")
    for what in ("executions", "interactions"):
        path = tmp_path / f"{what}.{format}"
        export(filled, path, kind, what)
        result = run_import(empty, path, format=kind)
        assert (result.rejected, result.ignored) == (0, {}), result.first_rejected
    # An empty object and no object look the same in a table, and so do times of other zones.
    assert [kept(v) for v in interactions(empty)] == [kept(v) for v in interactions(filled)]
    before, after = executions(filled), executions(empty)
    assert {id: shown(value) for id, value in after.items()} == {
        id: shown(value) for id, value in before.items()
    }
    assert after["q1"].documents == before["q1"].documents
    assert (after["q1"].offset, after["q1"].total, after["q1"].inputs) == (
        10,
        99,
        before["q1"].inputs,
    )
    again = run_import(filled, path, format=kind)
    assert (again.interactions, again.rejected) == (0, 0)


def test_no_cell_is_a_formula_and_numbers_stay_numbers(filled: Engine, tmp_path: Path) -> None:
    path = tmp_path / "i.csv"
    export(filled, path, "csv")
    data = path.read_bytes()
    assert data.count(b"\r\n") >= 4 + len(NASTY)  # RFC 4180
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name, cell in row.items():
            if name != "document_score":
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")), (name, cell)
    assert rows[1]["document_score"] == "-2.5"
    assert rows[2]["interaction_type"] == "view,purchase"
    assert json.loads(rows[2]["metadata"]) == {"f": "=1", "n": 1, "x": None}
    assert rows[3]["user_id"] == "'=1+1"
    assert rows[0]["user_id"] == ""


def test_parquet_has_types(filled: Engine, tmp_path: Path) -> None:
    export(filled, tmp_path / "i.parquet", "parquet")
    export(filled, tmp_path / "e.parquet", "parquet", "executions")
    table = parquet.read_table(tmp_path / "i.parquet")
    assert str(table.schema.field("occurred_at").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("position").type) == "int64"
    assert table.column("interaction_type").to_pylist()[2] == ["view", "purchase"]
    documents = parquet.read_table(tmp_path / "e.parquet").column("documents").to_pylist()
    assert documents[0][0]["scores"] == [("text://t", 0.5), ("text://b", -1.0)]


def test_a_table_holds_one_kind(filled: Engine, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="one kind"):
        export(filled, tmp_path / "all.csv", "csv", "all")
    assert not any(path.suffix == ".csv" for path in tmp_path.iterdir())


def test_what_can_be_chosen(filled: Engine, tmp_path: Path) -> None:
    for what, kinds in (("interactions", {"interaction"}), ("executions", {"execution"})):
        path = tmp_path / f"{what}.jsonl"
        export(filled, path, "jsonl", what)
        assert {json.loads(line)["kind"] for line in path.read_bytes().splitlines()} == kinds


def test_a_name_that_ends_in_gz_is_compressed(filled: Engine, tmp_path: Path) -> None:
    export(filled, tmp_path / "a.jsonl", "jsonl")
    export(filled, tmp_path / "a.jsonl.gz", "jsonl")
    packed = gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes())
    assert packed == (tmp_path / "a.jsonl").read_bytes()


def test_standard_output(filled: Engine) -> None:
    out = io.BytesIO()
    options = ExportOptions(format=ExportFormat.JSONL)
    result = export_rows(filled, NAMESPACE, "-", options, stdout=out)
    assert len(out.getvalue().splitlines()) == 1 + result.executions + result.interactions
    out = io.BytesIO()
    export_rows(filled, NAMESPACE, "-", ExportOptions(format=ExportFormat.CSV), stdout=out)
    assert not out.closed


def test_a_file_appears_when_it_is_whole(
    filled: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "a.jsonl"
    target.write_text("the last export")

    def fail(value: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "exported_interaction", fail)
        with pytest.raises(KeyboardInterrupt):
            export(filled, target, "jsonl")
    assert [path.name for path in folder.iterdir()] == ["a.jsonl"]
    assert target.read_text() == "the last export"
    export(filled, target, "jsonl")
    assert target.read_text().startswith('{"kind":"retriever"')
    assert [path.name for path in folder.iterdir()] == ["a.jsonl"]


def test_a_pipe_is_written_to_and_stays_a_pipe(filled: Engine, tmp_path: Path) -> None:
    """A device as well, but nobody wants to lose /dev/null to a test."""
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    result = export(filled, pipe, "jsonl")
    reader.join(60)
    assert result.size_bytes is None
    assert pipe.is_fifo()
    assert len(received[0].splitlines()) == (
        result.retrievers + result.executions + result.interactions
    )


def test_a_target_that_cannot_be_written_is_named(filled: Engine, tmp_path: Path) -> None:
    for target in (tmp_path / "nowhere" / "a.jsonl", tmp_path):
        with pytest.raises(InvalidFile, match="cannot be written"):
            export(filled, target, "jsonl")


def test_an_export_is_of_one_moment(
    filled: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    """What is recorded while it runs is not in it, however long it takes."""
    monkeypatch.setattr(exporting, "_CHUNK", 1)
    sent = [SentInteraction(*read_interaction(click("late")))]
    seen: list[ExportProgress] = []

    def meanwhile(now: ExportProgress) -> None:
        seen.append(now)
        filled.submit(Submission(namespace=NAMESPACE, interactions=sent))

    path = tmp_path / "a.jsonl"
    options = ExportOptions(format=ExportFormat.JSONL)
    result = export_rows(filled, NAMESPACE, path, options, meanwhile)
    assert result.interactions == 3 + len(NASTY)
    assert b'"late"' not in path.read_bytes()
    assert [now.done for now in seen] == list(range(1, len(seen) + 1))
    assert {now.total for now in seen} == {len(seen)}


def test_an_empty_namespace_gives_an_empty_file(empty: Engine, tmp_path: Path) -> None:
    for format in ("jsonl", "csv", "parquet"):
        path = tmp_path / f"e.{format}"
        assert export(empty, path, format).interactions == 0
        assert run_import(empty, path, format=format).rows == 0


DOCUMENTS = [
    {
        "document_id": "=1+1",
        "payload": {"title": "Red shoe", "price": 9.5, "tags": ["a", "b"], "deep": {"n": None}},
        "metadata": {"feed": "x"},
        "text": {"body": 'Warm, "soft".'},
        "vectors": {"title": [0.1, -1e-7], "image": [1e10, 3.0, 0.25]},
    },
    {"document_id": "bare"},
    {"document_id": "payload only", "payload": {"id": "other", "n": 1}},
    *({"document_id": f"d{n:03}", "vectors": {"title": [n, 1]}} for n in range(600)),
]


@pytest.mark.parametrize("format", list(ExportFormat))
def test_documents_come_back_the_same(
    engine: Engine, empty: Engine, tmp_path: Path, format: ExportFormat
) -> None:
    namespace, other = (e.directory.namespace("default") for e in (engine, empty))
    assert namespace is not None
    assert other is not None
    store_documents(engine, namespace, [read_document(row)[0] for row in DOCUMENTS])
    path = tmp_path / f"documents.{format}"
    seen: list[ExportProgress] = []
    options = ExportOptions(format=format, what=Rows.DOCUMENTS)
    result = export_rows(engine, NAMESPACE, path, options, seen.append)
    assert (result.documents, result.interactions) == (603, 0)
    assert (seen[0].step, seen[-1].done, seen[-1].total) == ("documents", 603, 603)
    chosen = DocumentOptions(format=ImportFormat(format.value))
    imported = import_documents(empty, other, [path], chosen)
    assert (imported.documents, imported.rejected) == (603, 0)

    def everything(engine: Engine) -> list[dict[str, Any]]:
        with engine.storage.read() as session:
            ids = [one.document_id for one in session.documents.find(NAMESPACE, limit=5_000)]
            found = session.documents.get(NAMESPACE, ids, with_vectors=True)
        kept = ("document_id", "payload", "metadata", "text", "vectors")
        return [{name: getattr(found[id], name) for name in kept} for id in ids]

    assert everything(engine) == everything(empty)
