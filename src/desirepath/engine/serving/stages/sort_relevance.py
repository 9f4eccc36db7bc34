"""Order by a score."""

from __future__ import annotations

from desirepath.domain.order import sorted_by
from desirepath.domain.stage_kinds.sort_attribute import Direction
from desirepath.domain.stage_kinds.sort_relevance import MissingScore, SortRelevanceParameters
from desirepath.engine.serving.hits import Hit, StageContext, number_at, with_documents

__all__ = ["run"]


def run(parameters: SortRelevanceParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """All hits, by the number at ``score_field``; equal ones stay as they came."""
    path = parameters.score_field
    hits = with_documents(hits, context, [path])
    present, missing = sorted_by(
        hits,
        lambda hit: number_at(hit, path),
        descending=parameters.direction is Direction.DESC,
    )
    match parameters.missing_score:
        case MissingScore.TOP:
            return [*missing, *present]
        case MissingScore.BOTTOM:
            return [*present, *missing]
        case MissingScore.PRESERVE:
            ordered = iter(present)
            return [hit if number_at(hit, path) is None else next(ordered) for hit in hits]
