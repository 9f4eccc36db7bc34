"""What templates stand for, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.template import (
    MAX_RENDERED_CHARACTERS,
    Variables,
    as_template,
    read_template,
    render,
    variables_in,
)
from desirepath.errors import InvalidRetriever, InvalidSearch, MissingInput

INPUTS: dict[str, Any] = {
    "query": "red shoes",
    "k": 5,
    "tags": ["red", "new"],
    "shop": {"city": "Köln", "open": True},
    "a b": "spaced",
    "nothing": None,
    "empty": "",
}
VARIABLES = Variables(
    inputs=INPUTS,
    doc={"price": 2.5},
    context={"found": {"n": 3}},
    stage={"search": {"total": 7}},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{INPUT.query}}", "red shoes"),
        ("{{ inputs.query }}", "red shoes"),
        ("{{input.query}}", "red shoes"),
        ("{{Inputs.query}}", "red shoes"),
        ("{{INPUT.tags}}", ["red", "new"]),
        ("{{INPUT.tags.1}}", "new"),
        ("{{INPUT.tags[1]}}", "new"),
        ("{{INPUT['a b']}}", "spaced"),
        ('{{INPUT["shop"].city}}', "Köln"),
        ("{{INPUT.shop}}", {"city": "Köln", "open": True}),
        ("{{INPUT.k}}", 5),
        ("{{INPUT.k }} results", "5 results"),
        ("{{INPUT.query}} in {{INPUT.shop.city}}", "red shoes in Köln"),
        ("{{INPUT.tags}}!", '["red","new"]!'),
        ("{{INPUT.shop.open}} ", "true "),
        ("{{INPUT.empty}}", ""),
        ("{{INPUT.empty | default('x')}}", ""),
        ("{{DOC.price}}", 2.5),
        ("{{doc.price}}", 2.5),
        ("{{CONTEXT.found.n}}", 3),
        ("{{STAGE.search.total}}", 7),
        ("{{INPUT.none | default('all')}}", "all"),
        ("{{INPUT.nothing | default('all')}}", "all"),
        ("{{INPUT.none|d(3)}}", 3),
        ("{{INPUT.none | default(null)}}", None),
        ("{{INPUT.none | default(None)}}", None),
        ("{{INPUT.none | default(True)}}", True),
        ('{{INPUT.none | default("a \\" b")}}', 'a " b'),
        ("<{{INPUT.none | default(null)}}>", "<>"),
        ("{INPUT.query}", "{INPUT.query}"),
        ("}} {", "}} {"),
        ("", ""),
    ],
)
def test_what_a_template_stands_for(text: str, value: object) -> None:
    rendered = render(text, VARIABLES)
    assert (rendered, type(rendered)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{{INPUT.colour}}", "inputs.colour"),
        ("{{INPUT.nothing}}", "inputs.nothing"),
        ("find {{INPUT.colour}}", "inputs.colour"),
        ("{{INPUT.tags.2}}", "inputs.tags.2"),
        ("{{INPUT.tags.99999999999999999999}}", "inputs.tags.99999999999999999999"),
        ("{{INPUT.query.upper}}", "inputs.query.upper"),
        ("{{INPUT.query.__class__}}", "inputs.query.__class__"),
        ("{{INPUT.tags.append}}", "inputs.tags.append"),
        ("{{DOC.colour}}", "doc.colour"),
        ("{{INPUT['no such <name>']}}", "inputs"),
    ],
)
def test_without_a_value_the_input_is_named(text: str, name: str) -> None:
    with pytest.raises(MissingInput) as caught:
        render(text, VARIABLES)
    assert caught.value.name == name
    assert caught.value.location == tuple(name.split("."))


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "{{ }}",
        "{{}}",
        "{{INPUT}}",
        "{{INPUT.}}",
        "{{INPUT.query",
        "{{INPUT.query }",
        "{{INPUT query}}",
        "{{INPUT.a + 1}}",
        "{{INPUT.a()}}",
        "{{INPUT.a | upper}}",
        "{{INPUT.a | default}}",
        "{{INPUT.a | default(}}",
        "{{INPUT.a | default(x)}}",
        "{{INPUT.a | default([])}}",
        "{{INPUT.a | default({})}}",
        "{{INPUT.a | default(1, 2)}}",
        "{{INPUT.a | default('a') | default('b')}}",
        "{{INPUT['a}}",
        "{{SECRET.key}}",
        "{{secret.key}}",
        "{{ENV.HOME}}",
        "{{query}}",
        "{{ 'INPUT.a' }}",
        "{{ [].__class__ }}",
        "{% for x in y %}{% endfor %}",
        "{{INPUT.a}}{# why #}",
        "{{INPUT.a}}" + "x" * 10_000,
    ],
)
def test_what_is_no_placeholder_is_refused(text: str) -> None:
    with pytest.raises(InvalidRetriever):
        read_template(text)


def test_a_value_that_looks_like_a_template_is_not_read_again() -> None:
    variables = Variables(inputs={"a": "{{INPUT.b}}", "b": "secret"})
    assert render("{{INPUT.a}}", variables) == "{{INPUT.b}}"
    assert render("<{{INPUT.a}}>", variables) == "<{{INPUT.b}}>"


def test_every_text_of_a_value_is_filled_in_and_keys_are_not() -> None:
    value = {"{{INPUT.k}}": [1, None, "{{INPUT.k}}", {"in": "{{INPUT.tags}}"}]}
    assert render(value, VARIABLES) == {"{{INPUT.k}}": [1, None, 5, {"in": ["red", "new"]}]}
    assert [variable.name for variable in variables_in(value)] == ["inputs.k", "inputs.tags"]


def test_the_dynamic_value_of_the_sdk_is_a_template() -> None:
    assert render({"type": "dynamic", "field": "inputs.k"}, VARIABLES) == 5
    assert render({"type": "dynamic", "field": "INPUT.none | default(1)"}, VARIABLES) == 1
    other = {"type": "dynamic", "field": "inputs.k", "more": 1}
    assert as_template(other) is None
    assert render(other, VARIABLES) == other
    with pytest.raises(InvalidRetriever):
        as_template({"type": "dynamic", "field": "k"})


def test_texts_that_inputs_make_are_limited() -> None:
    variables = Variables(inputs={"q": "x" * (MAX_RENDERED_CHARACTERS // 2)})
    render(["{{INPUT.q}} "], variables)
    with pytest.raises(InvalidSearch):
        render(["{{INPUT.q}} "] * 2, variables)
