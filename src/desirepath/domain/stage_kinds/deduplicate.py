"""Stage ``deduplicate``: keeps the first of the documents that are alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from desirepath.domain.checks import Id
from desirepath.domain.stage_kinds.base import Parameters, StageKind, StageType, read_struct

__all__ = ["DEDUPLICATE", "DeduplicateParameters"]


class DeduplicateParameters(Parameters, frozen=True, kw_only=True):
    """Keep the first of those with the same values."""

    fields: Annotated[
        tuple[Id, ...],
        Meta(min_length=1, max_length=10, description="Paths of the fields that must all equal."),
    ]
    keep: Annotated[str, Meta(pattern="^first$", description="first, in the order that came.")] = (
        "first"
    )


def _read(plain: Mapping[str, Any], lenient: bool) -> DeduplicateParameters:
    return read_struct(plain, DeduplicateParameters, lenient)


DEDUPLICATE = StageKind(
    stage_id="deduplicate",
    stage_type=StageType.FILTER,
    parameters=DeduplicateParameters,
    read=_read,
    description="Keeps the first document of each value of some fields. One that lacks a field "
    "is like no other.",
    icon="copy-minus",
    use_cases=("One variant of each product", "One page of each site"),
    example={"fields": ["product_id"]},
)
