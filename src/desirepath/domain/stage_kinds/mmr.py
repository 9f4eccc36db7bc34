"""Stage ``mmr``: orders documents so that neighbours differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from desirepath.domain.checks import Id
from desirepath.domain.feature_uri import FeatureKind, read_feature
from desirepath.domain.stage_kinds.base import (
    CostTier,
    Parameters,
    StageKind,
    StageType,
    check_score_field,
    inside,
    read_struct,
)
from desirepath.errors import InvalidRetriever

__all__ = ["MMR", "MmrParameters"]


class MmrParameters(Parameters, frozen=True, kw_only=True):
    """Balance relevance and variety."""

    lambda_: Annotated[
        float, Meta(ge=0, le=1, description="1 looks at relevance only, 0 at variety only.")
    ] = field(default=0.7, name="lambda")
    top_k: Annotated[int, Meta(ge=1, le=500, description="How many go on.")] = 25
    diversity_feature_uri: Annotated[
        Id | None,
        Meta(
            description="The vector index that says what is alike. Left out, the first one of the "
            "feature_search before."
        ),
    ] = None
    diversity_fields: Annotated[
        Annotated[tuple[Id, ...], Meta(min_length=1, max_length=10)] | None,
        Meta(description="Instead: fields that say what is alike, by their share that equals."),
    ] = None
    score_field: Annotated[Id, Meta(description="The number that says what is relevant.")] = "score"
    mmr_score_field: Annotated[Id, Meta(description="Where the new score is written.")] = (
        "scores.mmr"
    )
    similarity_metric: Annotated[
        str, Meta(pattern="^cosine$", description="cosine is the only one.")
    ] = "cosine"

    @property
    def index(self) -> str | None:
        """The vector index."""
        uri = self.diversity_feature_uri
        return None if uri is None else read_feature(uri).names[0]


def _read(plain: Mapping[str, Any], lenient: bool) -> MmrParameters:
    parameters = read_struct(plain, MmrParameters, lenient)
    check_score_field(parameters.mmr_score_field, "mmr_score_field")
    uri = parameters.diversity_feature_uri
    if uri is not None:
        with inside("diversity_feature_uri"):
            if read_feature(uri).kind is not FeatureKind.VECTOR:
                raise InvalidRetriever("Only the vectors of an index say what is alike.")
        if parameters.diversity_fields is not None:
            raise InvalidRetriever(
                "Give diversity_feature_uri or diversity_fields, not both.", ("diversity_fields",)
            )
    return parameters


MMR = StageKind(
    stage_id="mmr",
    stage_type=StageType.SORT,
    parameters=MmrParameters,
    read=_read,
    description="Orders documents by maximal marginal relevance: relevant, and unlike those "
    "before.",
    icon="shuffle",
    use_cases=("No page full of near-duplicates", "Something of every category"),
    example={"lambda": 0.7, "diversity_feature_uri": "vector://image", "top_k": 25},
    cost_tier=CostTier.MODERATE,
)
