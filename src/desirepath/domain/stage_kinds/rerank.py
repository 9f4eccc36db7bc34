"""Stage ``rerank``: orders the first documents anew, by a trained ranker or a sum of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import Id
from desirepath.domain.stage_kinds.base import (
    CostTier,
    Parameters,
    StageKind,
    StageType,
    check_score_field,
    inside,
    read_struct,
)
from desirepath.domain.stage_kinds.popularity_boost import (
    PopularityBoostParameters,
    read_popularity_boost,
)
from desirepath.errors import InvalidRetriever

__all__ = ["RERANK", "RerankLearning", "RerankParameters"]

_MODELS = ("feature_uri", "decision_model", "relevance_criteria")


class RerankLearning(Struct, frozen=True, kw_only=True):
    """What a trained reranker is held against before it serves."""

    evaluation_dataset_id: str | None = None
    shipped_weight_set: Annotated[
        dict[str, Any] | None,
        Meta(description="Read-only. Which ranker serves is in its deployments."),
    ] = None


class RerankParameters(Parameters, frozen=True, kw_only=True):
    """Order by a trained ranker, or by a weighted sum of numbers."""

    inference_name: Annotated[
        Id | None,
        Meta(description="A ranker that was trained here and is deployed: orders by its score."),
    ] = None
    model_version: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Which version of it; the one that is deployed when absent."),
    ] = None
    weights: Annotated[
        Annotated[dict[Id, float], Meta(max_length=256)] | None,
        Meta(
            description="Weight by number: score, features.NAME, scores.URI or the path of a "
            "field. A number that a document lacks is 0."
        ),
    ] = None
    boost_by_interaction_count: Annotated[
        PopularityBoostParameters | None,
        Meta(description="As popularity_boost, on score, before the sum."),
    ] = None
    max_candidates: Annotated[
        Annotated[int, Meta(ge=1, le=1_000)] | None,
        Meta(description="How many of the first are ordered anew; null for all. The rest follow."),
    ] = 10
    top_k: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="How many go on; all when absent.")
    ] = None
    score_field: Annotated[Id, Meta(description="Where the new score is written.")] = (
        "scores.rerank"
    )
    learning_config: Annotated[
        RerankLearning | None, Meta(description="By which judgments a gate judges rankers.")
    ] = None
    feature_uri: Annotated[str | None, Meta(description="Not available.")] = None
    decision_model: Annotated[str | None, Meta(description="Not available.")] = None
    relevance_criteria: Annotated[str | None, Meta(description="Not available.")] = None
    query: Annotated[str | None, Meta(description="Accepted, not applied.")] = None
    document_field: Annotated[str | None, Meta(description="Accepted, not applied.")] = None
    batch_size: Annotated[int | None, Meta(description="Accepted, not applied.")] = None
    max_document_chars: Annotated[int | None, Meta(description="Accepted, not applied.")] = None
    max_concurrent_batches: Annotated[int | None, Meta(description="Accepted, not applied.")] = None
    hard_timeout_ms: Annotated[int | None, Meta(description="Accepted, not applied.")] = None
    cache_behavior: Annotated[str | None, Meta(description="Accepted, not applied.")] = None
    cache_ttl_seconds: Annotated[int | None, Meta(description="Accepted, not applied.")] = None


def _read(plain: Mapping[str, Any], lenient: bool) -> RerankParameters:
    values = dict(plain)
    for name, read in (
        ("boost_by_interaction_count", read_popularity_boost),
        ("learning_config", _read_learning),
    ):
        if isinstance(values.get(name), Mapping):
            with inside(name):
                values[name] = read(values[name], lenient)
    parameters = read_struct(values, RerankParameters, lenient, keep_null=("max_candidates",))
    for name in _MODELS:
        if getattr(parameters, name) is not None:
            raise InvalidRetriever(
                "No such models here: name a trained ranker in inference_name, or give weights.",
                (name,),
            )
    check_score_field(parameters.score_field, "score_field")
    _check_order(parameters)
    return parameters


def _check_order(parameters: RerankParameters) -> None:
    by_numbers = [
        name for name in ("weights", "boost_by_interaction_count") if getattr(parameters, name)
    ]
    if parameters.inference_name is None and not by_numbers:
        raise InvalidRetriever(
            "Nothing to order by: give inference_name, weights, or boost_by_interaction_count.",
            ("weights",),
        )
    if parameters.inference_name is not None and by_numbers:
        raise InvalidRetriever(
            "A trained ranker orders by its score alone: leave this out, or inference_name.",
            (by_numbers[0],),
        )
    if parameters.inference_name is None and parameters.model_version is not None:
        raise InvalidRetriever(
            "A version of which ranker? Give inference_name.", ("model_version",)
        )


def _read_learning(plain: Mapping[str, Any], lenient: bool) -> RerankLearning:
    learning = read_struct(plain, RerankLearning, lenient)
    if learning.shipped_weight_set is not None:
        raise InvalidRetriever(
            "shipped_weight_set is read-only: a gate writes it when it ships a ranker.",
            ("shipped_weight_set",),
        )
    return learning


RERANK = StageKind(
    stage_id="rerank",
    stage_type=StageType.SORT,
    parameters=RerankParameters,
    read=_read,
    description="Orders the first documents anew: by a ranker that was trained from the log, or by "
    "a weighted sum of their score, features and fields.",
    icon="sliders-horizontal",
    use_cases=("Prefer what has a high margin", "Prefer what is well rated"),
    example={"weights": {"score": 1.0, "rating": 0.1}, "max_candidates": 100},
    cost_tier=CostTier.MODERATE,
)
