"""Executions that another engine served: ranked by it, learned from by us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from desirepath.domain.execution import Execution, ShownDocument
from desirepath.domain.ranking import Ranking
from desirepath.engine.serving.fusing import FeatureWeights, Fuser, FusionPlan, ranking_of
from desirepath.engine.serving.people import Asker, contexts_of
from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion.candidates import FoundList
from desirepath.storage.base import Session

__all__ = ["Planner", "rank_foreign"]


class Planner(Protocol):
    """Who knows what retrievers ask for."""

    fuser: Fuser

    def plan(self, namespace: int, retriever_id: str) -> FusionPlan | None:
        """The fusion plan of a retriever's feature_search; None when it has none."""
        ...


def rank_foreign(session: Session, planner: Planner, execution: Execution) -> Ranking | None:
    """Write down how an execution was ranked, from the scores it was sent with.

    Its features are those of its documents' ``scores``; each is normalised over the documents that
    were sent. Nothing is drawn, and what fused them is not ours to know.
    """
    features = tuple(dict.fromkeys(uri for d in execution.documents for uri in d.scores or ()))
    plan = planner.plan(execution.namespace, execution.retriever_id) if features else None
    if plan is None or plan.learning is None or not plan.learns or not execution.documents:
        return None
    session.learned.add_features(execution.namespace, execution.retriever_id, features)
    known = session.learned.features(execution.namespace, execution.retriever_id)
    asker = Asker(
        user_id=execution.user_id, session_id=execution.session_id, inputs=execution.inputs or {}
    )
    chosen = FeatureWeights(
        fusion="weighted",
        weights=uniform(len(features)),
        ordinals=tuple(known[uri] for uri in features),
        algorithm=None if plan.controls.frozen else plan.learning.algorithm,
        contexts=contexts_of(
            session, execution.namespace, execution.retriever_id, plan.learning, asker
        ),
    )
    theirs = FusionPlan(
        namespace=plan.namespace,
        retriever_id=plan.retriever_id,
        version=plan.version,
        stages_hash=plan.stages_hash,
        features=features,
        weights=(1.0,) * len(features),
        fusion="weighted",
        learning=plan.learning,
        controls=plan.controls,
    )
    lists = {uri: _found(execution.documents, uri) for uri in features}
    result = planner.fuser.fuse_with(theirs, lists, chosen, 0)
    shown = [document.document_id for document in execution.documents]
    return ranking_of(theirs, result, shown, 0)


def _found(documents: Sequence[ShownDocument], uri: str) -> FoundList:
    pairs = [(d.document_id, d.scores[uri]) for d in documents if d.scores and uri in d.scores]
    pairs.sort(key=lambda pair: -pair[1])
    return FoundList(document_ids=[id for id, _ in pairs], scores=[score for _, score in pairs])
