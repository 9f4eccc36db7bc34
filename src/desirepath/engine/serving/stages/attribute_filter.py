"""Keep the documents for which a filter holds, or fetch them where nothing was found yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from desirepath.domain.filters import Filter, compile_filter
from desirepath.domain.stage_kinds.attribute_filter import AttributeFilterParameters
from desirepath.domain.template import Variables, variables_in
from desirepath.engine.serving.explaining import FIRST_FILTERED
from desirepath.engine.serving.filters import all_of, both
from desirepath.engine.serving.hits import Hit, StageContext, with_documents
from desirepath.engine.serving.matching import first_matching

__all__ = ["fetch", "keep", "run"]

Test = Callable[[Mapping[str, Any]], bool]


def run(parameters: AttributeFilterParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The hits for which the filter holds, in their order; as the first stage, what it fetches.

    Raises
    ------
    MissingInput
        A template has no value.
    InvalidFilter
        With its values it is none.
    """
    return (
        fetch(parameters, context) if context.is_first else keep(parameters.filter, hits, context)
    )


def keep(raw: dict[str, Any], hits: list[Hit], context: StageContext) -> list[Hit]:
    """The hits for which a filter holds, in their order.

    Raises
    ------
    MissingInput
        A template has no value.
    InvalidFilter
        With its values it is none.
    """
    hits = with_documents(hits, context)
    if any(variable.namespace == "doc" for variable in variables_in(raw)):
        return [hit for hit in hits if _holds(raw, hit, context)]
    matches = _compiled(_filter(raw, context, context.filled_by))
    return [hit for hit in hits if matches(_record(hit))]


def _holds(raw: dict[str, Any], hit: Hit, context: StageContext) -> bool:
    """Whether a filter holds that compares a document with itself."""
    record = _record(hit)
    variables = replace(context.filled_by, doc={**(hit.payload or {}), **record})
    return _compiled(_filter(raw, context, variables))(record)


def fetch(parameters: AttributeFilterParameters, context: StageContext) -> list[Hit]:
    """The first documents by id for which the filter holds.

    Raises
    ------
    MissingInput
        A template has no value.
    InvalidFilter
        With its values it is none.
    """
    filter = both(_filter(parameters.filter, context, context.filled_by), context.request_filter)
    return first_matching(context.session.documents, context.namespace, filter, FIRST_FILTERED)


def _filter(raw: dict[str, Any], context: StageContext, variables: Variables) -> Filter | None:
    return all_of([raw], variables, context.left_out, context.relaxations)


def _compiled(filter: Filter | None) -> Test:
    return (lambda _: True) if filter is None else compile_filter(filter)


def _record(hit: Hit) -> dict[str, Any]:
    return {"document_id": hit.document_id, "payload": hit.payload, "metadata": hit.metadata}
