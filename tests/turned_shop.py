"""A simulation: people search by vectors that are turned by a known matrix, and click what fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from desirepath.domain.document import VectorIndex
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.domain.text_embedding import TextEmbedding
from desirepath.engine.engine import Engine
from desirepath.engine.retrievers import create_retriever
from desirepath.methods.adapters.linear import directions
from desirepath.testing.examples import a_document
from tests.unit.engine.importing_helpers import run_import, write_lines
from tests.unit.methods.adapters.worlds import rotation

__all__ = ["DIMENSION", "QueryModel", "shop"]

DIMENSION = 12
_INDEX = VectorIndex(name="image", dimension=DIMENSION)
_START = datetime(2025, 6, 1, tzinfo=UTC)
_SEARCH = {
    "feature_uri": "image",
    "query": {"input_mode": "vector", "value": "{{INPUT.vector}}"},
}


class QueryModel:
    """An embedder that knows the queries of a shop."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self._vectors = vectors

    def embed(self, model: str, texts: Any) -> list[list[float]]:
        return [self._vectors[text] for text in texts]


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
    index = replace(_INDEX, embedder=TextEmbedding(model="m")) if has_embedder else _INDEX
    with engine.storage.write() as session:
        session.documents.define_vector(1, index)
        session.documents.upsert(
            1,
            [
                a_document(
                    document_id=f"d{row}",
                    payload={"title": f"Thing {row}"},
                    vectors={"image": tuple(vector)},
                )
                for row, vector in enumerate(documents.tolist())
            ],
        )
    search = {**_SEARCH, "query": "{{INPUT.query}}"} if has_embedder else _SEARCH
    stage = {"stage_id": "feature_search", "parameters": {"searches": [search]}}
    draft = read_retriever(
        {"retriever_name": "shop", "stages": [{"stage_name": "search", "config": stage}]}
    )
    retriever = create_retriever(engine, 1, draft)
    likeness = directions(wishes) @ directions(documents).T
    scores = directions(searched) @ directions(documents).T
    rows: list[dict[str, Any]] = []
    for number in range(n_queries * n_searches):
        query = number % n_queries
        noisy = scores[query] + 0.15 * rng.standard_normal(400)
        shown = np.argsort(-noisy)[:10]
        inputs: dict[str, Any] = {"query": f"wish {query} of somebody"}
        if not has_embedder:
            inputs["vector"] = searched[query].tolist()
        rows.append(
            {
                "kind": "execution",
                "execution_id": f"e{number}",
                "retriever_name": "shop",
                "documents": [{"document_id": f"d{row}"} for row in shown],
                "inputs": inputs,
                "session_id": f"s{number}",
                "occurred_at": (_START + timedelta(minutes=number)).isoformat(),
            }
        )
        odds = np.clip(likeness[query, shown], 0.02, 1) ** 2 / np.arange(1, 11)
        rows += [
            {
                "kind": "interaction",
                "feature_id": f"d{shown[place]}",
                "interaction_type": ["click"],
                "position": int(place),
                "execution_id": f"e{number}",
                "session_id": f"s{number}",
                "occurred_at": rows[-1]["occurred_at"],
            }
            for place in np.flatnonzero(rng.random(10) < odds)
        ]
    result = run_import(engine, write_lines(folder / "log.jsonl", rows), format="jsonl")
    assert result.rejected == 0
    model = QueryModel(
        {f"wish {query} of somebody": vector for query, vector in enumerate(searched.tolist())}
    )
    return retriever, model
