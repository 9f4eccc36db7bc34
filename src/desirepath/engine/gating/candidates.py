"""What a gate judges: a version of a model, and how a retriever would serve with it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.artifact import Artifact
from desirepath.domain.retriever import Retriever
from desirepath.engine.engine import Engine
from desirepath.engine.gates import RANKERS, WEIGHTS, dataset_of, uses
from desirepath.engine.weights_files import WEIGHTS as FILE
from desirepath.engine.weights_files import read_weights
from desirepath.errors import InvalidEvaluation

__all__ = ["Candidate", "candidate_of"]


class Candidate(Struct, frozen=True, kw_only=True):
    """A version of a model in a retriever.

    Parameters
    ----------
    dataset
        Id or name of what it is judged by.
    retriever
        As it would be with the candidate; for weights as it is.
    weights
        By feature URI; None: it is no weights.
    """

    artifact: Artifact
    dataset: str
    retriever: Retriever
    weights: Mapping[str, float] | None = None


def candidate_of(engine: Engine, retriever: Retriever, artifact: Artifact) -> Candidate:
    """What a gate would judge.

    Raises
    ------
    InvalidEvaluation
        The retriever has no gate, or does not use the model; or weights are of other features.
    """
    dataset = dataset_of(retriever, artifact.kind)
    if dataset is None:
        raise InvalidEvaluation(
            "The retriever has no gate: name judgments as evaluation_dataset_id in its "
            "learning_config."
        )
    if not uses(retriever, artifact):
        raise InvalidEvaluation(
            "The retriever does not use this model: weights are of the retriever that they were "
            "trained for, and other models are named in a stage, without a version."
        )
    if artifact.kind not in WEIGHTS:
        changed = _with_version(retriever, artifact)
        return Candidate(artifact=artifact, dataset=dataset, retriever=changed)
    with engine.storage.read() as session:
        weights = read_weights(session.artifacts.file(artifact.namespace, artifact.id, FILE))
    known = set(retriever.feature_uris)
    if known and known != weights.keys():
        raise InvalidEvaluation("The weights are of other features than the retriever has now.")
    return Candidate(artifact=artifact, dataset=dataset, retriever=retriever, weights=weights)


def _with_version(retriever: Retriever, artifact: Artifact) -> Retriever:
    """A copy whose stages name the version where they name the model."""
    stages = deepcopy(retriever.draft.stages)
    for stage in stages:
        parameters: dict[str, Any] = stage["config"].get("parameters") or {}
        if artifact.kind in RANKERS:
            if parameters.get("inference_name") == artifact.name:
                parameters["model_version"] = artifact.version
            continue
        for search in parameters.get("searches") or ():
            if search.get("query_adapter") == artifact.name:
                search.setdefault("query_adapter_version", artifact.version)
    return replace(retriever, draft=replace(retriever.draft, stages=stages))
