"""``desirepath judgments``, on both databases."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from desirepath.cli.main import main
from desirepath.storage.base import Storage
from tests.storage_fixtures import Database
from tests.unit.engine.analysing.simulated_searches import simulate, store_searches


class Commands:
    """The command line over one database."""

    def __init__(self, url: str, folder: Path) -> None:
        self._options = ["--database", url]
        self.folder = folder

    def run(self, *words: str, code: int = 0) -> str:
        result: Result = CliRunner().invoke(main, ["judgments", *words, *self._options])
        assert result.exit_code == code, result.output
        return result.output

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def file(self, name: str, text: str = "") -> str:
        path = self.folder / name
        if text:
            path.write_text(text)
        return str(path)


@pytest.fixture
def commands(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Commands(database.url, tmp_path)


@pytest.fixture
def searched(commands: Commands, storage: Storage) -> Commands:
    _, queries, lists, clicked = simulate(5, 300)
    store_searches(storage, queries, lists, clicked)
    return commands


def test_judgments_are_made_shown_and_deleted(searched: Commands) -> None:
    made = searched.json("make", "clicks", "--min-impressions", "5", "--min-clicks", "2")
    assert (made["dataset_name"], made["source"]["model"]) == ("clicks", "pbm")
    assert made["source"]["parameters"]["min_impressions"] == 5.0
    assert made["stale_since"] is None
    assert searched.json("list") == [made]
    shown = searched.json("show", "clicks", "--queries", "2")
    assert len(shown["queries"]) == 2
    assert shown["queries"][0]["query_input"] == {"q": "query 0"}
    text = searched.run("show", made["dataset_id"])
    assert "by pbm, from the log of all retrievers" in text
    assert "click-through rates" in text
    assert "query 0" in text
    assert "clicks" in searched.run("list")
    assert "Error" in searched.run("make", "clicks", code=1)
    assert searched.run("delete", "clicks").startswith("Deleted clicks")
    assert searched.json("list") == []
    assert "no dataset" in searched.run("show", "clicks", code=1)


def test_what_is_made_says_what_it_is_of(searched: Commands) -> None:
    text = searched.run("make", "clicks", "--max-rank", "3", "--half-life-days", "7")
    assert "by pbm from" in text
    assert "in 300 lists." in text
    assert "Of 3,000 impressions not used: 2,100 below rank 3." in text
    assert "60 lists held out" in text
    counted = searched.run("make", "chosen", "--model", "counts", "--types", "click")
    assert "by counts from" in counted
    assert "there is no" in searched.run("make", "x", "--retriever", "none", code=1).lower()
    assert "Not enough" in searched.run("make", "x", "--types", "purchase", code=1)
    assert "Interaction types are" in searched.run("make", "x", "--types", "bought", code=1)
    assert "does not start with ds_" in searched.run("make", "ds_x", code=1)


def test_an_empty_log_says_what_is_missing(commands: Commands) -> None:
    assert "Not enough searches" in commands.run("make", "clicks", code=1)
    assert "no datasets" in commands.run("list")


def test_files_hold_the_same_judgments(searched: Commands) -> None:
    made = searched.json("make", "clicks")
    searched.run("export", "clicks", searched.file("all.jsonl"))
    rows = [json.loads(line) for line in (searched.folder / "all.jsonl").read_text().splitlines()]
    assert len(rows) == made["judgments"]
    searched.run("export", "clicks", searched.file("all.csv"))
    with (searched.folder / "all.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["query"], row["document_id"], int(row["grade"])) for row in table] == [
        (row["query"], row["document_id"], row["grade"]) for row in rows
    ]
    searched.run("export", "clicks", searched.file("all.parquet"))
    columns = pq.read_table(searched.folder / "all.parquet").to_pydict()
    assert columns["grade"] == [row["grade"] for row in rows]
    assert columns["relevance"] == [row["relevance"] for row in rows]
    assert dict(columns["features"][0]) == {"text://title": 0.5}
    refused = searched.run("export", "clicks", searched.file("all.qrels"), code=1)
    assert "has a space" in refused
    assert not (searched.folder / "all.qrels").exists()
    searched.run("export", "clicks", searched.file("all.qrels"), "--escape")
    lines = [line.split() for line in (searched.folder / "all.qrels").read_text().splitlines()]
    assert [(id, name.replace("%20", " "), int(grade)) for id, _, name, grade in lines] == [
        (row["query_id"], row["document_id"], row["grade"]) for row in rows
    ]
    said = searched.run("export", "clicks", searched.file("all.ranklib"))
    assert "Features: 1 text://title." in said
    first, second = (searched.folder / "all.ranklib").read_text().splitlines()[:2]
    assert first == "# 1: text://title"
    assert second == f"{rows[0]['grade']} qid:1 1:0.5 # {rows[0]['document_id']}"


def test_evidence_stands_in_where_no_scores_were_logged(searched: Commands) -> None:
    searched.run("make", "chosen", "--model", "counts")
    said = searched.run("export", "chosen", searched.file("chosen.svmrank"))
    assert "No scores were logged" in said
    lines = (searched.folder / "chosen.svmrank").read_text().splitlines()
    assert lines[:2] == ["# 1: impressions", "# 2: clicks"]
    assert lines[2].split()[1] == "qid:1"
    assert " 2:" in lines[2]


def test_people_label_what_is_worth_it(searched: Commands) -> None:
    target = searched.file("todo.csv")
    assert "12 pairs" in searched.run("worth-labelling", target, "--most", "12")
    with Path(target).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert {row["grade"] for row in rows} == {""}
    worth = [float(row["worth"]) for row in rows]
    assert worth == sorted(worth, reverse=True)
    assert "no labels" in searched.run("import", "people", target, code=1)
    for number, row in enumerate(rows[:10]):
        row["grade"] = str(number % 4)
    with Path(target).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    said = searched.run("import", "people", target)
    assert "10 labels" in said
    assert "2 rows without a grade left out" in said
    shown = searched.json("show", "people", "--queries", "100")
    assert {
        (query["query_id"], one["document_id"], one["grade"])
        for query in shown["queries"]
        for one in query["judgments"]
    } == {(row["query_id"], row["document_id"], int(row["grade"])) for row in rows[:10]}
    assert all(query["query_input"]["q"].startswith("query ") for query in shown["queries"])
    assert (shown["source"]["kind"], shown["stale_since"]) == ("sent", None)
    refused = searched.run("export", "people", searched.file("people.ranklib"), code=1)
    assert "no features and no evidence" in refused.replace("\n", " ")


def test_labels_come_back_from_every_format(commands: Commands) -> None:
    trec = "q1 0 doc%201 2\nq1 Q0 doc_2 -1\n\nq2 0 doc_1 5\n"
    topics = commands.file("topics.tsv", "q1\tred shoes\n")
    name = commands.file("gold.qrels", trec)
    commands.run("import", "gold", name, "--topics", topics, "--escaped", "--description", "ours")
    shown = commands.json("show", "gold")
    assert shown["description"] == "ours"
    assert [
        (query["query_input"], [(one["document_id"], one["grade"]) for one in query["judgments"]])
        for query in shown["queries"]
    ] == [
        ({"query": "red shoes"}, [("doc 1", 2), ("doc_2", 0)]),
        ({"query": "q2"}, [("doc_1", 5)]),
    ]
    commands.run("export", "gold", commands.file("gold.jsonl"))
    commands.run("import", "again", commands.file("gold.jsonl"))
    assert commands.json("show", "again")["queries"] == shown["queries"]
    commands.run("export", "gold", commands.file("gold.csv.gz"))
    commands.run("import", "zipped", commands.file("gold.csv.gz"))
    assert commands.json("show", "zipped")["queries"] == shown["queries"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.qrels", "q1 0 doc_1\n", "Line 1: it is not query_id"),
        ("a.qrels", "q1 0 doc_1 2\nq1 0 doc_1 3\n", "Line 2: an earlier line grades"),
        ("a.qrels", "q1 0 doc_1 6\n", "Line 1: grade is a whole number from 0 to 5"),
        ("a.qrels", "q1 0 doc_1 high\n", "Line 1: grade is a whole number"),
        ("a.qrels", "\n", "no labels"),
        ("a.jsonl", '{"query": "q"}\n', "Line 1: it needs document_id"),
        ("a.jsonl", '{"query": 1, "document_id": "d", "grade": 1}\n', "Line 1: query_id, query"),
        ("a.jsonl", '{"query": "q", "document_id": "d", "grade": true}\n', "Line 1: grade"),
        ("a.jsonl", '{"query": "q", "document_id": "d", "grade": -1}\n', "Line 1: grade"),
        ("a.jsonl", "[]\n", "Line 1: it is not an object"),
        ("a.jsonl", "{\n", "Line 1: it is not JSON"),
        ("a.csv", "query,document_id,grade\nq,d,1\nq,,1\n", "Line 3: it needs document_id"),
        ("a.csv", f"query,document_id,grade\nq,{'x' * 257},1\n", "Line 2: an id is 1 to 256"),
        ("a.csv", 'query,document_id,grade,query_input\nq,d,1,"{"\n', "Line 2: it is not JSON"),
        ("a.parquet", "x", "Labels are read from"),
        ("a.txt", "x", "Say --format"),
    ],
)
def test_a_file_that_is_none_says_where(
    commands: Commands, name: str, text: str, said: str
) -> None:
    output = commands.run("import", "gold", commands.file(name, text), code=1)
    assert said in output.replace("\n", " ")
    assert commands.json("list") == []


def test_a_file_that_is_not_there_is_named(commands: Commands) -> None:
    output = commands.run("import", "gold", commands.file("none.qrels"), code=1)
    assert "cannot be read" in output
