"""Stage ``limit``: keeps the first documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from desirepath.domain.stage_kinds.base import Parameters, StageKind, StageType, read_struct

__all__ = ["LIMIT", "LimitParameters"]

MAX_LIMIT = 10_000


class LimitParameters(Parameters, frozen=True, kw_only=True):
    """Keep the first documents."""

    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT, description="How many go on.")] = 10
    offset: Annotated[int, Meta(ge=0, le=MAX_LIMIT, description="How many to leave out first.")] = 0


def _read(plain: Mapping[str, Any], lenient: bool) -> LimitParameters:
    return read_struct(plain, LimitParameters, lenient)


LIMIT = StageKind(
    stage_id="limit",
    stage_type=StageType.FILTER,
    parameters=LimitParameters,
    read=_read,
    description="Keeps the first documents.",
    icon="list-end",
    use_cases=("Rerank many and return few",),
    example={"limit": 10},
    reads_documents=False,
)
