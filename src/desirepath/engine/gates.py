"""Which retrievers have a gate, and what has passed it."""

from __future__ import annotations

from collections.abc import Iterator

from desirepath.domain.artifact import Artifact
from desirepath.domain.assessment import AssessmentKind
from desirepath.domain.retriever import Retriever
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.storage.base import Session

__all__ = [
    "ADAPTERS",
    "RANKERS",
    "WEIGHTS",
    "dataset_of",
    "gated_users",
    "has_passed",
    "uses",
]

RANKERS = ("ranker", "ctr_model")
ADAPTERS = ("query_adapter",)
WEIGHTS = ("fusion_weights",)
"""Kinds of models as they are stored: what a gate judges."""

_LOOKED_THROUGH = 1_000  # evaluations of a retriever, the last ones


def dataset_of(retriever: Retriever, kind: str) -> str | None:
    """The dataset by which a retriever's gate judges models of a kind; None: it has no gate.

    A rerank stage may name one of its own for rankers.
    """
    if kind in RANKERS:
        for stage in retriever.stages:
            parameters = stage.parameters
            learning = (
                parameters.learning_config if isinstance(parameters, RerankParameters) else None
            )
            if learning is not None and learning.evaluation_dataset_id is not None:
                return learning.evaluation_dataset_id
    search = retriever.feature_search
    config = None if search is None else search.learning_config
    return None if config is None else config.evaluation_dataset_id


def uses(retriever: Retriever, artifact: Artifact) -> bool:
    """Whether deploying a version under its name changes what a retriever serves."""
    if artifact.kind in WEIGHTS:
        return artifact.retriever_id == retriever.retriever_id
    if artifact.kind in ADAPTERS:
        return (artifact.name, None) in retriever.query_adapters
    return artifact.kind in RANKERS and any(
        isinstance(stage.parameters, RerankParameters)
        and (stage.parameters.inference_name, stage.parameters.model_version)
        == (artifact.name, None)
        for stage in retriever.stages
    )


def gated_users(session: Session, artifact: Artifact) -> Iterator[Retriever]:
    """The retrievers with a gate that a model would serve in."""
    for retriever in session.catalog.retrievers(artifact.namespace):
        if uses(retriever, artifact) and dataset_of(retriever, artifact.kind) is not None:
            yield retriever


def has_passed(session: Session, retriever: Retriever, artifact: Artifact) -> bool:
    """Whether a version passed a retriever's gate when it was last judged there.

    What counts are the judgments that the retriever names now.
    """
    named = dataset_of(retriever, artifact.kind)
    dataset = None if named is None else session.evaluations.find(artifact.namespace, named)
    if dataset is None:
        return False
    evaluations = session.assessments.assessments(
        artifact.namespace,
        AssessmentKind.EVALUATION,
        _LOOKED_THROUGH,
        retriever_id=retriever.retriever_id,
        name=dataset.name,
    )
    asked = {"weight_set_id": artifact.artifact_id, "dataset_id": dataset.dataset_id}
    for one in evaluations:
        if asked.items() <= one.request.items() and one.result is not None:
            return bool(one.result.get("gate_verdict", {}).get("passed"))
    return False
