"""Fuse what features found, with the weights of the moment, and write down how."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from desirepath.domain.fusion_controls import FusionControls
from desirepath.domain.learning_config import LearningConfig
from desirepath.domain.ranking import Contexts, Draw, Ranking
from desirepath.engine.circuit_breaker import CircuitBreaker
from desirepath.engine.learning.resolving import Belief, ClosedDays, believe
from desirepath.engine.serving.people import Asker, contexts_of, is_rolled_out
from desirepath.errors import DesirepathError
from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion.attribution import Attribution, attribute
from desirepath.methods.fusion.base import Fused, fuse
from desirepath.methods.fusion.candidates import Candidates, FoundList, gather
from desirepath.methods.fusion.methods import FUSIONS
from desirepath.methods.levels import FloatArray
from desirepath.storage.base import Session

__all__ = [
    "FeatureWeights",
    "Fuser",
    "FusionPlan",
    "FusionResult",
    "NewFeatures",
    "ranking_of",
]

LEARNED = "learned"
STATIC = "rrf"
"""What is served where learned weights are not: by rank, with the weights of the stage."""


class FusionPlan(Struct, frozen=True, kw_only=True):
    """What a feature_search stage asks for.

    Parameters
    ----------
    features : length F
        Distinct URIs.
    weights : length F
        Of the stage, at least 0.
    fusion
        rrf, dbsf, weighted, max or learned.
    learning
        How to learn; None: not at all.
    """

    namespace: int
    retriever_id: str
    version: int
    stages_hash: str
    features: tuple[str, ...]
    weights: tuple[float, ...]
    fusion: str
    learning: LearningConfig | None = None
    controls: FusionControls = FusionControls()

    @property
    def learns(self) -> bool:
        """Whether learned weights are wanted, by the retriever or by whoever switched them on."""
        if self.learning is None:
            return False
        if self.controls.enabled is not None:
            return self.controls.enabled
        return self.fusion == LEARNED

    @property
    def fixed_weights(self) -> Mapping[str, float] | None:
        """What is served instead of draws: fixed by hand, else what the gate shipped.

        What was shipped serves as long as the retriever has a gate and searches by no feature that
        the weights do not know.
        """
        if self.controls.weights is not None or self.learning is None:
            return self.controls.weights
        shipped = self.controls.shipped
        if shipped is None or self.learning.evaluation_dataset_id is None:
            return None
        return shipped.weights if shipped.weights.keys() >= set(self.features) else None


class FeatureWeights(Struct, frozen=True, kw_only=True, eq=False):
    """The weights of one search, and where they are from."""

    fusion: str
    weights: FloatArray
    ordinals: tuple[int, ...] = ()
    algorithm: str | None = None
    contexts: Contexts = Contexts()
    draw: Draw | None = None
    shadow_weights: FloatArray | None = None
    belief: Belief | None = None
    warnings: tuple[str, ...] = ()


class FusionResult(Struct, frozen=True, kw_only=True, eq=False):
    """A fused list with its reasons."""

    candidates: Candidates
    fused: Fused
    attribution: Attribution
    chosen: FeatureWeights


class Fuser:
    """Fuses for one engine; holds what may always be lost.

    Parameters
    ----------
    session_window
        Microseconds after which a session's lists are no longer its own level.
    """

    def __init__(self, session_window: int) -> None:
        self._session_window = session_window
        self.closed_days = ClosedDays()
        self.breaker = CircuitBreaker()
        self.make_seed: Callable[[], int] = _any_seed
        """Gives the seed of each draw; a simulation that is to be repeated sets its own."""
        self._ordinals: dict[tuple[int, str], dict[str, int]] = {}

    def fuse(
        self,
        session: Session,
        plan: FusionPlan,
        lists: Mapping[str, FoundList],
        asker: Asker,
        now: int,
        most: int,
    ) -> FusionResult:
        """Fuse the lists of a plan's features, best ``most`` attributed."""
        chosen = self.choose(session, plan, asker, now)
        return self.fuse_with(plan, lists, chosen, most)

    def fuse_with(
        self,
        plan: FusionPlan,
        lists: Mapping[str, FoundList],
        chosen: FeatureWeights,
        most: int,
    ) -> FusionResult:
        """Fuse with weights that are known already, as further pages do."""
        empty = FoundList(document_ids=(), scores=())
        candidates = gather([lists.get(uri, empty) for uri in plan.features])
        fused = fuse(candidates, FUSIONS[chosen.fusion], chosen.weights)
        return FusionResult(
            candidates=candidates,
            fused=fused,
            attribution=attribute(candidates, fused, most),
            chosen=chosen,
        )

    # Weights

    def choose(self, session: Session, plan: FusionPlan, asker: Asker, now: int) -> FeatureWeights:
        """The weights for one search."""
        static = np.array(plan.weights, np.float64)
        config = plan.learning
        if config is None or not plan.learns:
            return _static(plan)
        key = (plan.namespace, plan.retriever_id)
        if not self.breaker.is_closed(key):
            return FeatureWeights(fusion=STATIC, weights=static, warnings=(_OPEN,))
        started = time.monotonic()
        try:
            chosen = self._learned(session, plan, config, asker, now, static)
        except DesirepathError:
            self.breaker.failed(key)
            return FeatureWeights(fusion=STATIC, weights=static, warnings=(_OPEN,))
        if (time.monotonic() - started) * 1000 > config.circuit_breaker_timeout_ms:
            self.breaker.failed(key)
            return FeatureWeights(fusion=STATIC, weights=static, warnings=(_SLOW,))
        self.breaker.succeeded(key)
        return chosen

    def _learned(
        self,
        session: Session,
        plan: FusionPlan,
        config: LearningConfig,
        asker: Asker,
        now: int,
        static: FloatArray,
    ) -> FeatureWeights:
        controls = plan.controls
        ordinals = self.ordinals(session, plan.namespace, plan.retriever_id, plan.features)
        contexts = contexts_of(session, plan.namespace, plan.retriever_id, config, asker)
        belief = self._believe(session, plan, config, contexts, ordinals, asker.session_id, now)
        seed = self.make_seed()
        weights = belief.sample_weights(np.random.default_rng(seed))
        draw = Draw(
            parameters=belief.posterior.parameters.tobytes(),
            exploration=belief.exploration,
            bounds=belief.bounds,
            seed=seed,
            level=belief.level,
            lists=belief.lists,
        )
        pinned = _pinned(plan.features, plan.fixed_weights)
        pct = _rollout(plan, config)
        is_served = not config.shadow_mode and is_rolled_out(plan.retriever_id, asker, pct)
        served = weights if pinned is None else pinned
        return FeatureWeights(
            fusion=LEARNED if is_served else STATIC,
            weights=served if is_served else static,
            ordinals=ordinals,
            algorithm=None if controls.frozen else config.algorithm,
            contexts=contexts,
            draw=draw,
            shadow_weights=None if is_served and pinned is None else weights,
            belief=belief,
        )

    def _believe(
        self,
        session: Session,
        plan: FusionPlan,
        config: LearningConfig,
        contexts: Contexts,
        ordinals: tuple[int, ...],
        session_id: str | None,
        now: int,
    ) -> Belief:
        return believe(
            session,
            plan.namespace,
            plan.retriever_id,
            config,
            contexts,
            ordinals,
            session_id=session_id,
            session_window=self._session_window,
            now=now,
            closed_days=self.closed_days,
            left_out=plan.controls.left_out,
        )

    def expect(self, session: Session, plan: FusionPlan, now: int) -> FeatureWeights:
        """The weights that most searches of strangers are served with; nothing is drawn."""
        config = plan.learning
        if config is None or not plan.learns or config.shadow_mode or _rollout(plan, config) < 50:
            return _static(plan)
        pinned = _pinned(plan.features, plan.fixed_weights)
        weights = self._mean(session, plan, config, now) if pinned is None else pinned
        return FeatureWeights(fusion=LEARNED, weights=weights)

    def _mean(
        self, session: Session, plan: FusionPlan, config: LearningConfig, now: int
    ) -> FloatArray:
        """Learned weights without exploration, of nobody in particular."""
        try:
            ordinals = self.ordinals(session, plan.namespace, plan.retriever_id, plan.features)
        except NewFeatures:  # nothing was learned of these yet
            return uniform(len(plan.features))
        return self._believe(session, plan, config, Contexts(), ordinals, None, now).mean_weights

    def knows(self, namespace: int, retriever_id: str, features: Iterable[str]) -> bool:
        """Whether features were counted already, as far as it is known without asking."""
        return self._ordinals.get((namespace, retriever_id), {}).keys() >= set(features)

    def ordinals(
        self, session: Session, namespace: int, retriever_id: str, features: Sequence[str]
    ) -> tuple[int, ...]:
        """What a retriever counts its features by. They never change, so they may be kept.

        Raises
        ------
        NewFeatures
            Some have none yet: a reading session cannot give them one.
        """
        known = self._ordinals.get((namespace, retriever_id), {})
        if any(uri not in known for uri in features):
            known = session.learned.features(namespace, retriever_id)
            self._ordinals[namespace, retriever_id] = known
            missing = [uri for uri in features if uri not in known]
            if missing:
                raise NewFeatures(retriever_id, missing)
        return tuple(known[uri] for uri in features)


