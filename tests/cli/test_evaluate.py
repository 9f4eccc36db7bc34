"""Evaluations by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import desirepath
from desirepath.cli import main

TITLES = {"red": "red shoe", "blue": "blue shoe", "boot": "boot", "long": "red boot of any length"}


def finds(query: str) -> list[dict[str, Any]]:
    """Stages that search titles for this."""
    searches = [{"feature_uri": "text://title", "query": query}]
    parameters = {"searches": searches, "fusion": "rrf"}
    return [{"stage_name": "find", "stage_id": "feature_search", "parameters": parameters}]


def judged(query_id: str, query: str, *relevant: str) -> dict[str, Any]:
    return {
        "query_id": query_id,
        "query_input": {"query": query},
        "relevant_documents": list(relevant),
    }


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A shop with a retriever that finds, one that always finds boots, and one without stages."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"
    with desirepath.open(url) as here:
        here.documents.upsert(
            [{"document_id": id, "payload": {"title": title}} for id, title in TITLES.items()]
        )
        here.retrievers.create("titles", stages=finds("{{INPUT.query}}"))
        here.retrievers.create("boots", stages=finds("boot"))
        here.retrievers.create("elsewhere")
        queries = [judged(f"q{n}", "shoe", "red") for n in range(12)]
        here.evaluations.create_dataset("gold", queries=[*queries, judged("odd", "boot")])
        here.evaluations.create_dataset("empty", queries=[judged("odd", "boot")])
    return url


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", *arguments, "--database", url])


def answer(url: str, *arguments: str) -> str:
    result = run(url, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def n_stored(url: str, retriever: str) -> int:
    with desirepath.open(url) as here:
        total: int = here.evaluations.list(retriever)["total"]
    return total


def test_the_verdict_comes_first_and_what_came_out_is_stored(url: str) -> None:
    before = n_stored(url, "titles")
    printed = answer(url, "titles", "gold")
    assert printed.split()[0] == "ndcg@10"
    assert "1 query skipped: The dataset has no relevant" in " ".join(printed.split())
    assert "at most 2 documents were found for a query" in printed
    assert n_stored(url, "titles") == before + 1
    stored = printed.rsplit("Stored as ", 1)[1].strip()
    with desirepath.open(url) as here:
        assert here.evaluations.get(stored)["skipped_queries"] == 1


def test_as_json(url: str) -> None:
    before = n_stored(url, "titles")
    got = json.loads(
        answer(url, "titles", "gold", "--k", "2,1", "--metrics", "mrr", "--dry-run", "--json")
    )
    assert (got["evaluation_id"], got["n_evaluated"], got["k_values"]) == (None, 12, [1, 2])
    assert set(got["by_k"]["1"]) == {"mrr", "judged"}
    assert n_stored(url, "titles") == before


def test_one_is_held_against_another(url: str) -> None:
    printed = answer(url, "titles", "gold", "--against", "boots", "--dry-run")
    assert printed.split()[:4] == ["The", "candidate", "is", "better:"]
    got = json.loads(answer(url, "boots", "gold", "--against", "titles", "--dry-run", "--json"))
    assert (got["comparison"]["outcome"], got["comparison"]["lost"]) == ("worse", 12)
    assert got["candidate"]["overall"]["recall"] == 0.0
    assert got["baseline"]["overall"]["recall"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none", "gold"), "There is no retriever none."),
        (("titles", "none"), "There is no dataset none."),
        (("titles", "gold", "--against", "none"), "There is no retriever none."),
        (("elsewhere", "gold"), "has no stages"),
        (("titles", "gold", "--against", "elsewhere"), "has no stages"),
        (("titles", "empty"), "Every query was skipped"),
        (("titles", "gold", "--k", "0"), "from 1 to 1,000"),
        (("titles", "gold", "--k", "1001"), "from 1 to 1,000"),
        (("titles", "gold", "--k", "ten"), "whole numbers"),
        (("titles", "gold", "--metrics", "bpref"), "No such metric; there are precision"),
    ],
)
def test_what_cannot_be_done_says_why(url: str, arguments: tuple[str, ...], words: str) -> None:
    result = run(url, *arguments)
    assert result.exit_code == 1
    assert words in result.stderr


def test_a_database_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert run(f"sqlite:///{tmp_path}/none.db", "titles", "gold").exit_code == 1
