"""Order the first documents anew, by a trained ranker or a weighted sum of their numbers."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from desirepath.domain.order import sorted_by
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.engine.serving.hits import Hit, StageContext, number_at, with_documents, with_field
from desirepath.engine.serving.judged import LOGGED_RANK, LOGGED_SCORE
from desirepath.engine.serving.stages.popularity_boost import boosted
from desirepath.errors import RankerUnavailable

__all__ = ["run"]


def run(parameters: RerankParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The first ``max_candidates`` by a new score, then the rest as they came; ``top_k`` of all.

    The new score is that of the ranker, or the sum; without weights the score, boosted. It is
    written to ``score_field`` and leaves ``score`` as it was. Equal ones stay as they came.

    Raises
    ------
    RankerUnavailable
        The ranker cannot order them.
    """
    if parameters.inference_name is not None:
        return _judged(parameters, parameters.inference_name, hits, context)
    weights = parameters.weights or {"score": 1.0}
    first = with_documents(hits[: parameters.max_candidates], context, weights)
    rest = hits[len(first) :]
    if parameters.boost_by_interaction_count is not None:
        first = boosted(parameters.boost_by_interaction_count, first, context)
    scored = [(_sum(hit, weights), hit) for hit in first]
    ordered, _ = sorted_by(scored, lambda pair: pair[0], descending=True)
    reranked = [with_field(hit, parameters.score_field, score) for score, hit in ordered]
    return [*reranked, *rest][: parameters.top_k]


def _judged(
    parameters: RerankParameters, name: str, hits: list[Hit], context: StageContext
) -> list[Hit]:
    """By a ranker; each hit remembers where it stood, for whoever trains the next one."""
    if context.judge is None:
        raise RankerUnavailable("There are no rankers here.")
    first = hits[: parameters.max_candidates]
    judged = context.judge(name, parameters.model_version, first)
    context.judged.append(judged)
    placed = [
        replace(hit, features={**hit.features, LOGGED_RANK: float(rank), LOGGED_SCORE: hit.score})
        for rank, hit in enumerate(hits)
    ]
    order = np.argsort(-judged.scores, kind="stable").tolist()
    scores = judged.scores.tolist()
    reranked = [with_field(placed[row], parameters.score_field, scores[row]) for row in order]
    return [*reranked, *placed[len(first) :]][: parameters.top_k]


def _sum(hit: Hit, weights: dict[str, float]) -> float:
    return sum(weight * (number_at(hit, path) or 0.0) for path, weight in weights.items())
