"""The new policy: how it would have ranked a logged pool, and where it can be sure of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.retriever import Retriever
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.domain.what_if import NewPolicy
from desirepath.engine.engine import Engine
from desirepath.engine.serving.fusing import FusionPlan
from desirepath.engine.serving.plans import plan_of
from desirepath.engine.what_if.batches import Batch, Reranking
from desirepath.errors import InvalidSetting, NotFound
from desirepath.methods.fusion.learned import learned_scores
from desirepath.methods.fusion.methods import FUSIONS
from desirepath.methods.fusion.pools import fused_rows, largest_outside
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.offpolicy.resampling import BoolArray

__all__ = ["Fused", "reranking_of"]


class Fused(Struct, frozen=True, kw_only=True):
    """Another fusion, or other weights."""

    words: str
    fusion: str
    weights: Mapping[str, float]

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(uri for uri, weight in self.weights.items() if weight > 0)

    @property
    def learned_until(self) -> int:
        """Weights are judged as they are given, whatever they are from."""
        return 0

    def rows(self, batch: Batch, most: int) -> IntArray:
        return fused_rows(batch.pools, FUSIONS[self.fusion], self._weights(batch), most)

    def is_sure(self, batch: Batch, rows: IntArray) -> BoolArray:
        """By normalised scores a bound is known of what is not in the pool; by others none is."""
        whole = np.array([one.is_whole for one in batch.lists])[:, None]
        if self.fusion not in ("learned", "dbsf"):
            return np.broadcast_to(whole, rows.shape)
        weights = self._weights(batch)
        by_search = batch.pools.by_search
        is_document = np.arange(by_search.shape[1]) < batch.pools.sizes[:, None]
        scores = learned_scores(by_search, batch.served[:, None, :])
        cut = np.where(is_document, scores, np.inf).min(axis=1)
        outside = largest_outside(batch.served, cut, weights)
        own = np.take_along_axis(learned_scores(by_search, weights), rows, axis=1)
        sure: BoolArray = whole | (own >= outside[:, None])
        return sure

    def _weights(self, batch: Batch) -> FloatArray:
        return np.array([self.weights.get(uri, 0.0) for uri in batch.features])


def reranking_of(engine: Engine, retriever: Retriever, policy: NewPolicy) -> Reranking:
    """What a policy does with the pools of a retriever.

    Raises
    ------
    InvalidSetting
        It needs what the pools do not have.
    NotFound
        There is no such retriever or ranker.
    """
    with engine.storage.read() as session:
        known = session.learned.features(retriever.namespace, retriever.retriever_id)
    if policy.retriever is not None:
        return _of_retriever(engine, retriever, policy.retriever, known)
    if policy.ranker is not None:
        from desirepath.engine.what_if.ranked import ranked_by

        return ranked_by(engine, retriever, policy.ranker, policy.ranker_version, tuple(known))
    return _of_weights(engine, retriever, policy, known)


def _of_weights(
    engine: Engine, retriever: Retriever, policy: NewPolicy, known: Mapping[str, int]
) -> Fused:
    if policy.weights is not None and known and policy.weights.keys() - known.keys():
        raise InvalidSetting(
            "Weights are given for a feature that this retriever has not logged; it has "
            f"{_named(known)}.",
            ("weights",),
        )
    fusion = policy.fusion or "learned"
    if policy.weights is not None:
        return Fused(
            words=f"fusion {fusion} with {_listed(policy.weights)}",
            fusion=fusion,
            weights=_normalized(policy.weights),
        )
    if fusion == "learned":
        return _as_it_serves(engine, retriever, known, "the mean of the learned weights")
    search = retriever.feature_search
    weights = dict.fromkeys(known, 1.0)
    if search is not None and search.uri_to_searches:
        weights = {uri: one[0].weight for uri, one in search.uri_to_searches.items()}
    return Fused(
        words=f"fusion {fusion} with the weights of the stage", fusion=fusion, weights=weights
    )


def _of_retriever(
    engine: Engine, retriever: Retriever, other_id: str, known: Mapping[str, int]
) -> Fused:
    other = engine.directory.retriever(retriever.namespace, other_id)
    if other is None:
        raise NotFound("retriever")  # without its name: no error repeats a body
    search = other.feature_search
    if search is None or any(
        not isinstance(stage.parameters, FeatureSearchParameters) for stage in other.stages
    ):
        raise InvalidSetting(
            "The other retriever is more than one feature_search, and stored pools can only be "
            "fused anew: compare the two by interleaving.",
            ("retriever",),
        )
    missing = set(other.feature_uris) - known.keys()
    if known and missing:
        raise InvalidSetting(
            f"The other retriever searches by {len(missing)} features that this one has not "
            f"logged; it has {_named(known)}. Compare the two by interleaving.",
            ("retriever",),
        )
    return _as_it_serves(engine, other, known, "the other retriever's fusion")


def _as_it_serves(
    engine: Engine, retriever: Retriever, known: Mapping[str, int], words: str
) -> Fused:
    """What most strangers are served with, by this retriever."""
    controls = engine.directory.controls(retriever.namespace, retriever.retriever_id)
    plan = plan_of(retriever, controls)
    if plan is None:
        raise InvalidSetting("The retriever has no feature_search.", ("retriever",))
    if not plan.features:
        plan = _with_features(plan, tuple(known))
    with engine.storage.read() as session:
        chosen = engine.fuser.expect(session, plan, session.now())
    weights = dict(zip(plan.features, chosen.weights.tolist(), strict=True))
    return Fused(
        words=f"{words}: {chosen.fusion} with {_listed(weights)}",
        fusion=chosen.fusion,
        weights=weights,
    )


def _with_features(plan: FusionPlan, features: tuple[str, ...]) -> FusionPlan:
    """A plan whose features come with each search: those that came."""
    return replace(plan, features=features, weights=(1.0,) * len(features))


def _normalized(weights: Mapping[str, float]) -> dict[str, float]:
    total_weight = sum(weights.values())
    return {uri: weight / total_weight for uri, weight in weights.items()}


def _listed(weights: Mapping[str, float]) -> str:
    """Weights in words, the largest first."""
    ordered = sorted(_normalized(weights).items(), key=lambda pair: -pair[1])
    return ", ".join(f"{uri} {weight:.2f}" for uri, weight in ordered)


def _named(features: Mapping[str, int]) -> str:
    return ", ".join(features) or "none"
