"""The plain stages: what comes out of each is a function of what goes in. A file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desirepath.domain.stage import Stage
from desirepath.engine.serving.hits import Hit, StageContext
from desirepath.engine.serving.stages import (
    attribute_filter,
    deduplicate,
    limit,
    mmr,
    popularity_boost,
    rerank,
    sort_attribute,
    sort_relevance,
)

__all__ = ["run_stage"]

_RUNS: Mapping[str, Callable[[Any, list[Hit], StageContext], list[Hit]]] = {
    "attribute_filter": attribute_filter.run,
    "deduplicate": deduplicate.run,
    "limit": limit.run,
    "mmr": mmr.run,
    "popularity_boost": popularity_boost.run,
    "rerank": rerank.run,
    "sort_attribute": sort_attribute.run,
    "sort_relevance": sort_relevance.run,
}


def run_stage(stage: Stage, hits: list[Hit], context: StageContext) -> list[Hit]:
    """Run one stage."""
    return _RUNS[stage.stage_id](stage.parameters, hits, context)
