"""Stage ``popularity_boost``: raise scores by how many people reacted."""

from __future__ import annotations

import math

from desirepath.domain.stage_kinds.popularity_boost import PopularityBoostParameters
from desirepath.engine.serving.hits import Hit, StageContext

__all__ = ["run"]

_DAY = 86_400_000_000  # microseconds
_MOST_READ = 100_000
"""Interactions that are counted at most, the latest: a search waits for it."""


def run(parameters: PopularityBoostParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The hits by boosted scores: times ``1 + (multiplier - 1) · log(1 + n) / log(1 + most)``.

    n are the people who reacted to a document in the window, most those of the most popular hit.
    """
    since = context.now - parameters.window_days * _DAY
    counts = context.session.summaries.interaction_counts(
        context.namespace,
        parameters.types,
        since,
        _MOST_READ,
        [hit.document_id for hit in hits],
    )
    most = max(counts.values(), default=0)
    if most:
        for hit in hits:
            share = math.log1p(counts.get(hit.document_id, 0)) / math.log1p(most)
            hit.score *= 1 + (parameters.multiplier - 1) * share
    return sorted(hits, key=lambda hit: -hit.score)
