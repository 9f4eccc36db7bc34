"""``desirepath train recommender`` and ``desirepath recommend``, from a log of commands alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import desirepath
from desirepath.cli import main

KINDS = {"sea": ("boat", "sail", "rope", "net"), "land": ("tent", "boots", "map", "lamp")}


def run(database: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--database", database])


def words_of(result: Result) -> str:
    return " ".join(result.output.split())


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A shop in which thirty people like one of two kinds of thing."""
    url = f"sqlite:///{tmp_path}/shop.db"
    with desirepath.open(url) as opened:
        opened.interactions.create_batch(
            {
                "feature_id": document,
                "interaction_type": ["click"],
                "position": 0,
                "user_id": f"{kind}{number}",
                "occurred_at": f"2026-01-0{1 + place}T{number // 60:02}:{number % 60:02}:00Z",
            }
            for number in range(30)
            for kind, documents in KINDS.items()
            for place, document in enumerate(_turned(documents, number))
        )
    return url


def _turned(documents: Sequence[str], by: int) -> Sequence[str]:
    by %= len(documents)
    return (*documents[by:], *documents[:by])


def test_from_a_log_to_recommendations(database: str) -> None:
    trained = run(database, "train", "recommender", "--deploy", "--similar-users")
    assert trained.exit_code == 0, trained.output
    words = words_of(trained)
    assert "60 people, 8 documents" in words
    assert "nDCG@10 of 48 people who came back" in words
    assert "It beats popularity." in words
    assert "recommender version 1 is stored; it serves" in words
    with desirepath.open(database) as opened:
        for document in ("tent", "map"):
            opened.interactions.create(
                feature_id=document, interaction_type=["click"], position=0, user_id="ada"
            )
        assert opened.recommendations.documents(user_id="ada")["basis"] == "history"
    shown = run(database, "recommend", "documents", "ada", "--exclude-seen", "--limit", "2")
    assert shown.exit_code == 0, shown.output
    assert {"boots", "lamp"} <= set(words_of(shown).split())
    assert "tent 5" in words_of(shown)  # because of it, by about a half
    answer = json.loads(
        run(database, "recommend", "documents", "ada", "--exclude", "boots", "--json").output
    )
    assert "boots" not in [one["document_id"] for one in answer["documents"]]
    cold = words_of(run(database, "recommend", "documents", "--session", "nobody"))
    assert "these are the most popular documents" in cold
    similar = words_of(run(database, "recommend", "similar", "boat", "--limit", "3"))
    assert {"sail", "rope", "net"} <= set(similar.split())
    assert "tent" not in similar
    people = words_of(run(database, "recommend", "users", "ada", "--limit", "3"))
    assert people.count("land") == 3
    filtered = run(database, "recommend", "documents", "ada", "--filters", '{"price": {"$lt": 3}}')
    assert "No documents are stored here" in words_of(filtered)


def test_measures_without_storing_and_answers_in_json(database: str) -> None:
    report = json.loads(
        run(database, "train", "recommender", "--dry-run", "--json", "--method", "bm25").output
    )
    assert (report["version"], report["method"], report["n_people"]) == (None, "bm25", 60)
    missing = run(database, "recommend", "documents", "ada")
    assert missing.exit_code == 1
    assert "There is no recommender recommender." in words_of(missing)


def test_what_cannot_be_asked_is_said(database: str, tmp_path: Path) -> None:
    assert run(database, "recommend", "documents").exit_code == 2
    assert run(database, "recommend", "documents", "ada", "--session", "s").exit_code == 2
    run(database, "train", "recommender", "--deploy")
    unknown = run(database, "recommend", "similar", "kite")
    assert (unknown.exit_code, words_of(unknown)) == (1, "Error: There is no document kite.")
    nobody = run(database, "recommend", "users", "ada")
    assert "train it with similar_users" in words_of(nobody)
    bad = run(database, "recommend", "similar", "boat", "--filters", "{")
    assert (bad.exit_code, "Error" in bad.output) == (1, True)
    empty = f"sqlite:///{tmp_path}/empty.db"
    desirepath.open(empty).close()
    refused = run(empty, "train", "recommender")
    assert refused.exit_code == 1
    assert "20 needed, 0 found" in words_of(refused)
