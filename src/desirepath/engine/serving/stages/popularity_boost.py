"""Raise what many people reacted to."""

from __future__ import annotations

from math import log1p

from msgspec.structs import replace

from desirepath.domain.order import sorted_by
from desirepath.domain.stage_kinds.popularity_boost import PopularityBoostParameters
from desirepath.engine.serving.hits import Hit, StageContext, with_field

__all__ = ["COUNT_FIELD", "boosted", "run"]

COUNT_FIELD = "interaction_count"
"""Where the count is written, so that an answer can say why."""


def run(parameters: PopularityBoostParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """All hits with raised scores, highest first; equal ones stay as they came."""
    raised = boosted(parameters, hits, context)
    present, missing = sorted_by(raised, lambda hit: hit.score, descending=True)
    return [*present, *missing]


def boosted(
    parameters: PopularityBoostParameters, hits: list[Hit], context: StageContext
) -> list[Hit]:
    """The hits in their order, with their scores raised.

    ``score + (multiplier − 1) · |score| · ln(1 + n) / ln(1 + largest n)``, where n is how many
    people reacted to the document within the window and the largest n is that of these hits. So
    the most popular one gets ``multiplier`` times its score, one that nobody reacted to keeps its
    own, and a score below 0 rises too.
    """
    counts = context.popularity.counts(
        context.session, context.namespace, parameters.types, parameters.window_days, context.now
    )
    numbers = [counts.get(hit.document_id, 0) for hit in hits]
    most = log1p(max(numbers, default=0))
    raised = []
    for hit, n in zip(hits, numbers, strict=True):
        share = log1p(n) / most if most else 0.0
        score = hit.score + (parameters.multiplier - 1) * abs(hit.score) * share
        raised.append(with_field(replace(hit, score=score), COUNT_FIELD, n))
    return raised
