"""Stage ``limit``: keep the first documents."""

from __future__ import annotations

from desirepath.domain.stage_kinds.limit import LimitParameters
from desirepath.engine.serving.hits import Hit, StageContext

__all__ = ["run"]


def run(parameters: LimitParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The first hits after some that are left out."""
    del context
    return hits[parameters.offset : parameters.offset + parameters.limit]
