"""Stage ``sort_relevance``: orders documents by a score."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from desirepath.domain.checks import Id
from desirepath.domain.stage_kinds.base import Parameters, StageKind, StageType, read_struct
from desirepath.domain.stage_kinds.sort_attribute import Direction
from desirepath.errors import InvalidRetriever

__all__ = ["SORT_RELEVANCE", "MissingScore", "SortRelevanceParameters"]


class MissingScore(StrEnum):
    """Where documents without the score go."""

    BOTTOM = "bottom"
    TOP = "top"
    PRESERVE = "preserve"


class SortRelevanceParameters(Parameters, frozen=True, kw_only=True):
    """Order by a score."""

    score_field: Annotated[
        Id, Meta(description="score, or the path of a number, such as scores.rerank.")
    ] = "score"
    direction: Annotated[Direction, Meta(description="desc: highest first.")] = Direction.DESC
    missing_score: Annotated[
        MissingScore, Meta(description="Documents without it: bottom, top, or in their places.")
    ] = MissingScore.BOTTOM
    feature_address: Annotated[str | None, Meta(description="Refused: it never did anything.")] = (
        None
    )


def _read(plain: Mapping[str, Any], lenient: bool) -> SortRelevanceParameters:
    parameters = read_struct(plain, SortRelevanceParameters, lenient)
    if parameters.feature_address is not None:
        raise InvalidRetriever(
            "feature_address never had an effect: put a feature_search with that feature before "
            "this stage.",
            ("feature_address",),
        )
    return parameters


SORT_RELEVANCE = StageKind(
    stage_id="sort_relevance",
    stage_type=StageType.SORT,
    parameters=SortRelevanceParameters,
    read=_read,
    description="Orders documents by their score, or by another number that a stage gave them.",
    icon="arrow-down-wide-narrow",
    use_cases=("Order by the score of a rerank stage",),
    example={"score_field": "scores.rerank"},
    reads_documents=False,
)
