"""The feature_search stage: ask each feature, fuse the lists, keep the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.checks import Id
from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.filters import Filter
from desirepath.domain.profile import AdapterRun
from desirepath.domain.stage_kinds.feature_search import FeatureSearch, FeatureSearchParameters
from desirepath.engine.serving.finding import NOTHING, Finder, merged
from desirepath.engine.serving.fusing import FeatureWeights, Fuser, FusionPlan, FusionResult
from desirepath.engine.serving.hits import Hit, StageContext
from desirepath.engine.serving.matching import first_matching
from desirepath.engine.serving.people import Asker
from desirepath.errors import InvalidSearch
from desirepath.methods.fusion.candidates import FoundList

__all__ = ["FeatureSearcher", "Searched", "SentCandidate"]


class SentCandidate(Struct, frozen=True, kw_only=True):
    """A document that another engine found for a feature, with its score there."""

    document_id: Id
    score: float
    payload: dict[str, Any] | None = None


class Searched(Struct, frozen=True, kw_only=True, eq=False):
    """What a feature_search found, and how it was fused."""

    hits: list[Hit]
    result: FusionResult
    plan: FusionPlan
    warnings: Sequence[str] = ()
    adapted: Sequence[AdapterRun] = ()


class FeatureSearcher:
    """Runs one feature_search stage for one request.

    Parameters
    ----------
    filter
        Holds of every document of the built-in index that is found.
    candidates
        By feature URI, what other engines found.
    chosen
        Weights of an earlier page; None: they are drawn.
    """

    def __init__(
        self,
        context: StageContext,
        fuser: Fuser,
        plan: FusionPlan,
        parameters: FeatureSearchParameters,
        *,
        asker: Asker,
        filter: Filter | None,
        candidates: Mapping[str, Sequence[SentCandidate]],
        chosen: FeatureWeights | None = None,
    ) -> None:
        self._context, self._fuser, self._plan = context, fuser, plan
        self._parameters = parameters
        self._asker, self._filter = asker, filter
        self._candidates, self._chosen = candidates, chosen
        self._finder = Finder(context, filter)
        self._warnings: list[str] = []
        self._payloads: dict[str, dict[str, Any]] = {}

    def run(self) -> Searched:
        """Find and fuse.

        Raises
        ------
        InvalidSearch
            The search asks for what cannot be done, or lacks an input.
        NotFound
            There is no such feature.
        """
        if not self._parameters.searches and not self._candidates:
            return self._all_that_match()
        lists = {uri: self._sent(uri) for uri in self._candidates}
        self._finder.embed(one for one in self._parameters.searches if one.uri not in lists)
        for uri, searches in self._parameters.uri_to_searches.items():
            if uri not in lists:
                lists[uri] = merged([self._search(search) for search in searches])
        chosen = self._chosen or self._fuser.choose(
            self._context.session, self._plan, self._asker, self._context.now
        )
        self._warnings += chosen.warnings
        most = self._parameters.final_top_k
        result = self._fuser.fuse_with(self._plan, lists, chosen, most)
        hits = hits_of(result, self._plan.features, self._payloads, most)
        return self._searched(hits, result, self._plan)

    def _searched(self, hits: list[Hit], result: FusionResult, plan: FusionPlan) -> Searched:
        return Searched(
            hits=hits,
            result=result,
            plan=plan,
            warnings=[*self._warnings, *self._finder.warnings],
            adapted=self._finder.adapted,
        )

    def _all_that_match(self) -> Searched:
        """Without a feature to search by: what the filters say, by document_id."""
        if self._filter is None:
            self._warnings.append("Nothing was searched: no candidates, and no filter to find by.")
            hits = []
        else:
            documents, most = self._context.session.documents, self._parameters.final_top_k
            hits = first_matching(documents, self._plan.namespace, self._filter, most)
        plan = replace(self._plan, features=(), weights=())
        nothing = FeatureWeights(fusion="rrf", weights=np.zeros(0))
        return self._searched(hits, self._fuser.fuse_with(plan, {}, nothing, 0), plan)

    def _sent(self, uri: str) -> FoundList:
        sent = sorted(self._candidates[uri], key=attrgetter("score"), reverse=True)
        if len({one.document_id for one in sent}) != len(sent):
            raise InvalidSearch("A feature lists a document twice.", ("candidates",))
        for one in sent:
            if one.payload is not None:
                self._payloads[one.document_id] = one.payload
        return FoundList(
            document_ids=[one.document_id for one in sent], scores=[one.score for one in sent]
        )

    def _search(self, search: FeatureSearch) -> FoundList:
        if search.feature.kind is not FeatureKind.SENT:
            return self._finder.find(search)
        if not search.optional:
            self._warnings.append(f"No candidates were sent for feature {_shown(search.uri)}.")
        return NOTHING


def hits_of(
    result: FusionResult,
    features: Sequence[str],
    payloads: Mapping[str, dict[str, Any]],
    most: int,
) -> list[Hit]:
    """The best of a fused list, each with what its features say of it."""
    rows = result.fused.rows[:most]
    ids = result.fused.document_ids[:most]
    columns = zip(
        result.fused.scores[:most].tolist(),
        result.candidates.ranks[rows].tolist(),
        result.candidates.scores[rows].tolist(),
        result.attribution.normalized.tolist(),
        result.attribution.shares.tolist(),
        strict=True,
    )
    hits = []
    for id, (score, ranks, scores, normalized, shares) in zip(ids, columns, strict=True):
        found = [(index, uri) for index, uri in enumerate(features) if ranks[index] > 0]
        hits.append(
            Hit(
                document_id=id,
                score=score,
                payload=payloads.get(id),
                scores={uri: scores[index] for index, uri in found},
                attribution={
                    uri: {
                        "score": scores[index],
                        "normalized": normalized[index],
                        "share": shares[index],
                    }
                    for index, uri in found
                },
            )
        )
    return hits


def _shown(uri: str) -> str:
    return uri if uri.isascii() and uri.isprintable() and len(uri) <= 80 else "(unprintable)"
