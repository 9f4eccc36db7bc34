"""A shop of real products, to take the whole way through: serve, learn, prove, ship.

A simulation: products, queries and grades are ESCI's, vectors are LSA's, and shoppers are programs
that look at rank r with chance 1/r and click by the grade.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from desirepath.engine.tasks.running import run_task
from desirepath.testing.shoppers import PositionBased, Shoppers
from tests.api.client import INTERACTIONS, Api, done
from tests.esci_clicks import lsa_vectors

__all__ = ["FEATURES", "Shop"]

FEATURES = ("text://title", "text://bullet_points", "text://brand", "vector://lsa")
"""What a search asks."""

_CHUNK = 500
_SECONDS_BETWEEN = 20.0


class Shop:
    """The products in a namespace, with shoppers.

    Parameters
    ----------
    folder
        Of ESCI's products and labels.
    """

    def __init__(self, api: Api, folder: Path, seed: int) -> None:
        self._api = api
        products = lsa_vectors(folder)
        with gzip.open(folder / "products.jsonl.gz", "rt") as lines:
            rows = [json.loads(line) for line in lines]
        asins = [row["asin"] for row in rows]
        self.grades = {
            name: {asins[row]: grade for row, grade in labels.items()}
            for name, labels in zip(products.names, products.labels, strict=True)
        }
        self._vectors = dict(zip(products.names, products.queries.tolist(), strict=True))
        self._shoppers = Shoppers(self.grades, PositionBased(power=1.0), seed=seed)
        self._visits = self._shoppers.visits()
        vectors = products.documents.tolist()
        documents = [
            {
                "document_id": row["asin"],
                "vectors": {"lsa": vector} if any(vector) else {},
                "payload": {
                    "title": row["title"],
                    "bullet_points": row.get("bullet_points") or "",
                    "brand": row.get("brand") or "",
                },
            }
            for row, vector in zip(rows, vectors, strict=True)
        ]
        path = f"/v1/namespaces/{api.namespace.namespace_id}/documents/upsert"
        for first in range(0, len(documents), _CHUNK):
            done(api.post(path, {"documents": documents[first : first + _CHUNK]}))

    def add_retriever(
        self, name: str, fusion: str, weights: Mapping[str, float] | None = None, **learning: Any
    ) -> None:
        """Create a retriever over all features."""
        weights = dict.fromkeys(FEATURES, 1.0) if weights is None else weights
        parameters = {"searches": _searches(weights), "fusion": fusion, "final_top_k": 10}
        if learning:
            parameters["learning_config"] = learning
        config = {"stage_id": "feature_search", "parameters": parameters}
        body = {"retriever_name": name, "stages": [{"stage_name": "find", "config": config}]}
        done(self._api.post("/v1/retrievers", body))

    def judge(self, name: str) -> None:
        """Store the labels of people as a dataset."""
        queries = [
            {
                "query_id": f"query-{number:03}",
                "query_input": self._inputs(text),
                "relevant_documents": [id for id, grade in grades.items() if grade > 0],
                "relevance_scores": grades,
            }
            for number, (text, grades) in enumerate(self.grades.items())
        ]
        body = {"dataset_name": name, "queries": queries}
        done(self._api.post("/v1/retrievers/evaluations/datasets", body))

    def let_in(self, n_visits: int) -> None:
        """Serve so many simulated shoppers, one after the other."""
        for visit in itertools.islice(self._visits, n_visits):
            who = {"user_id": visit.user_id, "session_id": visit.session_id}
            body = {"inputs": self._inputs(visit.query), **who}
            answer = done(self._api.post("/v1/retrievers/shop/execute", body))
            shown: Sequence[str] = [one["document_id"] for one in answer["documents"]]
            for place in self._shoppers.clicks(visit, shown):
                clicked = {
                    "feature_id": shown[place],
                    "interaction_type": ["click"],
                    "position": place,
                    "execution_id": answer["execution_id"],
                    **who,
                }
                done(self._api.post(INTERACTIONS, clicked))
            self._api.clock.advance(seconds=_SECONDS_BETWEEN)

    def task(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for something that is done as a task, and have it done; what was answered first."""
        answer = self._api.post(path, body)
        assert answer.status_code == 202, answer.text
        while run_task(self._api.engine):
            pass
        started: dict[str, Any] = answer.json()
        return started

    def _inputs(self, text: str) -> dict[str, Any]:
        return {"query": text, "vector": self._vectors[text]}


def _searches(weights: Mapping[str, float]) -> list[dict[str, Any]]:
    return [
        {
            "feature_uri": uri,
            "weight": weights[uri],
            "top_k": 50,
            "query": {"input_mode": "vector", "value": "{{INPUT.vector}}"}
            if uri.startswith("vector")
            else "{{INPUT.query}}",
        }
        for uri in FEATURES
    ]
