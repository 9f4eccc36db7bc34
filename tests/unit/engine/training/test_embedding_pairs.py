"""Pairs to train models of vectors on: what is taken, what is left out, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from desirepath.api.in_process import Desirepath
from desirepath.domain.query_sides import SIDES, chains_of, side_of
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.part import part_of
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.engine.training.embedding_pairs import (
    EmbeddingPair,
    PairReport,
    PairSettings,
    read_pairs,
)
from desirepath.engine.training.pair_files import write_pairs
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.storage.base import Storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.unit.engine.importing_helpers import run_import, write_lines

HOUR = 3600 * 1_000_000


@pytest.fixture
def engine(storage: Storage, clock: TestingClock) -> Iterator[Engine]:
    """On both databases: documents are read from them."""
    with closing(Engine(ClockedStorage(storage, clock), clock, RecordingRules())) as engine:
        yield engine


class _Log:
    """Rows of searches, a minute apart."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._n = 0

    def search(self, query: str, shown: str, clicked: str = "", **fields: Any) -> None:
        stay = fields.pop("duration_ms", None)
        self._n += 1
        name = f"e{self._n}"
        at = f"2025-06-01T{self._n // 60:02d}:{self._n % 60:02d}:00Z"
        self.rows.append(
            {
                "kind": "execution",
                "execution_id": name,
                "retriever_name": "shop",
                "documents": [{"document_id": id} for id in shown],
                "inputs": {"query": query},
                "occurred_at": at,
                **fields,
            }
        )
        for id in clicked:
            self.rows.append(
                {
                    "kind": "interaction",
                    "feature_id": id,
                    "interaction_type": ["click"],
                    "position": shown.index(id),
                    "execution_id": name,
                    "occurred_at": at,
                    **({} if stay is None else {"metadata": {"duration_ms": stay}}),
                }
            )


def _pairs(
    engine: Engine, tmp_path: Path, log: _Log, settings: PairSettings, texts: str = "abcdef"
) -> tuple[list[EmbeddingPair], PairReport]:
    result = run_import(engine, write_lines(tmp_path / "log.jsonl", log.rows), format="jsonl")
    assert result.rejected == 0
    with_text = [
        {"document_id": id, "payload": {"title": f"Title {id}", "brand": f"Brand {id}"}}
        for id in texts
    ]
    if with_text:
        Desirepath(engine).documents.upsert(with_text)
    namespace = engine.directory.namespace("default")
    assert namespace is not None
    with open_log(engine, namespace) as opened, engine.storage.read() as session:
        return read_pairs(
            part_of(opened, Scope()), session, namespace.number, settings, session_window=HOUR
        )


def _named(pairs: list[EmbeddingPair]) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(pair.query, pair.positive_id): pair.negative_ids for pair in pairs}


def test_what_was_passed_over_is_a_negative(engine: Engine, tmp_path: Path) -> None:
    """Above the click and never clicked for the query; below it nobody knows who looked."""
    log = _Log()
    for _ in range(4):
        log.search("Red  Shoes", "abcd", "c")
    log.search("red shoes", "bca", "b")
    pairs, report = _pairs(engine, tmp_path, log, PairSettings(text_fields=("title",)))
    assert _named(pairs) == {("red shoes", "c"): ("a",)}
    (pair,) = pairs
    assert (pair.anchor, pair.positive, pair.negatives) == ("Red  Shoes", "Title c", ("Title a",))
    assert pair.weight == 1.0
    assert report.without_negatives == 1  # nothing stood above b
    assert "not corrected for positions" in report.notes[0]


def test_a_document_seldom_shown_is_no_negative(engine: Engine, tmp_path: Path) -> None:
    log = _Log()
    for _ in range(2):
        log.search("hat", "ab", "b")
    for _ in range(3):
        log.search("hat", "cb", "b")
    pairs, _ = _pairs(engine, tmp_path, log, PairSettings())
    assert _named(pairs) == {("hat", "b"): ("c",)}


def test_a_positive_hardly_better_has_no_negatives(engine: Engine, tmp_path: Path) -> None:
    """One click in 32 lists: 0.029 once smoothed; the other one, shown 3 times, has 0.0098."""
    log = _Log()
    log.search("hat", "ab", "b")
    for _ in range(29):
        log.search("hat", "cb")
    for _ in range(2):
        log.search("hat", "ab")
    with pytest.raises(NotEnoughData, match="1 have fewer"):
        _pairs(engine, tmp_path, log, PairSettings(nearly_as_good=0.3))
    pairs, _ = _pairs(engine, tmp_path, log, PairSettings(nearly_as_good=0.4))
    assert _named(pairs) == {("hat", "b"): ("a",)}


