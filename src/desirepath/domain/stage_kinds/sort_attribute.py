"""Stage ``sort_attribute``: orders documents by a field."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from desirepath.domain.checks import Id
from desirepath.domain.stage_kinds.base import (
    Parameters,
    StageKind,
    StageType,
    read_struct,
)

__all__ = ["SORT_ATTRIBUTE", "Direction", "SortAttributeParameters"]


class Direction(StrEnum):
    """Which end comes first."""

    ASC = "asc"
    DESC = "desc"


class SortAttributeParameters(Parameters, frozen=True, kw_only=True):
    """Order by a field."""

    field: Annotated[Id, Meta(description="Path of the field. May be a template.")]
    direction: Annotated[Direction, Meta(description="desc: largest, latest, Z first.")] = (
        Direction.DESC
    )
    nulls_last: Annotated[
        bool, Meta(description="Documents without the field last in either direction.")
    ] = True


def _read(plain: Mapping[str, Any], lenient: bool) -> SortAttributeParameters:
    return read_struct(plain, SortAttributeParameters, lenient)


SORT_ATTRIBUTE = StageKind(
    stage_id="sort_attribute",
    stage_type=StageType.SORT,
    parameters=SortAttributeParameters,
    read=_read,
    description="Orders documents by one of their fields.",
    icon="arrow-up-down",
    use_cases=("Newest first", "Cheapest first, as the visitor chose"),
    example={"field": "price", "direction": "asc"},
)
