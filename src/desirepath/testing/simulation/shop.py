"""The made-up catalogue in a running service: namespace, documents, retrievers, searches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from desirepath.errors import DesirepathError
from desirepath.methods.fusion.candidates import Candidates, FoundList, gather
from desirepath.testing.simulation.catalogue import FEATURES, VECTOR, Catalogue, Query
from desirepath.testing.simulation.judging import PAGE
from desirepath.testing.simulation.models import Models
from desirepath.testing.simulation.service import Refused, Service, path_of

__all__ = ["RETRIEVER", "Found", "Ranked", "Shop"]

RETRIEVER = "simulated-shop"
"""The retriever that learns."""

_STATIC = f"{RETRIEVER}-rrf"
_FOUND = 50  # by each feature
_MOST = len(FEATURES) * _FOUND  # all that a search can find
_RERANKED = 50  # of them, where a ranker orders
_CHUNK = 200


class Found(Struct, frozen=True, kw_only=True):
    """A list as a shopper sees it.

    Parameters
    ----------
    fused_ids
        What would have been seen without a ranker.
    """

    execution_id: str
    document_ids: Sequence[str]
    fused_ids: Sequence[str]


class Ranked(Struct, frozen=True, kw_only=True, eq=False):
    """What the service finds for a query without learning.

    Parameters
    ----------
    rrf
        Documents as it ranks them by reciprocal rank fusion.
    candidates
        What each feature found, in the order of ``FEATURES``.
    """

    rrf: Sequence[str]
    candidates: Candidates


class Shop:
    """A namespace of a service that holds the catalogue.

    Parameters
    ----------
    service
        With a key that works in the namespace, or an admin key.
    """

    def __init__(self, service: Service, namespace: str, catalogue: Catalogue) -> None:
        self.namespace = namespace
        self._outside = service
        self._service = service.within(namespace)
        self._catalogue = catalogue
        self._is_reranked = False
        self.models = Models(self._service)

    def open(self) -> bool:
        """Fill the namespace unless an earlier run has; whether this one did.

        Raises
        ------
        DesirepathError
            The service is not there, refuses the key, or has something else in the namespace.
        """
        with _said():
            if not self._make_namespace():
                made_of = self._made_of()
                if made_of == self._mark:
                    return False
                if made_of is not None or self._n_documents():
                    raise DesirepathError(
                        "The namespace holds something else, or the shop of another seed: name "
                        "one that is empty, or not there yet, with --namespace."
                    )
            self._fill()
        return True

    def ranked(self, query: Query) -> Ranked:
        """Ask without learning."""
        body = {"inputs": _inputs(query), "limit": _MOST}
        with _said():
            answer = self._service.call("POST", path_of("retrievers", _STATIC, "execute"), body)
        documents = answer["documents"]
        return Ranked(
            rrf=[document["document_id"] for document in documents],
            candidates=gather([_list_of(uri, documents) for uri in FEATURES]),
        )

    def search(self, query: Query, user_id: str, session_id: str, segment: str) -> Found:
        """Ask for somebody, of whom the shop knows a segment."""
        body = {
            "inputs": _inputs(query) | {"segment": segment},
            "user_id": user_id,
            "session_id": session_id,
            "limit": _RERANKED if self._is_reranked else PAGE,
            "explain": self._is_reranked,
        }
        with _said():
            answer = self._service.call("POST", path_of("retrievers", RETRIEVER, "execute"), body)
        document_ids = [document["document_id"] for document in answer["documents"]]
        return Found(
            execution_id=answer["execution_id"],
            document_ids=document_ids[:PAGE],
            fused_ids=_without_ranker(answer, document_ids)[:PAGE],
        )

    def click(self, found: Found, position: int, user_id: str, session_id: str) -> None:
        """Record a click on a document of a list."""
        body = {
            "feature_id": found.document_ids[position],
            "interaction_type": ["click"],
            "position": position,
            "execution_id": found.execution_id,
            "user_id": user_id,
            "session_id": session_id,
        }
        with _said():
            self._service.call("POST", path_of("retrievers", "interactions"), body)

    def rerank_by(self, ranker: str) -> None:
        """Let a ranker order what fusion finds. What fusion learned stays."""
        body = {"stages": [_learned_stage(_RERANKED), _rerank_stage(ranker)]}
        with _said():
            self._service.call("PATCH", path_of("retrievers", RETRIEVER), body)
        self._is_reranked = True

    def roll_out(self, pct: float) -> None:
        """Let a share of people have learned weights, and the others reciprocal rank fusion."""
        path = path_of("retrievers", RETRIEVER, "learned-fusion", "rollout")
        with _said():
            self._service.call("POST", path, {"rollout_pct": pct})

    def judge(self, name: str) -> None:
        """Store what products are really worth as a dataset, as if people had judged them all."""
        queries = [
            {
                "query_id": f"query-{number:03}",
                "query_input": _inputs(query),
                "relevant_documents": list(query.grades),
                "relevance_scores": dict(query.grades),
            }
            for number, query in enumerate(self._catalogue.queries)
        ]
        body = {
            "dataset_name": name,
            "description": "A simulation: what made-up products are worth to its shoppers.",
            "queries": queries,
        }
        with _said():
            self._service.call("POST", path_of("retrievers", "evaluations", "datasets"), body)

    def recommended(self, user_id: str) -> Sequence[str]:
        """The documents that are recommended to somebody, the best first."""
        body = {"user_id": user_id, "limit": PAGE}
        with _said():
            answer = self._service.call("POST", path_of("recommendations", "documents"), body)
        return [document["document_id"] for document in answer["documents"]]

    def weights(self) -> dict[str, float]:
        """What was learned of everybody, by feature."""
        path = path_of("retrievers", RETRIEVER, "learned-fusion", "weights")
        with _said():
            weights: dict[str, float] = self._service.call("GET", path)["weights"]
        return weights

    # Filling

    @property
    def _mark(self) -> Mapping[str, Any]:
        """What the retriever of this catalogue says of itself."""
        return {"simulation": "desirepath", "seed": self._catalogue.seed}

    def _make_namespace(self) -> bool:
        try:
            self._outside.call("GET", path_of("namespaces", self.namespace))
        except Refused as refused:
            if refused.status != 404:
                raise
        else:
            return False
        self._outside.call("POST", path_of("namespaces", "standalone"), self._namespace_body())
        return True

    def _namespace_body(self) -> dict[str, Any]:
        return {
            "namespace_id": self.namespace,
            "description": "A simulation: made-up products, and shoppers that are programs.",
        }

    def _made_of(self) -> Mapping[str, Any] | None:
        """What the retriever of an earlier run says of itself; None when there is none."""
        try:
            found = self._service.call("GET", path_of("retrievers", RETRIEVER))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        made_of: Mapping[str, Any] = found.get("metadata") or {}
        return made_of

    def _n_documents(self) -> int:
        found = self._outside.call("GET", path_of("namespaces", self.namespace))
        return int(found["document_count"])

    def _fill(self) -> None:
        """The learning retriever comes last: when it is there, all is."""
        documents = self._catalogue.documents
        path = path_of("namespaces", self.namespace, "documents", "upsert")
        for first in range(0, len(documents), _CHUNK):
            self._service.call("POST", path, {"documents": documents[first : first + _CHUNK]})
        for body in (_static_retriever(), _learning_retriever(self._mark)):
            try:
                self._service.call("POST", path_of("retrievers"), body)
            except Refused as refused:
                if refused.status != 409:  # an earlier run was cut short
                    raise


def _learning_retriever(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The retriever that learns, as it is created."""
    return {
        "retriever_name": RETRIEVER,
        "stages": [_learned_stage(PAGE)],
        "metadata": metadata,
    }


