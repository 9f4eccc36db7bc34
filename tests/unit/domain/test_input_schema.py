"""Which inputs a retriever takes, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.input_schema import (
    MAX_FIELDS,
    InputType,
    breaking_changes,
    plain_schema,
    read_input_schema,
    resolve_inputs,
)
from desirepath.errors import InvalidRetriever, InvalidSearch, MissingInput

SCHEMA = read_input_schema(
    {
        "query": {"type": "text", "required": True},
        "k": {"type": "integer", "default": 10},
        "colour": {"type": "string", "enum": ["red", "blue"]},
    }
)


def refusal(plain: dict[str, Any]) -> InvalidRetriever:
    with pytest.raises(InvalidRetriever) as caught:
        read_input_schema(plain)
    return caught.value


def one(value: object, **field: Any) -> None:
    resolve_inputs(read_input_schema({"x": field}), {"x": value})


@pytest.mark.parametrize(
    ("plain", "fields"),
    [
        ({}, {}),
        ({"q": {"type": "text"}}, {"q": {"type": "text"}}),
        ({"properties": {"q": {"type": "text"}}}, {"q": {"type": "text"}}),
        (
            {"type": "object", "properties": {"q": {"type": "text"}}, "required": ["q"]},
            {"q": {"type": "text", "required": True}},
        ),
        # A field that is called properties, and one that is called type.
        ({"properties": {"type": "object"}}, {"properties": {"type": "object"}}),
        ({"properties": {"type": {"type": "text"}}}, {"type": {"type": "text"}}),
        ({"properties": {"q": 1}, "required": "q"}, {"q": 1}),
    ],
)
def test_both_forms_are_fields_by_name(plain: dict[str, Any], fields: dict[str, Any]) -> None:
    assert plain_schema(plain) == fields


@pytest.mark.parametrize("plain", [None, [], "query", 1])
def test_a_schema_is_an_object(plain: object) -> None:
    with pytest.raises(InvalidRetriever):
        plain_schema(plain)


@pytest.mark.parametrize(
    ("field", "location"),
    [
        ({}, ()),
        ("text", ()),
        ({"type": "varchar"}, ("type",)),
        ({"type": "text", "required": "yes"}, ("required",)),
        ({"type": "text", "default": 1}, ("default",)),
        ({"type": "text", "enum": [1]}, ("enum",)),
        ({"type": "text", "enum": ["a"], "default": "b"}, ("default",)),
        ({"type": "array", "items": {"type": "x"}}, ("items", "type")),
        ({"type": "object", "properties": {"a": {}}}, ("properties",)),
    ],
)
def test_what_is_no_field_is_refused(field: object, location: tuple[str, ...]) -> None:
    found = refusal({"good": {"type": "text"}, "<b>": field})
    assert found.location == ("input_schema", *location)
    assert found.message.startswith("Input 2: ")
    assert "<b>" not in found.message


@pytest.mark.parametrize("name", ["", " "])
def test_an_input_has_a_name(name: str) -> None:
    assert refusal({name: {"type": "text"}}).location == ("input_schema",)


def test_an_unknown_type_lists_the_known_ones() -> None:
    assert all(kind in refusal({"q": {"type": "varchar"}}).message for kind in InputType)


def test_there_is_a_most() -> None:
    field = {"type": "text"}
    assert read_input_schema({str(n): field for n in range(MAX_FIELDS)})
    refusal({str(n): field for n in range(MAX_FIELDS + 1)})


def test_other_keys_of_a_field_are_kept_and_mean_nothing() -> None:
    assert read_input_schema({"q": {"type": "text", "placeholder": "Search"}})["q"].type == "text"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["", "a"], [1, True, ["a"], {}]),
        ("text", ["a"], [1]),
        ("image", ["https://a/b.png"], [b"", 1]),
        ("integer", [0, -5, 2**40], [1.0, "1", True]),
        ("number", [0, 1.5], ["1", True]),
        ("float", [0, 1.5], ["1", False]),
        ("boolean", [True, False], [0, "true"]),
        ("object", [{}, {"a": 1}], [[], "{}"]),
        ("array", [[], [1, "a"]], [{}, "[]"]),
        ("date", ["2026-01-31"], ["31.1.2026", 20260131]),
        ("datetime", ["2026-01-31T10:00:00Z", "2026-01-31"], ["now", 1]),
        ("document_reference", [{"document_id": "d"}], ["d", {}, {"document_id": 1}]),
    ],
)
def test_types(kind: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        one(value, type=kind)
    for value in bad:
        with pytest.raises(InvalidSearch) as caught:
            one(value, type=kind)
        assert caught.value.location == ("inputs", "x")


def test_insides_are_checked() -> None:
    field = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"id": {"type": "text", "required": True}, "n": {"type": "integer"}},
        },
    }
    one([{"id": "a"}, {"id": "b", "n": 1, "more": None}], **field)
    for value, path in (
        ([{"id": "a"}, 1], (1,)),
        ([{"n": 1}], (0, "id")),
        ([{"id": "a", "n": "1"}], (0, "n")),
    ):
        with pytest.raises(InvalidSearch) as caught:
            one(value, **field)
        assert caught.value.location == ("inputs", "x", *path)


def test_enum_is_as_json_compares() -> None:
    one(1, type="number", enum=[1])
    one(1.0, type="number", enum=[1])
    with pytest.raises(InvalidSearch):
        one(2, type="number", enum=[1])
    with pytest.raises(InvalidSearch):
        one([True], type="array", items={"type": "boolean", "enum": [False]})


def test_inputs_are_completed() -> None:
    resolved = resolve_inputs(SCHEMA, {"query": "shoes"})
    assert resolved.values == {"query": "shoes", "k": 10}
    assert (resolved.provided_keys, resolved.ignored_keys) == (["query"], [])
    assert resolved.inferred == {"k": 10}
    assert resolved.left_out == {"colour"}


def test_null_is_as_good_as_left_out() -> None:
    resolved = resolve_inputs(SCHEMA, {"query": "shoes", "k": None, "colour": None})
    assert resolved.values == {"query": "shoes", "k": 10}
    with pytest.raises(MissingInput):
        resolve_inputs(SCHEMA, {"query": None})


def test_a_required_input_is_named_when_it_is_missing() -> None:
    with pytest.raises(MissingInput) as caught:
        resolve_inputs(SCHEMA, {"k": 1})
    assert (caught.value.name, caught.value.location) == ("inputs.query", ("inputs", "query"))
    assert "inputs.query" in caught.value.message


def test_what_is_not_declared_is_kept_and_told_unless_something_reads_it() -> None:
    inputs = {"query": "shoes", "user_id": "kim", "color": "red"}
    resolved = resolve_inputs(SCHEMA, inputs, used={"user_id"})
    assert resolved.values == inputs | {"k": 10}
    assert resolved.ignored_keys == ["color"]


def test_without_a_schema_anything_goes() -> None:
    inputs = {"a": 1, "b": [None], "c": None}
    resolved = resolve_inputs({}, inputs)
    assert resolved.values == {"a": 1, "b": [None]}
    assert (resolved.provided_keys, resolved.ignored_keys) == (["a", "b", "c"], [])
    assert resolve_inputs({}, inputs, used=["a"]).ignored_keys == ["b", "c"]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"q": {"type": "text"}}, {"q": {"type": "text", "default": "x"}}, []),
        ({"q": {"type": "text"}}, {"q": {"type": "text"}, "k": {"type": "integer"}}, []),
        ({}, {"k": {"type": "integer", "required": True, "default": 3}}, []),
        ({"q": {"type": "text", "required": True}}, {"q": {"type": "text"}}, []),
        (
            {"q": {"type": "text", "required": True}},
            {"q": {"type": "text", "required": True, "description": "What."}},
            [],
        ),
        ({"q": {"type": "text"}}, {}, ["q is removed."]),
        ({"q": {"type": "text"}}, {"q": {"type": "string"}}, ["q changes its type."]),
        (
            {"q": {"type": "text"}},
            {"q": {"type": "text", "required": True}},
            ["q becomes required."],
        ),
        (
            {"q": {"type": "text", "required": True, "default": "x"}},
            {"q": {"type": "text", "required": True}},
            ["q becomes required."],
        ),
        ({}, {"q": {"type": "text", "required": True}}, ["q is new and required."]),
        (
            {"q": {"type": "text"}},
            {"q": {"type": "text", "enum": ["a"]}},
            ["q takes fewer values."],
        ),
        (
            {"q": {"type": "text", "enum": ["a"]}},
            {"q": {"type": "text", "enum": ["a", "b"]}},
            [],
        ),
        (
            {"q": {"type": "array", "items": {"type": "text"}}},
            {"q": {"type": "array", "items": {"type": "number"}}},
            ["q[] changes its type."],
        ),
        (
            {"q": {"type": "object", "properties": {"a": {"type": "text"}}}},
            {"q": {"type": "object", "properties": {"b": {"type": "text", "required": True}}}},
            ["q.b is new and required.", "q.a is removed."],
        ),
    ],
)
def test_breaking_changes(
    before: dict[str, Any], after: dict[str, Any], changes: list[str]
) -> None:
    assert changes == breaking_changes(read_input_schema(before), read_input_schema(after))
