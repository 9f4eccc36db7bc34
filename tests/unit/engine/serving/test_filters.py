"""Filters of stages with values for their templates."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.document import read_document_filter
from desirepath.domain.filters import And, compile_filter
from desirepath.domain.template import Variables
from desirepath.engine.serving.filters import Relaxation, all_of, filled_filter
from desirepath.errors import InvalidFilter, MissingInput

VARIABLES = Variables(inputs={"brand": "x", "most": 20, "brands": ["x", "y"]})
OPTIONAL = {"colour", "size"}
COLOUR, SIZE = "{{INPUT.colour}}", "{{INPUT.size.eu}}"


@pytest.mark.parametrize(
    ("raw", "filled"),
    [
        ({"brand": "{{INPUT.brand}}"}, {"brand": "x"}),
        ({"price": {"lt": "{{INPUT.most}}"}}, {"price": {"lt": 20}}),
        (
            {"field": "brand", "operator": "in", "value": "{{INPUT.brands}}"},
            {"field": "brand", "operator": "in", "value": ["x", "y"]},
        ),
        ({"AND": [{"a": 1}], "case_sensitive": True}, {"AND": [{"a": 1}], "case_sensitive": True}),
        ({}, {}),
        ({"OR": []}, {"OR": []}),
        # What compares with an optional input that is not there goes.
        ({"colour": COLOUR}, {}),
        ({"colour": COLOUR, "brand": "x"}, {"brand": "x"}),
        ({"field": "colour", "value": COLOUR}, {}),
        ({"OR": [{"colour": COLOUR}, {"brand": "x"}]}, {"OR": [{"brand": "x"}]}),
        ({"OR": [{"colour": COLOUR}, {"size": SIZE}]}, {}),
        ({"a": 1, "OR": [{"AND": [{"colour": COLOUR}]}]}, {"a": 1}),
        ({"NOT": [{"colour": COLOUR}], "a": 1}, {"a": 1}),
        ({"NOT": {"colour": COLOUR, "b": 2}}, {"NOT": {"b": 2}}),
        ({"colour": {"type": "dynamic", "field": "inputs.colour"}}, {}),
        ({"colour": COLOUR, "case_sensitive": True}, {}),
    ],
    ids=str,
)
def test_filled(raw: dict[str, Any], filled: dict[str, Any]) -> None:
    assert filled_filter(raw, VARIABLES, OPTIONAL) == filled


def test_what_was_left_out_is_told() -> None:
    relaxations: list[Relaxation] = []
    raw = {"colour": COLOUR, "OR": [{"field": "size", "operator": "lt", "value": SIZE}]}
    filled_filter(raw, VARIABLES, OPTIONAL, relaxations)
    assert relaxations == [
        Relaxation(field="colour", input="colour"),
        Relaxation(field="size", input="size.eu"),
    ]


def test_an_input_that_is_not_optional_is_missed() -> None:
    for raw in ({"a": "{{INPUT.other}}"}, {"a": "{{DOC.colour}}"}, {"a": "{{CONTEXT.colour}}"}):
        with pytest.raises(MissingInput):
            filled_filter(raw, VARIABLES, OPTIONAL)


def test_an_empty_group_is_never_tighter_than_the_one_that_was_sent() -> None:
    """An OR without children matches nothing; one whose children all went must not."""
    filter = all_of([{"OR": [{"colour": COLOUR}]}], VARIABLES, OPTIONAL)
    assert filter is None or compile_filter(filter)({"payload": {}})


def test_all_of() -> None:
    assert all_of([], VARIABLES) is None
    assert all_of([None, {}], VARIABLES) is None
    one = read_document_filter({"brand": "x"})
    assert all_of([None, {"brand": "{{INPUT.brand}}"}], VARIABLES) == one
    two = read_document_filter({"price": {"lt": 20}})
    both = all_of([{"brand": "x"}, {"price": {"lt": "{{INPUT.most}}"}}], VARIABLES)
    assert one is not None
    assert two is not None
    assert both == And((one, two))
    with pytest.raises(InvalidFilter):
        all_of([{"brand": {"in": "{{INPUT.brand}}"}}], VARIABLES)
