"""Wire shapes of retrievers, stages and plans, and how domain values become them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from desirepath.api.schemas import PaginationResponse, SortOption
from desirepath.domain.clock import format_time
from desirepath.domain.experiment import Experiment
from desirepath.domain.fusion_controls import ShippedWeightSet
from desirepath.domain.retriever import BudgetLimits, Retriever
from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.domain.stage_kinds.base import StageKind, StageType
from desirepath.engine.serving.explaining import Plan
from desirepath.engine.typeahead import Suggestions, ValueCount

__all__ = [
    "CloneResponse",
    "ExplainRequest",
    "ExplainResponse",
    "PatchResponse",
    "RetrieverConfig",
    "RetrieverDeleted",
    "RetrieverListRequest",
    "RetrieverListResponse",
    "RetrieverModel",
    "StageDiscovery",
    "StageModel",
    "TypeaheadQuery",
    "TypeaheadResponse",
    "present_config",
    "present_plan",
    "present_retriever",
    "present_shipped",
    "present_stage_kind",
    "present_suggestions",
    "without_shipped",
]


class StageModel(Struct, frozen=True, kw_only=True):
    """A stage as it was sent."""

    stage_name: str
    stage_type: StageType | None
    config: dict[str, Any]
    parameters: Annotated[dict[str, Any], Meta(description="The same as config.parameters.")]
    batch_size: str | None = None
    description: str | None = None
    on_error: str | None = None
    output_alias: str | None = None


class RetrieverConfig(Struct, frozen=True, kw_only=True):
    """A retriever."""

    retriever_id: str
    retriever_name: str
    description: str | None
    stages: list[StageModel]
    collection_ids: list[str]
    collection_identifiers: list[str]
    input_schema: dict[str, Any]
    budget_limits: BudgetLimits
    feature_dependencies: list[dict[str, Any]]
    tags: list[str]
    metadata: dict[str, Any]
    display_config: dict[str, Any] | None
    version: Annotated[int, Meta(description="1 at first, and one more with each change.")]
    created_at: str
    updated_at: str
    created_by: str | None = None
    updated_by: str | None = None
    fusion: Annotated[str | None, Meta(description="Of its feature_search, if it has one.")] = None
    experiment: Annotated[
        Experiment | None,
        Meta(description="The experiment that is on: mode, and the challenger's id."),
    ] = None


class RetrieverModel(RetrieverConfig, frozen=True, kw_only=True):
    """A retriever, and whether it is published."""

    is_published: bool = False
    marketplace_listing_id: str | None = None


Shape = TypeVar("Shape", bound=RetrieverConfig)


def _present(value: Retriever, shape: type[Shape], shipped: ShippedWeightSet | None) -> Shape:
    draft = value.draft
    return shape(
        retriever_id=value.retriever_id,
        retriever_name=draft.retriever_name,
        description=draft.description,
        stages=[_present_stage(stage, shipped) for stage in draft.stages],
        collection_ids=draft.collection_identifiers,
        collection_identifiers=draft.collection_identifiers,
        input_schema=draft.input_schema or {},
        budget_limits=draft.budget_limits or BudgetLimits(),
        feature_dependencies=[],
        tags=draft.tags,
        metadata=draft.metadata or {},
        display_config=draft.display_config,
        version=value.version,
        created_at=format_time(value.created_at),
        updated_at=format_time(value.updated_at),
        fusion=value.fusion,
        experiment=draft.experiment,
    )


def present_config(value: Retriever, shipped: ShippedWeightSet | None = None) -> RetrieverConfig:
    """A retriever as it is answered when it is made or changed.

    Parameters
    ----------
    shipped
        What its gate let through last, which is shown in its search.
    """
    return _present(value, RetrieverConfig, shipped)


def present_retriever(value: Retriever, shipped: ShippedWeightSet | None = None) -> RetrieverModel:
    """A retriever as it is answered when it is read; see :func:`present_config`."""
    return _present(value, RetrieverModel, shipped)


def present_shipped(shipped: ShippedWeightSet | None) -> dict[str, Any] | None:
    """The wire shape of weights that passed a gate."""
    if shipped is None:
        return None
    plain: dict[str, Any] = msgspec.to_builtins(shipped)
    return plain | {"shipped_at": format_time(shipped.shipped_at)}


def without_shipped(plain: object, shipped: ShippedWeightSet | None) -> object:
    """A change of a retriever without the shipped weights that are sent back as they were read."""
    if shipped is None or not isinstance(plain, dict) or not isinstance(plain.get("stages"), list):
        return plain
    told = present_shipped(shipped)
    stages = deepcopy(plain["stages"])
    for stage in stages:
        config = stage.get("config", stage) if isinstance(stage, dict) else None
        for holder in (stage, config):
            parameters = holder.get("parameters") if isinstance(holder, dict) else None
            learning = parameters.get("learning_config") if isinstance(parameters, dict) else None
            if isinstance(learning, dict) and learning.get("shipped_weight_set") == told:
                del learning["shipped_weight_set"]
    return plain | {"stages": stages}


def _with_shipped(config: dict[str, Any], shipped: ShippedWeightSet | None) -> dict[str, Any]:
    parameters = config.get("parameters") or {}
    learning = parameters.get("learning_config") or {}
    if shipped is None or not ("searches" in parameters and learning.get("evaluation_dataset_id")):
        return config
    learning = learning | {"shipped_weight_set": present_shipped(shipped)}
    return config | {"parameters": parameters | {"learning_config": learning}}


def _present_stage(sent: Mapping[str, Any], shipped: ShippedWeightSet | None) -> StageModel:
    """A stage in the whole shape, whatever an earlier version stored."""
    config = sent.get("config")
    config = _with_shipped(config, shipped) if isinstance(config, dict) else {}
    parameters = config.get("parameters")
    kind = STAGE_KINDS.get(str(config.get("stage_id")))
    batch_size = sent.get("batch_size")
    return StageModel(
        stage_name=str(sent.get("stage_name") or "stage"),
        stage_type=None if kind is None else kind.stage_type,
        config=config,
        parameters=parameters if isinstance(parameters, dict) else {},
        batch_size=None if batch_size is None else str(batch_size),
        description=sent.get("description"),
        on_error=sent.get("on_error"),
        output_alias=sent.get("output_alias"),
    )


class PatchResponse(Struct, frozen=True, kw_only=True):
    """The retriever as it is now."""

    retriever: RetrieverConfig


class CloneResponse(Struct, frozen=True, kw_only=True):
    """The copy."""

    retriever: RetrieverConfig
    source_retriever_id: str


class RetrieverListRequest(Struct, frozen=True, kw_only=True):
    """Which retrievers, in which order."""

    search: Annotated[
        str | None,
        Meta(description="A part of id, name, description or a tag; * stands for anything."),
    ] = None
    filters: Annotated[
        dict[str, Any] | None,
        Meta(description='A filter on the fields of a retriever: {"tags": {"$in": ["live"]}}.'),
    ] = None
    sorts: Annotated[
        Annotated[list[SortOption], Meta(max_length=10)] | None,
        Meta(description="Orders; the first counts most. Oldest first without."),
    ] = None
    sort: Annotated[SortOption | None, Meta(description="One order; counts before sorts.")] = None
    case_sensitive: bool = False


class RetrieverListResponse(Struct, frozen=True, kw_only=True):
    """Retrievers of the namespace."""

    results: list[RetrieverModel]
    total: int
    pagination: PaginationResponse
    warnings: list[dict[str, Any]] = []


class RetrieverDeleted(Struct, frozen=True, kw_only=True):
    """A deletion."""

    success: bool
    retriever_id: str


class StageDiscovery(Struct, frozen=True, kw_only=True):
    """A kind of stage."""

    stage_id: str
    description: str
    category: Annotated[StageType, Meta(description="What becomes of the documents.")]
    icon: Annotated[str, Meta(description="A name of the Lucide icon set.")]
    parameter_schema: Annotated[dict[str, Any], Meta(description="JSON Schema of parameters.")]
    example_config: Annotated[dict[str, Any], Meta(description="A stage as it may be sent.")]
    common_use_cases: list[str]
    cost_tier: Annotated[str, Meta(description="cheap or moderate, beside other stages.")]
    requires_collections: Annotated[bool, Meta(description="It reads documents.")]


def present_stage_kind(kind: StageKind) -> StageDiscovery:
    """The wire shape of a kind of stage."""
    schema = msgspec.json.schema(kind.parameters)
    definitions = schema["$defs"]
    own = definitions.pop(kind.parameters.__name__)
    return StageDiscovery(
        stage_id=kind.stage_id,
        description=kind.description,
        category=kind.stage_type,
        icon=kind.icon,
        parameter_schema=own | ({"$defs": definitions} if definitions else {}),
        example_config={
            "stage_name": kind.stage_id,
            "stage_type": kind.stage_type.value,
            "config": {"stage_id": kind.stage_id, "parameters": dict(kind.example)},
        },
        common_use_cases=list(kind.use_cases),
        cost_tier=kind.cost_tier.value,
        requires_collections=kind.reads_documents,
    )


class ExplainRequest(Struct, frozen=True, kw_only=True):
    """A search to think of."""

    inputs: Annotated[
        dict[str, Any] | None, Meta(description="Need not fit the schema; nothing is searched.")
    ] = None


class ExplainStagePlan(Struct, frozen=True, kw_only=True):
    """What one stage would probably do."""

    stage_index: int
    stage_name: str
    stage_type: str
    estimated_input: int
    estimated_output: int
    estimated_efficiency: Annotated[float, Meta(description="Output over input.")]
    estimated_cost_credits: Annotated[float, Meta(description="Always 0.")]
    estimated_duration_ms: Annotated[float, Meta(description="An order of magnitude.")]
    cache_likely: Annotated[bool, Meta(description="Always false.")]
    optimization_notes: list[str]
    warnings: list[str]


class ExplainResponse(Struct, frozen=True, kw_only=True):
    """What a search would probably do, from the stages alone."""

    retriever_id: str
    retriever_name: str
    estimated_cost: dict[str, float]
    execution_plan: list[ExplainStagePlan]
    optimization_suggestions: list[dict[str, str]]
    total_estimated_stages: int
    bottleneck_stages: list[str]
    optimization_level: str = "none"
    optimization_applied: bool = False
    optimization_details: dict[str, Any] | None = None
    note: Annotated[str, Meta(description="How far to trust it.")] = (
        "Estimated from the stages and the number of documents; nothing was searched."
    )


def present_plan(retriever: Retriever, plan: Plan) -> ExplainResponse:
    """The wire shape of a plan."""
    return ExplainResponse(
        retriever_id=retriever.retriever_id,
        retriever_name=retriever.draft.retriever_name,
        estimated_cost={"total_credits": 0.0, "total_duration_ms": plan.duration_ms},
        execution_plan=[
            ExplainStagePlan(
                stage_index=stage.stage_index,
                stage_name=stage.stage_name,
                stage_type=stage.stage_type,
                estimated_input=stage.estimated_input,
                estimated_output=stage.estimated_output,
                estimated_efficiency=stage.estimated_efficiency,
                estimated_cost_credits=0.0,
                estimated_duration_ms=stage.estimated_duration_ms,
                cache_likely=False,
                optimization_notes=[],
                warnings=stage.warnings,
            )
            for stage in plan.stages
        ],
        optimization_suggestions=plan.suggestions,
        total_estimated_stages=len(plan.stages),
        bottleneck_stages=plan.bottlenecks,
    )


class TypeaheadQuery(Struct, frozen=True, kw_only=True):
    """What is being typed."""

    q: Annotated[str, Meta(max_length=200, description="The beginning.")] = ""
    fields: Annotated[
        str | None,
        Meta(description="Paths in documents whose values to suggest, with commas; at most 5."),
    ] = None
    limit: Annotated[int, Meta(ge=1, le=50, description="Of each kind.")] = 10


class TypeaheadCollection(Struct, frozen=True, kw_only=True):
    """A collection that a retriever names."""

    collection_id: str
    collection_name: str


class TypeaheadResponse(Struct, frozen=True, kw_only=True):
    """What begins so."""

    query: str
    suggestions: Annotated[list[str], Meta(description="All of them: searches first.")]
    values: Annotated[list[ValueCount], Meta(description="Values of the fields, most first.")]
    collections: list[TypeaheadCollection]
    recent_searches: Annotated[
        list[str], Meta(description="What at least three people searched for lately.")
    ]
    warnings: Annotated[list[str], Meta(description="What was not looked at.")]


def present_suggestions(query: str, found: Suggestions) -> TypeaheadResponse:
    """The wire shape of suggestions."""
    return TypeaheadResponse(
        query=query,
        suggestions=found.texts,
        values=found.values,
        collections=[
            TypeaheadCollection(collection_id=name, collection_name=name)
            for name in found.collections
        ],
        recent_searches=found.recent_searches,
        warnings=found.warnings,
    )
