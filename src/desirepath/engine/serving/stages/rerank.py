"""Stage ``rerank``: order by a weighted sum of numbers."""

from __future__ import annotations

from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.engine.serving.hits import (
    Hit,
    StageContext,
    fetch_payloads,
    number_at,
    put_number,
)
from desirepath.engine.serving.stages import popularity_boost

__all__ = ["run"]


def run(parameters: RerankParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The first ``max_candidates`` by their new score; the rest follow as they came."""
    if parameters.boost_by_interaction_count is not None:
        hits = popularity_boost.run(parameters.boost_by_interaction_count, hits, context)
    most = len(hits) if parameters.max_candidates is None else parameters.max_candidates
    head, rest = hits[:most], hits[most:]
    fetch_payloads(head, context)
    weights = parameters.weights or {"score": 1.0}
    scored = [
        (sum(weight * (number_at(hit, path) or 0.0) for path, weight in weights.items()), hit)
        for hit in head
    ]
    for score, hit in scored:
        put_number(hit, parameters.score_field, score)
    scored.sort(key=lambda pair: -pair[0])
    return [*(hit for _, hit in scored), *rest][: parameters.top_k]
