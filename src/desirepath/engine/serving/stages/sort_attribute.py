"""Order by a field."""

from __future__ import annotations

from desirepath.domain.order import sorted_by
from desirepath.domain.stage_kinds.sort_attribute import Direction, SortAttributeParameters
from desirepath.domain.template import render
from desirepath.engine.serving.hits import Hit, StageContext, value_at, with_documents
from desirepath.errors import InvalidSearch

__all__ = ["run"]


def run(parameters: SortAttributeParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """All hits, by the value at ``field``; equal ones stay as they came.

    Raises
    ------
    MissingInput
        The field is a template without a value.
    InvalidSearch
        Its value is no path.
    """
    path = render(parameters.field, context.filled_by)
    if not isinstance(path, str) or not path:
        raise InvalidSearch("A field to sort by is a text.", ("inputs",))
    descending = parameters.direction is Direction.DESC
    present, missing = sorted_by(
        with_documents(hits, context, [path]),
        lambda hit: value_at(hit, path),
        descending=descending,
    )
    if parameters.nulls_last or descending:
        return [*present, *missing]
    return [*missing, *present]
