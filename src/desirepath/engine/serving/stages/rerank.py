"""Order the first documents anew, by a weighted sum of their numbers."""

from __future__ import annotations

from desirepath.domain.order import sorted_by
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.engine.serving.hits import Hit, StageContext, number_at, with_documents, with_field
from desirepath.engine.serving.stages.popularity_boost import boosted

__all__ = ["run"]


def run(parameters: RerankParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The first ``max_candidates`` by their sum, then the rest as they came; ``top_k`` of all.

    The sum is written to ``score_field`` and leaves ``score`` as it was; without weights it is the
    score, boosted.
    """
    weights = parameters.weights or {"score": 1.0}
    first = with_documents(hits[: parameters.max_candidates], context, weights)
    rest = hits[len(first) :]
    if parameters.boost_by_interaction_count is not None:
        first = boosted(parameters.boost_by_interaction_count, first, context)
    scored = [(_sum(hit, weights), hit) for hit in first]
    ordered, _ = sorted_by(scored, lambda pair: pair[0], descending=True)
    reranked = [with_field(hit, parameters.score_field, score) for score, hit in ordered]
    return [*reranked, *rest][: parameters.top_k]


def _sum(hit: Hit, weights: dict[str, float]) -> float:
    return sum(weight * (number_at(hit, path) or 0.0) for path, weight in weights.items())
