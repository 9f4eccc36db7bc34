"""A simulation: another engine's searches by three features, and clicks by known weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.engine.engine import Engine
from desirepath.engine.recording import Submission
from desirepath.engine.retrievers import create_retriever
from desirepath.methods.levels import FloatArray
from desirepath.testing.clock import TestingClock
from desirepath.testing.examples import sent_execution, sent_interaction

__all__ = ["FEATURES", "TRUTH", "shop", "weighing_retriever"]

FEATURES = ("words", "vectors", "noise")
TRUTH = np.array([0.7, 0.3, 0.0])


def weighing_retriever(engine: Engine, **learning: Any) -> Retriever:
    """One whose candidates come with each search."""
    parameters = {
        "searches": [{"feature_uri": uri} for uri in FEATURES],
        "fusion": "learned",
        "learning_config": learning,
    }
    stage = {"stage_id": "feature_search", "parameters": parameters}
    plain = {"retriever_name": "shop", "stages": [{"stage_name": "search", "config": stage}]}
    return create_retriever(engine, 1, read_retriever(plain))


def shop(
    engine: Engine,
    clock: TestingClock,
    retriever: Retriever,
    *,
    truth: FloatArray = TRUTH,
    n_queries: int = 60,
    n_searches: int = 4,
    seed: int = 1,
) -> None:
    """Searches of ten documents in an order by chance; what the weights put first is clicked most.

    A look at rank r has the chance r^-0.5; the best two of the ten are clicked 8 times of 10 looks,
    others once of 20.
    """
    rng = np.random.default_rng(seed)
    for query in range(n_queries):
        scores = rng.random((10, 3))
        best = np.argsort(-(scores @ truth))[:2].tolist()
        for number in range(n_searches):
            order = rng.permutation(10).tolist()
            name = f"e{query}-{number}"
            documents = [
                {
                    "document_id": f"d{query}-{row}",
                    "scores": dict(zip(FEATURES, scores[row].tolist(), strict=True)),
                }
                for row in order
            ]
            sent = sent_execution(
                retriever.retriever_id,
                execution_id=name,
                session_id=f"s{query}-{number}",
                documents=documents,
                inputs={"query": f"thing {query}"},
            )
            chances = np.where(np.isin(order, best), 0.8, 0.05) * np.arange(1, 11) ** -0.5
            clicks = tuple(
                sent_interaction(
                    execution_id=name, feature_id=f"d{query}-{order[place]}", position=place
                )
                for place in np.flatnonzero(rng.random(10) < chances).tolist()
            )
            engine.submit(Submission(namespace=1, executions=(sent,)))
            if clicks:
                engine.submit(Submission(namespace=1, interactions=clicks))
            clock.advance(seconds=30)
