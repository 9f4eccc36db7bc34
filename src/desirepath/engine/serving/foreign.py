"""What another engine served: ranked by it, learned from by us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from desirepath.domain.execution import Execution, ShownDocument
from desirepath.domain.interaction import QUERY_LEVEL_TYPES, Interaction
from desirepath.domain.ranking import Ranking, day_of
from desirepath.engine.serving.fusing import FeatureWeights, Fuser, FusionPlan, ranking_of
from desirepath.engine.serving.people import Asker, contexts_of
from desirepath.methods.bandits.base import REWARD_UNIT
from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion.candidates import FoundList
from desirepath.storage.base import Session
from desirepath.storage.learned import LoneInteraction

__all__ = ["Planner", "lone_of", "rank_foreign"]


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


def lone_of(
    session: Session, planner: Planner, interactions: Sequence[Interaction]
) -> list[LoneInteraction]:
    """Those of interactions without a known list that teach something by themselves.

    Their retriever learns, and counts the feature that they name; they are about a document.
    """
    lone = []
    for one in interactions:
        uri, retriever_id = one.feature_uri, one.retriever_id
        if uri is None or retriever_id is None or QUERY_LEVEL_TYPES.issuperset(one.types):
            continue
        plan = planner.plan(one.namespace, retriever_id)
        if plan is None or plan.learning is None or not plan.learns or plan.controls.frozen:
            continue
        if uri in plan.features:
            session.learned.add_features(one.namespace, plan.retriever_id, [uri])
        ordinal = session.learned.features(one.namespace, plan.retriever_id).get(uri)
        if ordinal is None:
            continue
        asker = Asker(user_id=one.user_id, session_id=one.session_id)
        identity = contexts_of(
            session, one.namespace, plan.retriever_id, plan.learning, asker
        ).identity
        lone.append(
            LoneInteraction(
                namespace=one.namespace,
                id=one.id,
                retriever_id=plan.retriever_id,
                execution_id=one.execution_id,
                algorithm=plan.learning.algorithm,
                identity=identity,
                day=day_of(one.occurred_at),
                feature=ordinal,
                reward=round(one.reward * REWARD_UNIT),
            )
        )
    return lone


def _found(documents: Sequence[ShownDocument], uri: str) -> FoundList:
    pairs = [(d.document_id, d.scores[uri]) for d in documents if d.scores and uri in d.scores]
    pairs.sort(key=lambda pair: -pair[1])
    return FoundList(document_ids=[id for id, _ in pairs], scores=[score for _, score in pairs])
