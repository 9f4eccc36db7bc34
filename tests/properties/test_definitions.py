"""Whatever is sent as a definition or as inputs, it is read or refused, and never breaks us."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.input_schema import read_input_schema, resolve_inputs
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.domain.retriever_changes import changed, read_patch
from desirepath.domain.stage import read_stages
from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.domain.stage_kinds.query import read_query
from desirepath.domain.template import Variables, read_template, render
from desirepath.engine.serving.filters import all_of
from desirepath.errors import InvalidFilter, InvalidRetriever, InvalidSearch
from desirepath.testing.clock import START

words = st.sampled_from(
    [
        *("", " ", "a", "score", "text://title", "image", "vector://", "rrf", "learned", "skip"),
        *("{{INPUT.a}}", "{{INPUT.a | default(1)}}", "{{", "}}", "{{a}}", "{%", "{{DOC.b.0}}"),
        *("feature_search", "attribute_filter", "mmr", "limit", "rerank", "\x00", "é" * 200, "$in"),
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats()
    | words
    | st.text(max_size=8)
)
keys = st.sampled_from(
    [
        *("stage_name", "stage_id", "stage_type", "type", "config", "parameters", "pre_filters"),
        *("searches", "feature_uri", "query", "input_mode", "value", "values", "document_ref"),
        *("field", "operator", "conditions", "AND", "OR", "NOT", "weights", "fields", "limit"),
        *("learning_config", "fusion", "on_empty", "filters", "content", "text", "a", "in", "$lt"),
    ]
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)

FULL: dict[str, Any] = {
    "retriever_name": "shop",
    "stages": [
        {
            "stage_name": kind.stage_id,
            "config": {
                "stage_id": kind.stage_id,
                "parameters": dict(kind.example),
                "pre_filters": {"OR": [{"a": "{{INPUT.a}}"}, {"b": {"in": ["x", 1]}}]},
            },
        }
        for kind in STAGE_KINDS.values()
    ],
    "input_schema": {
        "a": {"type": "array", "items": {"type": "text"}, "default": ["x"]},
        "b": {"type": "object", "properties": {"c": {"type": "integer", "required": True}}},
    },
    "budget_limits": {"max_time_ms": 5},
    "tags": ["x"],
}


def places(value: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    for key, item in items:
        yield (*at, key)
        yield from places(item, (*at, key))


PLACES = [*places(FULL)]


def with_value(place: tuple[Any, ...], value: object) -> dict[str, Any]:
    """The definition with another value in a place."""
    definition = copy.deepcopy(FULL)
    inner: Any = definition
    for step in place[:-1]:
        if isinstance(inner[step], tuple):
            inner[step] = list(inner[step])
        inner = inner[step]
    inner[place[-1]] = value
    return definition


def test_the_definition_is_one() -> None:
    assert len(read_retriever(FULL).stages) == len(STAGE_KINDS)


@given(place=st.sampled_from(PLACES), value=values, lenient=st.booleans())
def test_a_definition_with_anything_in_any_place(
    place: tuple[Any, ...], value: object, lenient: bool
) -> None:
    plain = with_value(place, value)
    try:
        draft = read_retriever(plain, lenient=lenient)
    except InvalidRetriever:
        return
    again = read_retriever(
        {name: getattr(draft, name) for name in ("retriever_name", "stages", "input_schema")},
        lenient=lenient,
    )
    assert again.stages == draft.stages
    stored = Retriever(
        id=b"", namespace=1, retriever_id="r", draft=draft, version=1, created_at=0, updated_at=0
    )
    assert stored.problem is None
    assert len(stored.stages) == len(draft.stages)


@given(stages=st.lists(values, max_size=3), lenient=st.booleans())
def test_anything_as_stages(stages: list[Any], lenient: bool) -> None:
    try:
        read = read_stages(stages, lenient)
    except InvalidRetriever:
        return
    assert read_stages([stage.sent for stage in read], lenient) == read


@given(plain=values)
def test_anything_as_a_patch(plain: object) -> None:
    shop = Retriever(
        id=b"",
        namespace=1,
        retriever_id="r",
        draft=read_retriever(FULL),
        version=1,
        created_at=START,
        updated_at=START,
    )
    for body in (plain, {"stages": plain}, {"input_schema": plain}, {"tags": plain}):
        with suppress(InvalidRetriever):
            changed(shop, read_patch(body))


@given(text=st.text("{}INPUTinput.abc_ |default('\"1)[]%#\\\n", max_size=40), inputs=values)
def test_anything_as_a_template(text: str, inputs: object) -> None:
    try:
        template = read_template(text)
    except InvalidRetriever:
        return
    try:
        rendered = render(text, Variables(inputs={"a": inputs, "bc": 1}))
    except InvalidSearch:
        return
    assert template is not None or rendered == text


@given(schema=st.dictionaries(keys, values, max_size=3), inputs=st.dictionaries(keys, values))
def test_anything_as_a_schema_and_as_inputs(schema: dict[str, Any], inputs: dict[str, Any]) -> None:
    try:
        read = read_input_schema(schema)
    except InvalidRetriever:
        read = read_input_schema(FULL["input_schema"])
    try:
        resolved = resolve_inputs(read, inputs)
    except InvalidSearch:
        return
    assert set(resolved.ignored_keys) <= set(inputs)
    assert all(resolved.values[name] is not None for name in resolved.values)
    assert resolve_inputs(read, resolved.values).values == resolved.values


@given(plain=values, inputs=st.dictionaries(st.sampled_from("abc"), values))
def test_anything_as_a_query(plain: object, inputs: dict[str, Any]) -> None:
    for body in (plain, {"value": plain}, {"input_mode": "vector", "value": "{{INPUT.a}}"}):
        try:
            query = read_query(body, False)
        except InvalidRetriever:
            continue
        try:
            asked = query.asked(Variables(inputs=inputs))
        except (InvalidSearch, InvalidRetriever):
            continue
        assert asked is None or isinstance(asked, str | list)


@given(raw=st.dictionaries(keys, values, max_size=4), inputs=st.dictionaries(keys, values))
def test_anything_as_a_filter(raw: dict[str, Any], inputs: dict[str, Any]) -> None:
    with suppress(InvalidFilter, InvalidSearch, InvalidRetriever):
        all_of([raw], Variables(inputs=inputs), left_out={"a"})
