"""What a search asks, in all the forms that clients send."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.stage_kinds.query import MAX_NUMBERS, QueryMode, read_query
from desirepath.domain.template import Variables
from desirepath.errors import InvalidRetriever, InvalidSearch, MissingInput

INPUTS: dict[str, Any] = {
    "query": "red shoes",
    "vector": [1, 0.5],
    "ref": {"document_id": "doc_1", "collection_id": "c"},
    "id": "doc_2",
    "blank": " ",
    "number": 42,
    "flag": True,
    "nested": [[1.0]],
    "empty": [],
}


def asked(plain: object) -> object:
    return read_query(plain, False).asked(Variables(inputs=INPUTS))


@pytest.mark.parametrize(
    ("plain", "mode", "value"),
    [
        ("{{INPUT.query}}", "text", "red shoes"),
        ("shoes", "text", "shoes"),
        ({"input_mode": "text", "value": "{{INPUT.query}}"}, "text", "red shoes"),
        ({"input_mode": "text", "text": "{{INPUT.query}} on sale"}, "text", "red shoes on sale"),
        ({"value": "{{INPUT.number}}"}, "text", "42"),
        ({"input_mode": "text", "value": "x", "embedding_task": "none"}, "text", "x"),
        ({"input_mode": "content", "value": "https://a/b.png"}, "content", "https://a/b.png"),
        ({"input_mode": "content", "content": {"url": "https://a"}}, "content", "https://a"),
        ({"content": {"base64": "aGk="}}, "content", "aGk="),
        ({"input_mode": "content", "value": [1, 2]}, "content", [1.0, 2.0]),
        ({"input_mode": "content", "value": "{{INPUT.vector}}"}, "content", [1.0, 0.5]),
        ({"input_mode": "vector", "value": [1, 0.5]}, "vector", [1.0, 0.5]),
        ({"value": [1, 0.5]}, "vector", [1.0, 0.5]),
        ({"input_mode": "vector", "value": "{{INPUT.vector}}"}, "vector", [1.0, 0.5]),
        ({"document_ref": {"document_id": "doc_1"}}, "document", "doc_1"),
        (
            {
                "input_mode": "document",
                "document_ref": {"document_id": "{{INPUT.id}}", "collection_id": "c"},
            },
            "document",
            "doc_2",
        ),
        ({"input_mode": "document", "document_ref": "{{INPUT.ref}}"}, "document", "doc_1"),
        # Nothing to search with.
        ({"value": "{{INPUT.blank}}"}, "text", None),
        ({"value": ""}, "text", None),
        ({"input_mode": "vector", "value": "{{INPUT.empty}}"}, "vector", None),
        ({"input_mode": "document", "document_ref": {}}, "document", None),
    ],
)
def test_every_form(plain: object, mode: str, value: object) -> None:
    assert (read_query(plain, False).input_mode, asked(plain)) == (QueryMode(mode), value)


@pytest.mark.parametrize(
    "plain",
    [
        None,
        1,
        [],
        {},
        {"input_mode": "text"},
        {"input_mode": "text", "value": [1.0]},
        {"input_mode": "text", "value": {"a": 1}},
        {"input_mode": "audio", "value": "x"},
        {"input_mode": "multi_content", "values": ["a"]},
        {"values": ["a"]},
        {"input_mode": "vector", "value": [[1.0], [2.0]]},
        {"input_mode": "vector", "value": "1,2"},
        {"input_mode": "vector", "value": []},
        {"input_mode": "vector", "value": ["1"]},
        {"input_mode": "vector", "value": [0.0] * (MAX_NUMBERS + 1)},
        {"input_mode": "content"},
        {"input_mode": "content", "content": {}},
        {"input_mode": "document"},
        {"input_mode": "document", "document_ref": {"document_id": 1}},
        {"value": "x", "color": "red"},
    ],
    ids=str,
)
def test_what_is_no_query_is_refused(plain: object) -> None:
    with pytest.raises(InvalidRetriever):
        read_query(plain, False)


def test_lenient_ignores_unknown_keys() -> None:
    assert read_query({"value": "x", "color": "red"}, True).value == "x"


@pytest.mark.parametrize(
    "plain",
    [
        {"value": "{{INPUT.vector}}"},
        {"value": "{{INPUT.flag}}"},
        {"input_mode": "vector", "value": "{{INPUT.query}}"},
        {"input_mode": "vector", "value": "{{INPUT.nested}}"},
        {"input_mode": "content", "value": "{{INPUT.ref}}"},
        {"input_mode": "document", "document_ref": {"document_id": "{{INPUT.number}}"}},
    ],
    ids=str,
)
def test_an_input_that_cannot_be_searched_with_is_refused(plain: object) -> None:
    with pytest.raises(InvalidSearch) as caught:
        asked(plain)
    assert not isinstance(caught.value, MissingInput)
    assert caught.value.location == ("inputs",)


def test_a_missing_input_is_named() -> None:
    with pytest.raises(MissingInput) as caught:
        asked("{{INPUT.none}}")
    assert caught.value.name == "inputs.none"
