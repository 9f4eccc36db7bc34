"""The feature_search stage: ask each feature, fuse the lists, keep the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.document import document_record, read_document_filter
from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.filters import Filter, compile_filter
from desirepath.domain.stage_kinds.feature_search import (
    FeatureSearch,
    FeatureSearchParameters,
    OnEmpty,
)
from desirepath.domain.template import Variables, render
from desirepath.engine.serving.fusing import (
    FeatureWeights,
    Fuser,
    FusionPlan,
    FusionResult,
)
from desirepath.engine.serving.hits import Hit
from desirepath.engine.serving.people import Asker
from desirepath.errors import InvalidSearch, NotFound
from desirepath.methods.fusion.candidates import FoundList
from desirepath.storage.base import Session

__all__ = ["FeatureSearcher", "Searched", "SentCandidate"]

_MOST_CANDIDATES = 10_000


class SentCandidate(Struct, frozen=True, kw_only=True):
    """A document that another engine found for a feature, with its score there."""

    document_id: str
    score: float
    payload: dict[str, Any] | None = None


class Searched(Struct, frozen=True, kw_only=True, eq=False):
    """What a feature_search found, and how it was fused."""

    hits: list[Hit]
    result: FusionResult
    plan: FusionPlan
    warnings: Sequence[str] = ()


class FeatureSearcher:
    """Runs one feature_search stage for one request.

    Parameters
    ----------
    filters
        All hold of every document of the built-in index that is found.
    candidates
        By feature URI, what other engines found.
    chosen
        Weights of an earlier page; None: they are drawn.
    """

    def __init__(
        self,
        session: Session,
        fuser: Fuser,
        plan: FusionPlan,
        parameters: FeatureSearchParameters,
        *,
        asker: Asker,
        now: int,
        variables: Variables,
        filters: Sequence[Mapping[str, Any]],
        candidates: Mapping[str, Sequence[SentCandidate]],
        chosen: FeatureWeights | None = None,
    ) -> None:
        self._session, self._fuser, self._plan = session, fuser, plan
        self._parameters = parameters
        self._asker, self._now, self._variables = asker, now, variables
        self._filters, self._candidates, self._chosen = list(filters), candidates, chosen
        self._warnings: list[str] = []
        self._payloads: dict[str, dict[str, Any]] = {}

    def run(self) -> Searched:
        lists = {uri: self._sent(uri) for uri in self._candidates}
        for search in self._parameters.searches:
            if search.uri not in lists:
                lists[search.uri] = self._search(search)
        if not lists and self._filters:
            return self._all_that_match()
        chosen = self._chosen or self._fuser.choose(
            self._session, self._plan, self._asker, self._now
        )
        self._warnings += chosen.warnings
        most = self._parameters.final_top_k
        result = self._fuser.fuse_with(self._plan, lists, chosen, most)
        return Searched(
            hits=self._hits(result, most), result=result, plan=self._plan, warnings=self._warnings
        )

    def _filter(self, more: Mapping[str, Any] | None = None) -> Filter | None:
        filters = [*self._filters, *([more] if more else ())]
        return read_document_filter({"AND": filters}) if filters else None

    def _all_that_match(self) -> Searched:
        """Without a feature to search by: what the filters say, by document_id."""
        nothing = FeatureWeights(fusion="rrf", weights=np.zeros(0))
        plan = replace(self._plan, features=(), weights=())
        documents = self._session.documents.find(
            plan.namespace, filter=self._filter(), after=None, limit=self._parameters.final_top_k
        )
        filter = self._filter()
        holds = compile_filter(filter) if filter is not None else lambda record: True
        hits = [
            Hit(document_id=document.document_id, score=0.0, payload={**document.payload})
            for document in documents
            if holds(document_record(document))
        ]
        result = self._fuser.fuse_with(plan, {}, nothing, 0)
        return Searched(hits=hits, result=result, plan=plan, warnings=self._warnings)

    def _hits(self, result: FusionResult, most: int) -> list[Hit]:
        features = self._plan.features
        hits = []
        candidates, attribution = result.candidates, result.attribution
        for place, row in enumerate(result.fused.rows[:most].tolist()):
            id = result.fused.document_ids[place]
            found = [index for index in range(len(features)) if candidates.ranks[row, index] > 0]
            hits.append(
                Hit(
                    document_id=id,
                    score=float(result.fused.scores[place]),
                    payload=self._payloads.get(id),
                    scores={
                        features[index]: float(candidates.scores[row, index]) for index in found
                    },
                    attribution={
                        features[index]: {
                            "score": float(candidates.scores[row, index]),
                            "normalized": float(attribution.normalized[place, index]),
                            "share": float(attribution.shares[place, index]),
                        }
                        for index in found
                    },
                )
            )
        return hits

    def _sent(self, uri: str) -> FoundList:
        sent = sorted(self._candidates[uri], key=lambda one: -one.score)
        if len({one.document_id for one in sent}) != len(sent):
            raise InvalidSearch("A feature lists a document twice.", ("candidates",))
        for one in sent:
            if one.payload is not None:
                self._payloads[one.document_id] = one.payload
        return FoundList(
            document_ids=[one.document_id for one in sent], scores=[one.score for one in sent]
        )

    def _search(self, search: FeatureSearch) -> FoundList:
        feature = search.feature
        if feature.kind is FeatureKind.SENT:
            if not search.optional:
                self._warnings.append(f"No candidates were sent for feature {_shown(search.uri)}.")
            return _NOTHING
        asked = search.asked(self._variables)
        if asked is None:
            return self._random(search) if search.on_empty is OnEmpty.RANDOM else _NOTHING
        documents, namespace = self._session.documents, self._plan.namespace
        filter = self._filter(render(search.filters, self._variables))
        try:
            if feature.kind is FeatureKind.TEXT:
                fields = feature.names or documents.text_fields(namespace)
                found = documents.search_text(namespace, fields, str(asked), search.top_k, filter)
            else:
                vector = self._vector(feature.names[0], asked)
                found = documents.search_vector(
                    namespace, feature.names[0], vector, search.top_k, filter
                )
        except NotFound:
            if search.optional:
                return _NOTHING
            raise
        if search.min_score is not None:
            found = [pair for pair in found if pair[1] >= search.min_score]
        return FoundList(document_ids=[id for id, _ in found], scores=[score for _, score in found])

    def _vector(self, index: str, asked: str | list[float]) -> Sequence[float]:
        """The vector to search with: as it is, or that of a document."""
        if not isinstance(asked, str):
            return asked
        namespace = self._plan.namespace
        found = self._session.documents.get(namespace, [asked], with_vectors=True).get(asked)
        vector = None if found is None else found.vectors.get(index)
        if vector is None:
            raise InvalidSearch(
                "A vector index is searched with a vector, or with a document that has one; no "
                "embedder is set up to make one of a text.",
                ("inputs",),
            )
        return vector

    def _random(self, search: FeatureSearch) -> FoundList:
        documents = self._session.documents.find(
            self._plan.namespace, filter=self._filter(), after=None, limit=search.top_k
        )
        ids = [document.document_id for document in documents]
        return FoundList(document_ids=ids, scores=[0.0] * len(ids))


_NOTHING = FoundList(document_ids=(), scores=())


def _shown(uri: str) -> str:
    return uri if uri.isascii() and uri.isprintable() and len(uri) <= 80 else "(unprintable)"
