"""Keep the first documents."""

from __future__ import annotations

from desirepath.domain.stage_kinds.limit import LimitParameters
from desirepath.engine.serving.hits import Hit, StageContext

__all__ = ["run"]


def run(parameters: LimitParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """``limit`` hits after the first ``offset``."""
    del context
    return hits[parameters.offset : parameters.offset + parameters.limit]
