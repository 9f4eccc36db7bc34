"""Stage ``sort_relevance``: order by a score."""

from __future__ import annotations

from desirepath.domain.order import sorted_by
from desirepath.domain.stage_kinds.sort_relevance import MissingScore, SortRelevanceParameters
from desirepath.engine.serving.hits import Hit, StageContext, fetch_payloads, number_at

__all__ = ["run"]


def run(parameters: SortRelevanceParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The hits by a number; those without it at the bottom, the top, or where they were."""
    path = parameters.score_field
    if path != "score" and not path.startswith(("scores.", "features.")):
        fetch_payloads(hits, context)
    present, missing = sorted_by(
        hits, lambda hit: number_at(hit, path), descending=parameters.direction == "desc"
    )
    if parameters.missing_score is MissingScore.TOP:
        return missing + present
    if parameters.missing_score is MissingScore.BOTTOM:
        return present + missing
    ordered = iter(present)
    return [hit if number_at(hit, path) is None else next(ordered) for hit in hits]
