"""Filters in the definition of a retriever: the grammar of lists, with templates for values."""

from __future__ import annotations

from typing import Any

from desirepath.domain.document import read_document_filter
from desirepath.domain.filters.tree import NULL_OPERATORS, SET_OPERATORS
from desirepath.domain.template import as_template, variables_in
from desirepath.errors import InvalidFilter, InvalidRetriever

__all__ = ["check_filter"]

_GROUPS = ("AND", "OR", "NOT")


def check_filter(raw: dict[str, Any]) -> None:
    """Refuse a filter that no search could use, whatever its templates will stand for.

    Raises
    ------
    InvalidRetriever
        It breaks the grammar.
    """
    try:
        read_document_filter(_without_templates(raw))
    except InvalidFilter as error:
        raise InvalidRetriever(error.message, error.location) from error


def _without_templates(raw: Any) -> Any:
    """The filter with something that fits in the place of each template."""
    if isinstance(raw, list):
        return [_without_templates(item) for item in raw]
    if not isinstance(raw, dict):
        return raw
    if "field" in raw and ("value" in raw or "operator" in raw):
        if as_template(raw["field"]) is not None:
            return {}
        return {**raw, "value": _operand(raw.get("operator"), raw.get("value"))}
    return {
        key: _without_templates(value) if key in _GROUPS else _shorthand(value)
        for key, value in raw.items()
    }


def _shorthand(value: Any) -> Any:
    if isinstance(value, dict) and as_template(value) is None:
        return {operator: _operand(operator, operand) for operator, operand in value.items()}
    return _operand("in" if isinstance(value, list) else "eq", value)


def _operand(operator: object, value: Any) -> Any:
    if next(variables_in(value), None) is None:
        return value
    name = operator.removeprefix("$") if isinstance(operator, str) else "eq"
    if name in SET_OPERATORS:
        return []
    return True if name in NULL_OPERATORS else "x"
