"""Filters of stages: their templates filled in, what lacks its optional input left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from msgspec import Struct

from desirepath.domain.document import read_document_filter
from desirepath.domain.filters import And, Filter
from desirepath.domain.template import Variables, render
from desirepath.errors import MissingInput

__all__ = ["Relaxation", "all_of", "both", "filled_filter"]

_GROUPS = ("AND", "OR", "NOT")
_LEFT_OUT = object()


class Relaxation(Struct, frozen=True, kw_only=True):
    """A condition that was left out, as the input that it compares with was."""

    field: str
    input: str


def filled_filter(
    raw: dict[str, Any],
    variables: Variables,
    left_out: Collection[str] = (),
    relaxations: list[Relaxation] | None = None,
) -> dict[str, Any]:
    """A filter with values for its templates.

    Parameters
    ----------
    left_out
        Inputs that the retriever declares, does not require, and has no value for: a condition on
        one of them is left out, and added to ``relaxations``.

    Raises
    ------
    MissingInput
        Another input has no value.

    Examples
    --------
    >>> raw = {"brand": "{{INPUT.brand}}", "OR": [{"colour": "{{INPUT.colour}}"}, {"size": 5}]}
    >>> filled_filter(raw, Variables(inputs={"brand": "x"}), left_out={"colour"})
    {'brand': 'x', 'OR': [{'size': 5}]}
    """
    filler = _Filler(variables, left_out, [] if relaxations is None else relaxations)
    filled = filler.node(raw)
    return filled if isinstance(filled, dict) else {}


def all_of(
    raws: Iterable[dict[str, Any] | None],
    variables: Variables,
    left_out: Collection[str] = (),
    relaxations: list[Relaxation] | None = None,
) -> Filter | None:
    """One filter on documents that holds where all of some do; None when there is nothing to hold.

    Parameters
    ----------
    raws
        As they were sent, None for none.
    left_out, relaxations
        As for :func:`filled_filter`.

    Raises
    ------
    MissingInput
        An input has no value.
    InvalidFilter
        With the values of its templates one of them is no filter.
    """
    parsed = [
        read_document_filter(filled_filter(raw, variables, left_out, relaxations))
        for raw in raws
        if raw
    ]
    return both(*parsed)


def both(*filters: Filter | None) -> Filter | None:
    """One filter that holds where all of some do; None when there is nothing to hold."""
    present = tuple(filter for filter in filters if filter is not None)
    return present[0] if len(present) == 1 else And(present) if present else None


class _Filler:
    """Fills one filter.

    A group that loses all of its conditions goes too: an empty OR would match nothing.
    """

    def __init__(
        self, variables: Variables, left_out: Collection[str], relaxations: list[Relaxation]
    ) -> None:
        self._variables = variables
        self._left_out = left_out
        self._relaxations = relaxations

    def node(self, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw  # the grammar refuses it
        if "field" in raw and ("value" in raw or "operator" in raw):
            return self._value(str(raw["field"]), raw)
        filled = {}
        for key, value in raw.items():
            part = self._group(value) if key in _GROUPS else self._value(key, value)
            if part is not _LEFT_OUT:
                filled[key] = part
        return filled if filled.keys() - {"case_sensitive"} or not raw else _LEFT_OUT

    def _group(self, raw: Any) -> Any:
        if not isinstance(raw, list):
            return self.node(raw)
        children = [child for child in map(self.node, raw) if child is not _LEFT_OUT]
        return children if children or not raw else _LEFT_OUT

    def _value(self, field: str, raw: Any) -> Any:
        try:
            return render(raw, self._variables)
        except MissingInput as missing:
            namespace, _, name = missing.name.partition(".")
            if namespace != "inputs" or name.split(".")[0] not in self._left_out:
                raise
            self._relaxations.append(Relaxation(field=field, input=name))
            return _LEFT_OUT