def _static_retriever() -> dict[str, Any]:
    return {"retriever_name": _STATIC, "stages": [_find_stage("rrf", _MOST, {})]}


def _learned_stage(final_top_k: int) -> dict[str, Any]:
    learning = {"learning_config": {"demographic_features": ["INPUT.segment"]}}
    return _find_stage("learned", final_top_k, learning)


def _find_stage(fusion: str, final_top_k: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
    searches = [{"feature_uri": uri, "query": _query_of(uri), "top_k": _FOUND} for uri in FEATURES]
    parameters = {
        "searches": searches,
        "fusion": fusion,
        "final_top_k": final_top_k,
        **parameters,
    }
    config = {"stage_id": "feature_search", "parameters": parameters}
    return {"stage_name": "find", "config": config}


def _rerank_stage(ranker: str) -> dict[str, Any]:
    parameters = {"inference_name": ranker, "max_candidates": _RERANKED}
    return {"stage_name": "rank", "config": {"stage_id": "rerank", "parameters": parameters}}


def _without_ranker(answer: Mapping[str, Any], document_ids: list[str]) -> list[str]:
    """The documents in the order that a ranker found them in."""
    judged = (answer.get("explain_plan") or {}).get("rerank") or []
    if not judged:
        return document_ids
    id_to_rank = {one["document_id"]: one["rank"] for one in judged[0]["documents"]}
    return sorted(document_ids, key=lambda id: id_to_rank[id])


def _query_of(uri: str) -> Any:
    if uri == VECTOR:
        return {"input_mode": "vector", "value": "{{INPUT.vector}}"}
    return "{{INPUT.query}}"


def _inputs(query: Query) -> dict[str, Any]:
    return {"query": query.text, "vector": list(query.vector)}


def _list_of(uri: str, documents: Sequence[Mapping[str, Any]]) -> FoundList:
    """What one feature found, best first."""
    found = [
        (document["attribution"][uri]["score"], document["document_id"])
        for document in documents
        if uri in document["attribution"]
    ]
    found.sort(key=lambda pair: -pair[0])
    return FoundList(document_ids=[id for _, id in found], scores=[score for score, _ in found])


@contextmanager
def _said() -> Iterator[None]:
    """Say a refusal in words for whoever started the simulation."""
    try:
        yield
    except Refused as refused:
        raise DesirepathError(
            _REASONS.get(refused.status, f"The service says: {refused}")
        ) from None


_REASONS = {
    401: "The service does not know the key: give it one of its own with --key, or in the variable "
    "DESIREPATH_KEY.",
    403: "The key may not do that. A simulation needs an admin key, or a server key of a namespace "
    "that is there already.",
    404: "The service does not have what the simulation needs: the namespace is not the key's, or "
    "something was deleted meanwhile.",
}
