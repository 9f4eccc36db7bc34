"""From a retriever to what its fusion needs."""

from __future__ import annotations

from desirepath.domain.fusion_controls import FusionControls
from desirepath.domain.retriever import Retriever
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.engine.serving.fusing import FusionPlan

__all__ = ["plan_of"]


def plan_of(
    retriever: Retriever, controls: FusionControls, search: FeatureSearchParameters | None = None
) -> FusionPlan | None:
    """The fusion plan of a feature_search stage, the retriever's own by default.

    None when it has none.
    """
    search = search or retriever.feature_search
    if search is None:
        return None
    weight_of = {uri: searches[0].weight for uri, searches in search.uri_to_searches.items()}
    return FusionPlan(
        namespace=retriever.namespace,
        retriever_id=retriever.retriever_id,
        version=retriever.version,
        stages_hash=retriever.stages_hash,
        features=tuple(weight_of),
        weights=tuple(weight_of.values()),
        fusion=search.fusion,
        learning=search.learning,
        controls=controls,
    )
