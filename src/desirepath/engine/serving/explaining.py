"""Explain a retriever: what its stages would probably do, without searching."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Any

from msgspec import Struct

from desirepath.domain.retriever import Retriever
from desirepath.domain.stage import Stage
from desirepath.domain.stage_kinds.attribute_filter import AttributeFilterParameters
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.domain.stage_kinds.limit import LimitParameters
from desirepath.domain.stage_kinds.mmr import MmrParameters
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.domain.template import variables_in
from desirepath.errors import InvalidRetriever

__all__ = ["FIRST_FILTERED", "Plan", "PlannedStage", "explain"]

FIRST_FILTERED = 1_000
"""Documents that an attribute_filter fetches when nothing was found before it."""

_PASSING = 0.5
_NEAR_SLOWEST = 0.8

_MILLISECONDS: Mapping[str, tuple[float, float]] = {
    "feature_search": (2.0, 0.005),
    "attribute_filter": (0.1, 0.005),
    "mmr": (0.5, 0.05),
    "rerank": (0.2, 0.005),
    "popularity_boost": (0.2, 0.002),
}
"""By stage: at all (for feature_search, for each of its searches), and for each document. Orders of
magnitude, of a namespace with some thousand documents."""
_OTHER_MILLISECONDS = (0.05, 0.001)


class PlannedStage(Struct, frozen=True, kw_only=True):
    """What one stage would probably do."""

    stage_index: int
    stage_name: str
    stage_type: str
    estimated_input: int
    estimated_output: int
    estimated_efficiency: float
    estimated_duration_ms: float
    warnings: list[str]


class Plan(Struct, frozen=True, kw_only=True):
    """What the stages would probably do, one after another."""

    stages: list[PlannedStage]
    bottlenecks: list[str]
    suggestions: list[dict[str, str]]

    @property
    def duration_ms(self) -> float:
        """Of all stages."""
        return round(sum(stage.estimated_duration_ms for stage in self.stages), 3)


def explain(retriever: Retriever, inputs: Mapping[str, Any] | None, n_documents: int) -> Plan:
    """Estimate what a search would do, from the stages alone.

    Parameters
    ----------
    inputs
        Of a search to think of; None for any.
    n_documents
        How many documents the namespace has.

    Raises
    ------
    InvalidRetriever
        Its stages were stored by another version and cannot be read.
    """
    if retriever.problem is not None:
        raise InvalidRetriever(f"These stages cannot be read: {retriever.problem}")
    stages: list[PlannedStage] = []
    n_hits: int | None = None
    for index, stage in enumerate(retriever.stages):
        n_in = n_documents if n_hits is None or _begins_anew(stage) else n_hits
        n_out = _output(stage, n_in, is_first=n_hits is None)
        stages.append(
            PlannedStage(
                stage_index=index,
                stage_name=stage.stage_name,
                stage_type=stage.stage_type.value,
                estimated_input=n_in,
                estimated_output=n_out,
                estimated_efficiency=round(n_out / n_in, 4) if n_in else 1.0,
                estimated_duration_ms=_duration(stage, n_in if n_hits is not None else n_out),
                warnings=list(_warnings(retriever, stage, inputs)),
            )
        )
        n_hits = n_out
    slowest = max((stage.estimated_duration_ms for stage in stages), default=0.0)
    return Plan(
        stages=stages,
        bottlenecks=[
            stage.stage_name
            for stage in stages
            if len(stages) > 1 and stage.estimated_duration_ms >= _NEAR_SLOWEST * slowest
        ],
        suggestions=list(_suggestions(retriever.stages)),
    )


def _begins_anew(stage: Stage) -> bool:
    return isinstance(stage.parameters, FeatureSearchParameters)


def _output(stage: Stage, n_in: int, *, is_first: bool) -> int:
    match stage.parameters:
        case FeatureSearchParameters() as search:
            fetched = sum(each.top_k for each in search.searches) or search.final_top_k
            is_ours = any(each.query is not None for each in search.searches)
            return min(search.final_top_k, fetched, n_in if is_ours else fetched)
        case AttributeFilterParameters():
            passing = ceil(n_in * _PASSING)
            return min(passing, FIRST_FILTERED) if is_first else passing
        case LimitParameters() as limit:
            return min(max(n_in - limit.offset, 0), limit.limit)
        case MmrParameters(top_k=top_k) | RerankParameters(top_k=int() as top_k):
            return min(n_in, top_k)
        case _:
            return n_in


def _duration(stage: Stage, n: int) -> float:
    base, each = _MILLISECONDS.get(stage.stage_id, _OTHER_MILLISECONDS)
    if isinstance(stage.parameters, FeatureSearchParameters):
        searches = stage.parameters.searches
        return round(sum(base + each * search.top_k for search in searches) or base, 3)
    return round(base + each * n, 3)


def _warnings(
    retriever: Retriever, stage: Stage, inputs: Mapping[str, Any] | None
) -> Iterator[str]:
    if isinstance(stage.parameters, AttributeFilterParameters):
        yield "Assumes that half of the documents pass."
    if inputs is None:
        return
    config = stage.sent["config"]
    for variable in variables_in([config.get("parameters"), config.get("pre_filters")]):
        field = retriever.input_schema.get(variable.steps[0])
        has_default = variable.has_default or (field is not None and field.default is not None)
        is_given = inputs.get(variable.steps[0]) is not None
        if variable.namespace == "inputs" and not is_given and not has_default:
            yield f"Needs {variable.name}, which the inputs lack."


def _suggestions(stages: Sequence[Stage]) -> Iterator[dict[str, str]]:
    for before, after in pairwise(stages):
        if before.stage_id == after.stage_id == "sort_attribute" or (
            before.stage_id.startswith("sort_") and after.stage_id == "sort_relevance"
        ):
            yield {
                "type": "reorder_stages",
                "stage": before.stage_name,
                "message": "The next stage sorts again: this one only orders equal values.",
            }
    for stage in stages:
        if isinstance(stage.parameters, FeatureSearchParameters) and stage.parameters.searches:
            fetched = sum(search.top_k for search in stage.parameters.searches)
            if stage.parameters.final_top_k > fetched:
                yield {
                    "type": "reduce_limit",
                    "stage": stage.stage_name,
                    "message": "final_top_k is more than its searches fetch together.",
                }
