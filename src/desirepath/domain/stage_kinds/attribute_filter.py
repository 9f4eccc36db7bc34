"""Stage ``attribute_filter``: keeps the documents for which a filter holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from desirepath.domain.checks import Id
from desirepath.domain.stage_kinds.base import (
    Parameters,
    StageKind,
    StageType,
    inside,
    read_struct,
)
from desirepath.domain.stage_kinds.document_filter import check_filter
from desirepath.errors import InvalidRetriever

__all__ = ["ATTRIBUTE_FILTER", "AttributeFilterParameters"]

_GROUPS = ("AND", "OR", "NOT")


class AttributeFilterParameters(Parameters, frozen=True, kw_only=True):
    """Keep documents for which a filter holds."""

    field: Annotated[
        Id | None, Meta(description="Path of a field, for one condition. May be a template.")
    ] = None
    operator: Annotated[str | None, Meta(description="An operator of filters; eq when absent.")] = (
        None
    )
    value: Annotated[Any, Meta(description="What to compare with. May be a template.")] = None
    conditions: Annotated[
        dict[str, Any] | None,
        Meta(description="A whole filter instead; AND, OR and NOT may also stand here."),
    ] = None
    case_insensitive: Annotated[
        bool, Meta(description="Whether texts are found in whatever case.")
    ] = False
    batch_size: Annotated[int, Meta(ge=1, le=1_000, description="Accepted, not applied.")] = 100
    natural_language: Annotated[str | None, Meta(description="Not available.")] = None
    field_hints: Annotated[list[str] | None, Meta(description="Accepted, not applied.")] = None

    @property
    def filter(self) -> dict[str, Any]:
        """The filter, its templates still in it."""
        condition: dict[str, Any] = self.conditions or {
            "field": self.field,
            "operator": self.operator or "eq",
            "value": self.value,
        }
        return {"case_sensitive": not self.case_insensitive} | condition


def _read(plain: Mapping[str, Any], lenient: bool) -> AttributeFilterParameters:
    values = dict(plain)
    groups = {name: values.pop(name) for name in _GROUPS if name in values}
    if groups and values.setdefault("conditions", groups) is not groups:
        raise InvalidRetriever("Give conditions, or AND, OR and NOT, not both.", ("conditions",))
    parameters = read_struct(values, AttributeFilterParameters, lenient)
    if parameters.natural_language is not None:
        raise InvalidRetriever(
            "Filters in natural language are not available; give conditions.",
            ("natural_language",),
        )
    if (parameters.field is None) is (parameters.conditions is None):
        raise InvalidRetriever("Give field, operator and value, or conditions.", ("field",))
    with inside(*(("conditions",) if parameters.conditions is not None else ())):
        check_filter(parameters.filter)
    return parameters


ATTRIBUTE_FILTER = StageKind(
    stage_id="attribute_filter",
    stage_type=StageType.FILTER,
    parameters=AttributeFilterParameters,
    read=_read,
    description="Keeps the documents for which a filter on their fields holds. As the first stage "
    "it fetches them.",
    icon="filter",
    use_cases=("Only what is in stock", "Only what the visitor chose"),
    example={"field": "in_stock", "operator": "eq", "value": True},
)
