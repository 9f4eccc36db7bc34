"""A simulated log whose relevance is known: people look at rank r with chance 1 / r, and click."""

from __future__ import annotations

import numpy as np

from desirepath.domain.execution import Execution
from desirepath.domain.interaction import Interaction
from desirepath.methods.click_models.sessions import BoolArray
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction, documents, new_id
from desirepath.testing.storage_contract.common import store

__all__ = ["N_DOCUMENTS", "N_QUERIES", "simulate", "store_searches"]

N_QUERIES, N_DOCUMENTS = 20, 10


def simulate(seed: int, n_searches: int) -> tuple[FloatArray, IntArray, IntArray, BoolArray]:
    """Searches of a ranker that knows little of relevance, and moves documents now and then.

    Returns
    -------
    tuple
        Relevance (n_queries, n_documents) in [0, 1]; query of each search; its documents in order
        (n_searches, n_documents); whether each place was clicked.
    """
    rng = np.random.default_rng(seed)
    relevance = rng.beta(1.0, 2.0, (N_QUERIES, N_DOCUMENTS))
    habit = rng.normal(0.0, 1.0, (N_QUERIES, N_DOCUMENTS))  # what the ranker goes by
    queries = rng.integers(0, N_QUERIES, n_searches)
    moved = habit[queries] + rng.normal(0.0, 0.7, (n_searches, N_DOCUMENTS))
    lists = np.argsort(-moved, axis=1)
    looks = 1.0 / np.arange(1, N_DOCUMENTS + 1)
    chance = np.take_along_axis(relevance[queries], lists, axis=1) * looks
    return relevance, queries, lists, rng.random(chance.shape) < chance


def store_searches(
    storage: Storage, queries: IntArray, lists: IntArray, clicked: BoolArray
) -> None:
    """Store searches as executions with their clicks, a second apart, up to now."""
    values: list[Execution | Interaction] = []
    for number, query in enumerate(queries):
        at = START - (len(queries) - number) * 1_000_000
        names = [f"doc {document}" for document in lists[number]]
        execution = an_execution(
            id=new_id(at),
            occurred_at=at,
            documents=documents(*names, scores={"text://title": 0.5}),
            inputs={"q": f"query {query}", "user_id": f"user {number}"},
            session_id=f"session {number}",
        )
        values.append(execution)
        values += [
            an_interaction(
                id=new_id(at + 1),
                occurred_at=at + 1,
                feature_id=names[place],
                position=int(place),
                execution_id=execution.execution_id,
                retriever_id="ret_1",
                query_snapshot=execution.inputs,
            )
            for place in np.flatnonzero(clicked[number])
        ]
    store(storage, *values)
