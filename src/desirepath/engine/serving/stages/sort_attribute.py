"""Stage ``sort_attribute``: order by a field."""

from __future__ import annotations

from desirepath.domain.order import sorted_by
from desirepath.domain.stage_kinds.sort_attribute import SortAttributeParameters
from desirepath.domain.template import render
from desirepath.engine.serving.hits import Hit, StageContext, fetch_payloads, value_at

__all__ = ["run"]


def run(parameters: SortAttributeParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The hits by a field of theirs; equal ones stay as they came."""
    fetch_payloads(hits, context)
    path = str(render(parameters.field, context.variables))
    present, missing = sorted_by(
        hits, lambda hit: value_at(hit, path), descending=parameters.direction == "desc"
    )
    return present + missing if parameters.nulls_last else missing + present
