"""What each stage does with what was found, a file each; :func:`run_stage` picks one."""

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

__all__ = ["RUNS", "run_stage"]

RUNS: Mapping[str, Callable[[Any, list[Hit], StageContext], list[Hit]]] = {
    "attribute_filter": attribute_filter.run,
    "sort_relevance": sort_relevance.run,
    "sort_attribute": sort_attribute.run,
    "rerank": rerank.run,
    "mmr": mmr.run,
    "popularity_boost": popularity_boost.run,
    "deduplicate": deduplicate.run,
    "limit": limit.run,
}
"""By ``stage_id``; feature_search alone begins anew and is not among them."""


def run_stage(stage: Stage, hits: list[Hit], context: StageContext) -> list[Hit]:
    """What goes on from a stage, of the hits that its ``pre_filters`` let pass.

    Raises
    ------
    DesirepathError
        The stage cannot do what it is told with these inputs.
    """
    run, filters = RUNS[stage.stage_id], stage.pre_filters
    if not filters:
        return run(stage.parameters, hits, context)
    if context.is_first:  # there is nothing before it yet that they could hold of
        return attribute_filter.keep(filters, run(stage.parameters, hits, context), context)
    return run(stage.parameters, attribute_filter.keep(filters, hits, context), context)
