"""What a path means of a hit, and where documents come from."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.engine.serving.hits import Hit, number_at, value_at, with_documents, with_field
from desirepath.storage.base import Storage
from tests.unit.engine.serving.stage_runs import PAYLOADS, context_of, hits_of, store_documents

HIT = Hit(
    document_id="a",
    score=0.5,
    payload={"price": 9, "scores": 1, "nested": {"x": [1]}, "sale": True, "null": None},
    metadata={"rank": 3},
    scores={"text://title": 2.5, "mixpeek://a@v1.0/b": 1.5},
    features={"ctr": 0.1, "score": 7.0},
    fields={"scores": {"rerank": 4.0}, "interaction_count": 2},
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("score", 0.5),
        ("document_id", "a"),
        ("scores.text://title", 2.5),
        ("scores.mixpeek://a@v1.0/b", 1.5),
        ("scores.rerank", 4.0),
        ("features.ctr", 0.1),
        ("features.score", 7.0),
        ("interaction_count", 2),
        ("price", 9),
        ("payload.price", 9),
        ("nested.x", [1]),
        ("metadata.rank", 3),
        ("rank", None),
        ("null", None),
        ("none", None),
        ("nested.x.0", None),
        ("price.x", None),
    ],
)
def test_paths(path: str, value: object) -> None:
    assert value_at(HIT, path) == value


def test_numbers() -> None:
    assert number_at(HIT, "price") == 9.0
    assert [number_at(HIT, path) for path in ("sale", "nested", "none")] == [None] * 3


def test_what_a_stage_adds() -> None:
    added = with_field(with_field(HIT, "scores.mmr", 1.0), "why.not", "so")
    assert added.fields == {
        "scores": {"rerank": 4.0, "mmr": 1.0},
        "interaction_count": 2,
        "why": {"not": "so"},
    }
    assert HIT.fields == {"scores": {"rerank": 4.0}, "interaction_count": 2}
    assert with_field(HIT, "score", 2).score == 2.0
    assert value_at(with_field(HIT, "price", 1.0), "price") == 1.0


def test_documents_are_fetched_once_and_only_when_needed(storage: Storage) -> None:
    store_documents(storage)
    with storage.read() as session:
        context = context_of(session)
        filled = with_documents(hits_of("a", "ghost"), context)
        assert [(hit.payload, hit.metadata) for hit in filled] == [
            (PAYLOADS["a"], {"rank": 0}),
            ({}, {}),
        ]
        own: dict[str, Any] = {"own": 1}
        (kept,) = with_documents([Hit(document_id="a", score=1.0, payload=own)], context)
        assert (kept.payload, kept.metadata) == (own, {"rank": 0})
        hits = hits_of("a")
        paths = ["score", "scores.text://a", "features.b", "document_id"]
        assert with_documents(hits, context, paths) == hits
        assert with_documents(hits, context, [*paths, "price"]) != hits
    assert with_documents(filled, context) == filled  # after the session: nothing is asked