def _any_seed() -> int:
    return secrets.randbits(63)


class NewFeatures(Exception):
    """Features that a retriever has not counted yet."""

    def __init__(self, retriever_id: str, uris: Sequence[str]) -> None:
        super().__init__("new features")
        self.retriever_id = retriever_id
        self.uris = tuple(uris)


_OPEN = "Learned weights are not available right now: static fusion was served."
_SLOW = "Learned weights took longer than circuit_breaker_timeout_ms: static fusion was served."


def _static(plan: FusionPlan) -> FeatureWeights:
    """The weights of the stage."""
    fusion = STATIC if plan.fusion == LEARNED else plan.fusion
    return FeatureWeights(fusion=fusion, weights=np.array(plan.weights, np.float64))


def _rollout(plan: FusionPlan, config: LearningConfig) -> float:
    """The share of requests, in percent, that get learned weights."""
    pct = plan.controls.rollout_pct
    return config.rollout_pct if pct is None else pct


def _pinned(features: Sequence[str], weights: Mapping[str, float] | None) -> FloatArray | None:
    """Weights that are fixed, of these features, summing to 1."""
    if weights is None:
        return None
    values = np.array([weights.get(uri, 0.0) for uri in features])
    total = values.sum()
    return values / total if total > 0 else None


def ranking_of(plan: FusionPlan, result: FusionResult, shown: Sequence[str], depth: int) -> Ranking:
    """Write down how a search was ranked: its pool is what was shown and the best ``depth``."""
    row_of = dict(zip(result.fused.document_ids, result.fused.rows.tolist(), strict=True))
    pool = dict.fromkeys(result.fused.document_ids[:depth])
    pool |= dict.fromkeys(shown)
    candidates, chosen = result.candidates, result.chosen
    levels = np.zeros((len(pool), len(plan.features)), "<u2")  # 0 of what no feature found
    places = [place for place, id in enumerate(pool) if id in row_of]
    levels[places] = candidates.levels[[row_of[id] for id in pool if id in row_of]]
    return Ranking(
        version=plan.version,
        stages_hash=plan.stages_hash,
        fusion=chosen.fusion,
        features=plan.features,
        ordinals=chosen.ordinals,
        weights=tuple(chosen.weights.tolist()),
        minima=tuple(one.minimum for one in candidates.normalized),
        maxima=tuple(one.maximum for one in candidates.normalized),
        pool=tuple(pool),
        levels=levels.tobytes(),
        algorithm=chosen.algorithm if shown else None,
        contexts=chosen.contexts,
        draw=chosen.draw,
        shadow_weights=None
        if chosen.shadow_weights is None
        else tuple(chosen.shadow_weights.tolist()),
        needs_feature_uri=plan.learning is not None and plan.learning.require_feature_uri,
    )
