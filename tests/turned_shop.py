"""A simulation: people search by vectors that are turned by a known matrix, and click what fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from desirepath.domain.document import VectorIndex
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.domain.text_embedding import TextEmbedding
from desirepath.engine.engine import Engine
from desirepath.engine.retrievers import create_retriever
from desirepath.methods.adapters.linear import directions
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.testing.examples import a_document
from tests.unit.engine.importing_helpers import run_import, write_lines
from tests.unit.methods.adapters.worlds import rotation

__all__ = ["DIMENSION", "QueryModel", "Search", "record", "shop"]

DIMENSION = 12
_START = datetime(2025, 6, 1, tzinfo=UTC)
_BY_VECTOR = {"input_mode": "vector", "value": "{{INPUT.vector}}"}


class Search(Struct, frozen=True, kw_only=True, eq=False):
    """A search with its list, rows of documents, and the places in it that were clicked."""

    query: int
    shown: IntArray
    places: IntArray


class QueryModel:
    """An embedder that knows the queries of a shop."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self.vectors = vectors

    def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        return [self.vectors[text] for text in texts]


def shop(
    engine: Engine,
    folder: Path,
    *,
    angle: float,
    seed: int = 5,
    n_queries: int = 100,
    n_searches: int = 8,
    has_embedder: bool = False,
) -> tuple[Retriever, QueryModel]:
    """Record searches and clicks; the retriever that they are of, and the model of its queries."""
    rng = np.random.default_rng(seed)
    documents = rng.standard_normal((400, DIMENSION))
    wishes = directions(documents[rng.choice(400, n_queries, replace=False)])
    wishes = wishes + 0.1 * rng.standard_normal(wishes.shape)
    searched = wishes @ rotation(DIMENSION, angle, rng).T

    def searches() -> Iterator[Search]:
        likeness = directions(wishes) @ directions(documents).T
        scores = directions(searched) @ directions(documents).T
        for number in range(n_queries * n_searches):
            query = number % n_queries
            noisy = scores[query] + 0.15 * rng.standard_normal(400)
            shown = np.argsort(-noisy)[:10]
            odds = np.clip(likeness[query, shown], 0.02, 1) ** 2 / np.arange(1, 11)
            yield Search(query=query, shown=shown, places=np.flatnonzero(rng.random(10) < odds))

    names = [f"wish {query} of somebody" for query in range(n_queries)]
    titles = [f"Thing {row}" for row in range(400)]
    retriever = record(
        engine, folder, names, searched, titles, documents, searches(), has_embedder=has_embedder
    )
    return retriever, QueryModel(dict(zip(names, searched.tolist(), strict=True)))


def record(
    engine: Engine,
    folder: Path,
    names: Sequence[str],
    searched: FloatArray,
    titles: Sequence[str],
    documents: FloatArray,
    searches: Iterable[Search],
    *,
    has_embedder: bool = False,
) -> Retriever:
    """Store documents d0, d1, … with vectors, a retriever that searches by them, and its log.

    A document without a direction has no vector.

    Parameters
    ----------
    names, searched
        Queries and the vectors that were searched with, which the log has unless the index has an
        embedder.
    """
    embedder = TextEmbedding(model="m") if has_embedder else None
    index = VectorIndex(name="image", dimension=documents.shape[1], embedder=embedder)
    with engine.storage.write() as session:
        session.documents.define_vector(1, index)
        session.documents.upsert(
            1,
            [
                a_document(
                    document_id=f"d{row}",
                    payload={"title": title},
                    vectors={"image": tuple(vector)} if any(vector) else {},
                )
                for row, (title, vector) in enumerate(zip(titles, documents.tolist(), strict=True))
            ],
        )
    search = {"feature_uri": "image", "query": "{{INPUT.query}}" if embedder else _BY_VECTOR}
    stage = {"stage_id": "feature_search", "parameters": {"searches": [search]}}
    stages = [{"stage_name": "search", "config": stage}]
    retriever = create_retriever(
        engine, 1, read_retriever({"retriever_name": "shop", "stages": stages})
    )
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(searches):
        inputs: dict[str, Any] = {"query": names[one.query]}
        if embedder is None:
            inputs["vector"] = searched[one.query].tolist()
        common = {
            "execution_id": f"e{number}",
            "session_id": f"s{number}",
            "occurred_at": (_START + timedelta(minutes=number)).isoformat(),
        }
        shown = [f"d{row}" for row in one.shown]
        rows.append(
            {
                "kind": "execution",
                "retriever_name": "shop",
                "documents": [{"document_id": id} for id in shown],
                "inputs": inputs,
                **common,
            }
        )
        rows += [
            {
                "kind": "interaction",
                "feature_id": shown[place],
                "interaction_type": ["click"],
                "position": place,
                **common,
            }
            for place in one.places.tolist()
        ]
    result = run_import(engine, write_lines(folder / "log.jsonl", rows), format="jsonl")
    assert result.rejected == 0
    return retriever