def test_only_satisfied_clicks(engine: Engine, tmp_path: Path) -> None:
    log = _Log()
    for _ in range(3):
        log.search("hat", "ab", "b", duration_ms=40_000)
        log.search("coat", "cd", "d", duration_ms=900)
    pairs, _ = _pairs(engine, tmp_path, log, PairSettings(satisfied_ms=30_000))
    assert _named(pairs) == {("hat", "b"): ("a",)}


def test_a_query_that_failed_learns_from_the_one_that_worked(
    engine: Engine, tmp_path: Path
) -> None:
    log = _Log()
    for person in ("ada", "bob", "cy"):
        log.search("settee", "aef", session_id=f"s-{person}", user_id=person)
        log.search("couch", "abf", "b", session_id=f"s-{person}", user_id=person)
    settings = PairSettings(negatives=0)
    pairs, report = _pairs(engine, tmp_path, log, settings)
    assert {(pair.query, pair.positive_id, pair.origin) for pair in pairs} == {
        ("couch", "b", "click"),
        ("settee", "b", "refinement"),
    }
    assert report.from_refinements == 1
    assert report.largest_chain == 2
    assert len({pair.side for pair in pairs}) == 1
    alone, _ = _pairs(engine, tmp_path, log, PairSettings(negatives=0, refinement_people=4))
    assert _named(alone) == {("couch", "b"): ()}


def test_nothing_clicked(engine: Engine, tmp_path: Path) -> None:
    log = _Log()
    log.search("hat", "ab")
    with pytest.raises(NotEnoughData, match="clicks in searches with a text: 1 needed, 0 found"):
        _pairs(engine, tmp_path, log, PairSettings())


def test_no_documents(engine: Engine, tmp_path: Path) -> None:
    log = _Log()
    for _ in range(3):
        log.search("hat", "ab", "b")
    with pytest.raises(NotEnoughData, match="1 clicked documents are not in the index"):
        _pairs(engine, tmp_path, log, PairSettings(), texts="")


def test_a_field_that_no_document_has(engine: Engine, tmp_path: Path) -> None:
    log = _Log()
    for _ in range(3):
        log.search("hat", "ab", "b")
    with pytest.raises(InvalidSetting, match="1 of the 2 text fields"):
        _pairs(engine, tmp_path, log, PairSettings(text_fields=("title", "summary")))


def test_wordings_of_one_wish_stay_together() -> None:
    """And each side has about its share; the hash is the same in any process."""
    queries = [f"query {number}" for number in range(2_000)]
    links = list(zip(queries[::2], queries[1::2], strict=True))
    chains = chains_of(queries, links)
    assert all(chains[one] == chains[other] for one, other in links)
    assert len(set(chains.values())) == 1_000
    counts = {side: sum(side_of(one) == side for one in queries) for side in SIDES}
    assert 1_520 < counts["train"] < 1_680
    assert 140 < counts["dev"] < 260
    assert [side_of(f"query {number}") for number in range(3)] == ["train", "dev", "train"]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_files_have_the_columns_of_trainers(tmp_path: Path, format: str) -> None:
    pairs = [
        EmbeddingPair(
            query="hat",
            anchor="Hat",
            positive_id="b",
            positive="Bowler",
            negative_ids=("a", "c"),
            negatives=("Apple", "Cap stand"),
            weight=1.5,
            rate=0.5,
            chain="hat",
            side=side,
            origin="click",
        )
        for side in ("train", "test")
    ]
    files = write_pairs(pairs, tmp_path / f"pairs.{format}")
    assert files == {side: tmp_path / f"pairs.{side}.{format}" for side in ("train", "test")}
    if format == "jsonl":
        (row,) = [json.loads(line) for line in files["train"].read_text().splitlines()]
    else:
        (row,) = pq.read_table(files["train"]).to_pylist()
    assert list(row.items()) == [
        ("anchor", "Hat"),
        ("positive", "Bowler"),
        ("negative_1", "Apple"),
        ("negative_2", "Cap stand"),
        ("score", 1.5),
    ]


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting):
        write_pairs([], tmp_path / "pairs.csv")
