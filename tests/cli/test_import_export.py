"""``import`` and ``export`` as a person types them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

import desirepath
from desirepath.cli import main
from desirepath.server import open_engine
from desirepath.settings import load_settings
from tests.embedding_server import (
    DIMENSION,
    KEY,
    MODEL,
    serve_embeddings,
    status,
    vector_of,
)

Run = Callable[..., Result]

CLICKS = "doc,place,at\na,1,2025-06-01 10:00:00\nb,2,2025-06-01 10:00:05\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, code: int = 0, **options: Any) -> Result:
        chosen = [*arguments, "--database", "sqlite:///log.db"]
        result = CliRunner().invoke(main, chosen, env={"DESIREPATH_CONFIG": ""}, **options)
        assert result.exit_code == code, result.output
        return result

    return invoke


def click_line(document: str, position: int, **fields: Any) -> str:
    row = {
        "feature_id": document,
        "interaction_type": ["click"],
        "position": position,
        "occurred_at": "2025-06-01T10:00:00Z",
        **fields,
    }
    return json.dumps(row) + "\n"


def test_an_import_ends_with_the_report(run: Run) -> None:
    Path("t.jsonl").write_text(click_line("shoe", 0) + click_line("boot", 1))
    output = run("import", "t.jsonl", "--format", "jsonl").stdout
    assert "Added 2 interactions and 0 executions" in output
    assert "What is sent" in output


def test_rejected_rows_are_shown_and_the_exit_code_says_so(run: Run) -> None:
    Path("t.jsonl").write_text(click_line("shoe", 0) + "{oops\n" + click_line("x", -1))
    output = run("import", "t.jsonl", "--format", "jsonl", code=3).stdout
    assert "2 rows were rejected" in output
    assert "t.jsonl.rejected.jsonl" in output
    assert "t.jsonl:2: " in output
    assert len(Path("t.jsonl.rejected.jsonl").read_text().splitlines()) == 2


def test_what_cannot_be_read_is_an_error(run: Run) -> None:
    assert "cannot be read" in run("import", "nowhere", "--format", "csv", code=1).output
    run("import", "--format", "csv", code=2)
    run("import", "x", "--format", "xml", code=2)
    Path("t.csv").write_text(CLICKS)
    for option in (["--map", "position"], ["--type-map", "buy=bought"], ["--map", "colour=x"]):
        run("import", "t.csv", "--format", "csv", *option, code=1)
    output = run("import", "t.csv", "--format", "csv", "--namespace", "nowhere", code=1).output
    assert "There is no namespace nowhere" in output


@pytest.mark.parametrize("more", [[], ["--documents"]])
def test_without_the_parquet_extra_the_command_that_installs_it_is_printed(
    run: Run, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    parquet.write_table(pyarrow.table({"feature_id": ["a"]}), "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    command = f"{sys.executable} -m pip install 'desirepath[parquet]'\n"
    assert command in run("import", "t.parquet", "--format", "parquet", *more, code=1).stderr
    run("import", "/dev/null", "--format", "jsonl")
    assert command in run("export", "all.parquet", code=1).stderr
    assert not list(Path().glob("*all.parquet*"))


MAPS = {
    "map.toml": 'document_id = "doc"\noccurred_at = "at"\nposition = "place"\nmetadata.n = "doc"',
    "map.json": '{"document_id": "doc", "position": "place", "occurred_at": "at"}',
    "map.txt": "# ours = theirs\ndocument_id = doc\nposition=place\n\noccurred_at=at\n",
}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_may_be_a_file(run: Run, name: str) -> None:
    Path("t.csv").write_text(CLICKS)
    Path(name).write_text(MAPS[name])
    options = ("--map-file", name, "--type-map", "=click", "--position-base", "1", "--json")
    result = json.loads(run("import", "t.csv", "--format", "csv", *options).stdout)
    assert (result["interactions"], result["rejected"]) == (2, 0)
    with desirepath.open("sqlite:///log.db") as here:
        rows = here.interactions.list()["results"]
    assert sorted((row["feature_id"], row["position"]) for row in rows) == [("a", 0), ("b", 1)]


def test_a_map_file_that_is_none(run: Run) -> None:
    Path("t.csv").write_text(CLICKS)
    for text in ("no equals sign", '{"position": 3}', "[1]"):
        Path("map").write_text(text)
        run("import", "t.csv", "--format", "csv", "--map-file", "map", code=1)
    run("import", "t.csv", "--format", "csv", "--map-file", "nowhere", code=1)


def test_a_dry_run_writes_nothing(run: Run) -> None:
    Path("t.csv").write_text(CLICKS)
    maps = [f"--map={pair}" for pair in ("document_id=doc", "position=place", "occurred_at=at")]
    options = ("--type-map", "=click", "--dry-run")
    output = run("import", "t.csv", "--format", "csv", *maps, *options).stdout
    assert "Would add 2 interactions" in output
    assert "Times are written as: iso 2" in output
    assert "The first position is called 0 (file)" in output
    assert "What is sent" not in output
    with desirepath.open("sqlite:///log.db") as here:
        assert here.interactions.list()["results"] == []


def test_a_dry_run_makes_no_database(run: Run) -> None:
    Path("t.jsonl").write_text(click_line("shoe", 0))
    assert "Would add 1" in run("import", "t.jsonl", "--format", "jsonl", "--dry-run").stdout
    assert [path.name for path in Path().iterdir()] == ["t.jsonl"]


def test_standard_input_and_output(run: Run) -> None:
    run("import", "-", "--format", "jsonl", input=click_line("shoe", 0, event_id="e1"))
    lines = run("export", "-", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["event_id"] for line in lines] == ["e1"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.ndjson.gz", "x.csv", "x.parquet", "x.csv.gz"])
def test_an_export_is_written_as_its_name_ends(run: Run, name: str) -> None:
    Path("t.jsonl").write_text(click_line("shoe", 0))
    run("import", "t.jsonl", "--format", "jsonl")
    made = json.loads(run("export", name, "--json").stdout)
    assert (made["interactions"], made["size_bytes"]) == (1, Path(name).stat().st_size)
    assert "1 interactions" in run("export", name).stdout
    format = name.removesuffix(".gz").rpartition(".")[2].replace("ndjson", "jsonl")
    again = json.loads(run("import", name, "--format", format, "--json").stdout)
    assert (again["interactions"], again["repeated_interactions"]) == (0, 1)


def test_a_name_that_does_not_tell_asks_for_the_format(run: Run) -> None:
    desirepath.open("sqlite:///log.db").close()
    assert "--format" in run("export", "log", code=1).output
    run("export", "log", "--format", "csv")
    assert "one kind" in run("export", "x.csv", "--what", "all", code=1).output


def test_documents_are_imported_and_found(run: Run) -> None:
    Path("p.csv").write_text("sku,title,price\na,Red shoe,9.5\n,no id,1\n")
    options = ("--documents", "--format", "csv", "--id-field", "sku")
    output = run("import", "p.csv", *options, code=3).stdout
    assert "Stored 1 documents in" in output
    assert "1 rows were rejected" in output
    assert "What is sent" not in output
    result = json.loads(run("import", "p.csv", *options, "--json", code=3).stdout)
    assert (result["documents"], result["interactions"]) == (1, 0)
    would = run("import", "p.csv", *options, "--dry-run", code=3).stdout
    assert "Would store 1 documents in" in would
    settings = load_settings({"database": "sqlite:///log.db"}, {})
    with closing(open_engine(settings)) as engine, engine.storage.read() as session:
        assert [id for id, _ in session.documents.search_text(1, ["title"], "shoes", 5)] == ["a"]


def test_options_of_logs_and_of_documents_do_not_mix(run: Run) -> None:
    Path("p.jsonl").write_text('{"id": "a"}\n')
    for options in (
        ["--id-field", "id"],
        ["--vector-field", "v"],
        ["--documents", "--map", "feature_id=id"],
        ["--documents", "--type-map", "=click"],
        ["--documents", "--retriever", "x"],
        ["--documents", "--position-base", "0"],
    ):
        run("import", "p.jsonl", "--format", "jsonl", *options, code=1)
    output = run("import", "p.jsonl", "--format", "ubi", "--documents", code=1).output
    assert "Documents are read from jsonl, csv, parquet, metarank." in output


def test_names_out_of_a_file_do_not_steer_the_terminal(run: Run) -> None:
    row = click_line("a", 0, interaction_type=["\x1b[31m[bold]red"], **{"[link=x]": 1})
    Path("t.jsonl").write_text(row + click_line("b", 0, colour=1, **{"\x1b]0;title": 1}))
    output = run("import", "t.jsonl", "--format", "jsonl").stdout
    assert "\x1b" not in output
    assert "[bold]red 1" in output


def test_documents_go_out_and_come_in(run: Run) -> None:
    Path("p.jsonl").write_text('{"id": "a", "title": "Shoe"}\n{"id": "b", "title": "Hat"}\n')
    run("import", "p.jsonl", "--documents", "--format", "jsonl")
    assert "2 documents" in run("export", "out.csv", "--documents").stdout
    written = json.loads(run("export", "out.jsonl", "--what", "documents", "--json").stdout)
    assert (written["documents"], written["interactions"]) == (2, 0)
    again = run("import", "out.csv", "--documents", "--format", "csv", "--json").stdout
    assert json.loads(again)["documents"] == 2
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert lines[0] == {"document_id": "a", "payload": {"title": "Shoe"}}
    refused = run("export", "x.csv", "--documents", "--what", "executions", code=1)
    assert "--what" in refused.stderr


def test_an_import_has_vectors_made_by_the_embedder_of_the_settings(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_embeddings() as server:
        monkeypatch.setenv("DESIREPATH_EMBEDDER_URL", server.url)
        monkeypatch.setenv("DESIREPATH_EMBEDDER_KEY", KEY)
        with desirepath.open("sqlite:///log.db", embedder_url=server.url) as here:
            index = {"name": "title", "dimension": DIMENSION, "embedder": {"model": MODEL}}
            here.create_namespace("shop", vector_configs=[index])
        rows = [{"id": f"{n:03}", "title": f"Shoe {n}"} for n in range(100)]
        Path("p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        command = ("import", "p.jsonl", "--documents", "--format", "jsonl", "--namespace", "shop")
        server.forget()
        server.faults = [lambda handler, texts: handler.vectors([vector_of(t) for t in texts])]
        server.faults.append(status(429, Retry_After="60"))
        stopped = run(*command, code=1)
        assert "embedder" in stopped.stderr
        with desirepath.open("sqlite:///log.db") as here:
            shop = here.namespace("shop")
            assert shop.documents.list(include_total=True)["total"] == 64  # what it had so far
            vectors = shop.documents.get("000", return_vectors=True)["vectors"]
            assert vectors == {"title": vector_of("Shoe 0")}
        server.forget()
        assert "100 documents" in run(*command).stdout
        assert len(server.texts) == 36  # the others have theirs
