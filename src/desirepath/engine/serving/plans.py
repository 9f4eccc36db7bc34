"""From a retriever to what its fusion needs."""

from __future__ import annotations

from desirepath.domain.fusion_controls import FusionControls
from desirepath.domain.retriever import Retriever
from desirepath.engine.serving.fusing import FusionPlan

__all__ = ["plan_of"]


def plan_of(retriever: Retriever, controls: FusionControls) -> FusionPlan | None:
    """The fusion plan of a retriever's feature_search stage; None when it has none."""
    search = retriever.feature_search
    if search is None:
        return None
    weight_of: dict[str, float] = {}
    for one in search.searches:
        weight_of.setdefault(one.feature_uri, one.weight)
    return FusionPlan(
        namespace=retriever.namespace,
        retriever_id=retriever.retriever_id,
        version=retriever.version,
        stages_hash=retriever.stages_hash,
        features=tuple(weight_of),
        weights=tuple(weight_of.values()),
        fusion=search.fusion,
        learning=retriever.learning,
        controls=controls,
    )
