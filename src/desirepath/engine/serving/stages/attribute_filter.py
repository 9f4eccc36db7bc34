"""Stage ``attribute_filter``: keep documents for which a filter holds."""

from __future__ import annotations

from typing import Any

from desirepath.domain.document import read_document_filter
from desirepath.domain.filters import compile_filter
from desirepath.domain.stage_kinds.attribute_filter import AttributeFilterParameters
from desirepath.domain.template import render
from desirepath.engine.serving.hits import Hit, StageContext, fetch_payloads

__all__ = ["run"]


def run(parameters: AttributeFilterParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The hits for which the filter holds, in their order."""
    raw: Any = render(parameters.filter, context.variables)
    condition = read_document_filter(raw)
    if condition is None:
        return hits
    holds = compile_filter(condition)
    fetch_payloads(hits, context)
    return [hit for hit in hits if holds(_record(hit))]


def _record(hit: Hit) -> dict[str, object]:
    return {"document_id": hit.document_id, "payload": hit.payload or {}, "metadata": {}}
