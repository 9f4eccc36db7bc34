"""What was served and what was learned, at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import numpy as np
from msgspec import Struct

from desirepath.domain.clock import to_datetime
from desirepath.domain.execution import Execution
from desirepath.domain.fusion_controls import read_controls
from desirepath.domain.ranking import Contexts
from desirepath.domain.retriever import Retriever
from desirepath.engine.engine import Engine
from desirepath.engine.learning.resolving import Belief
from desirepath.engine.query_text import first_text
from desirepath.engine.serving.beliefs import belief_of, ordinals_of, with_features
from desirepath.engine.serving.fusing import FusionPlan
from desirepath.engine.serving.plans import plan_of
from desirepath.storage.base import ExecutionQuery, Namespace, Session

__all__ = [
    "FeatureWeight",
    "LearnedRetriever",
    "RecentSearch",
    "learned_retrievers",
    "recent_searches",
]

Serving = Literal["learned", "in part", "shadow", "fixed", "static"]

N_RETRIEVERS = 4
N_SEARCHES = 10
_N_LOOKED_THROUGH = 50  # retrievers, the last changed, for the last searches
_DRAWS = 400
_SEED = 7


class FeatureWeight(Struct, frozen=True, kw_only=True):
    """The mean weight of a feature for everybody; 95% of what is drawn lies between the others."""

    feature_uri: str
    weight: float
    low: float
    high: float


class LearnedRetriever(Struct, frozen=True, kw_only=True):
    """What a retriever has learned.

    ``lists`` are those that taught, after forgetting. ``serving`` says who gets learned weights:
    everybody, those that are rolled out to, nobody (shadow), or weights that are fixed, by hand or
    by a gate; ``static`` when learning was switched off.
    """

    retriever_id: str
    retriever_name: str
    serving: Serving
    frozen: bool
    lists: float
    weights: tuple[FeatureWeight, ...]


class RecentSearch(Struct, frozen=True, kw_only=True):
    """An execution.

    ``level`` is the narrowest one that spoke for the learned weights that it was served with, and
    ``weights`` are by feature URI, largest first; both are empty where nothing was fused here.
    """

    occurred_at: datetime
    execution_id: str
    retriever_name: str
    query: str | None
    n_documents: int
    first_document_id: str | None
    fusion: str | None
    level: str | None
    weights: dict[str, float]


def learned_retrievers(
    engine: Engine, session: Session, namespace: Namespace
) -> tuple[LearnedRetriever, ...]:
    """The retrievers that learn, those that learned most first, four at most."""
    retrievers = session.catalog.retrievers(namespace.number)
    learned = (_learned(engine, session, retriever) for retriever in retrievers)
    found = [one for one in learned if one is not None]
    return tuple(sorted(found, key=lambda one: -one.lists)[:N_RETRIEVERS])


def _learned(engine: Engine, session: Session, retriever: Retriever) -> LearnedRetriever | None:
    controls = session.learned.controls(retriever.namespace, retriever.retriever_id)
    plan = plan_of(retriever, read_controls(controls))
    if plan is None or plan.learning is None:
        return None
    plan = with_features(session, plan)
    if not plan.features:
        return None
    belief = belief_of(session, engine.fuser, plan, Contexts(), ordinals_of(session, plan))
    return LearnedRetriever(
        retriever_id=retriever.retriever_id,
        retriever_name=retriever.draft.retriever_name,
        serving=_serving(plan),
        frozen=plan.controls.frozen,
        lists=belief.lists.get("global", 0.0),
        weights=_weights(plan.features, belief),
    )


def _serving(plan: FusionPlan) -> Serving:
    assert plan.learning is not None
    rolled_out = plan.controls.rollout_pct
    if not plan.learns:
        return "static"
    if plan.learning.shadow_mode:
        return "shadow"
    if (plan.learning.rollout_pct if rolled_out is None else rolled_out) < _EVERYBODY:
        return "in part"
    return "fixed" if plan.fixed_weights else "learned"


_EVERYBODY = 100


def _weights(features: Sequence[str], belief: Belief) -> tuple[FeatureWeight, ...]:
    rng = np.random.default_rng(_SEED)
    draws = np.array([belief.sample_weights(rng) for _ in range(_DRAWS)])
    low, high = np.quantile(draws, (0.025, 0.975), axis=0)
    rows = zip(features, belief.mean_weights.tolist(), low.tolist(), high.tolist(), strict=True)
    weights = [
        FeatureWeight(feature_uri=uri, weight=weight, low=min(low, weight), high=max(high, weight))
        for uri, weight, low, high in rows
    ]
    return tuple(sorted(weights, key=lambda one: -one.weight))


def recent_searches(session: Session, namespace: Namespace) -> tuple[RecentSearch, ...]:
    """The last ten executions recorded, newest first."""
    retrievers = sorted(session.catalog.retrievers(namespace.number), key=lambda r: -r.updated_at)
    names = {one.retriever_id: one.draft.retriever_name for one in retrievers[:_N_LOOKED_THROUGH]}
    last = [
        summary
        for retriever_id in names
        for summary in session.executions.find(
            ExecutionQuery(namespace=namespace.number, retriever_id=retriever_id), N_SEARCHES
        )
    ]
    newest = sorted(last, key=lambda one: one.id, reverse=True)[:N_SEARCHES]
    executions = (session.executions.get(namespace.number, one.execution_id) for one in newest)
    return tuple(_recent(one, names[one.retriever_id]) for one in executions if one is not None)


def _recent(execution: Execution, retriever_name: str) -> RecentSearch:
    ranking, documents = execution.ranking, execution.documents
    pairs = () if ranking is None else zip(ranking.features, ranking.weights, strict=True)
    return RecentSearch(
        occurred_at=to_datetime(execution.occurred_at),
        execution_id=execution.execution_id,
        retriever_name=retriever_name,
        query=first_text(execution.inputs or {}),
        n_documents=len(documents),
        first_document_id=documents[0].document_id if documents else None,
        fusion=None if ranking is None else ranking.fusion,
        level=None if ranking is None or ranking.draw is None else ranking.draw.level,
        weights=dict(sorted(pairs, key=lambda pair: -pair[1])),
    )
