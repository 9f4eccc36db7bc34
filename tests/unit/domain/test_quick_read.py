"""The quick way reads what the careful way reads, or leaves it to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.interaction import read_interaction
from desirepath.domain.plain_json import decode_json
from desirepath.domain.quick_read import quick_read
from desirepath.errors import InvalidInput

ITEM = '{"feature_id":"a","interaction_type":["click"],"position":0%s}'


def batch(*items: str) -> bytes:
    return ('{"interactions":[' + ",".join(items) + "]}").encode()


def carefully(body: bytes) -> list[Any] | None:
    try:
        items = decode_json(body)["interactions"]
        return [read_interaction(item, checked=True)[0] for item in items]
    except InvalidInput:
        return None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(metadata=st.dictionaries(st.text(), values, max_size=4), compact=st.booleans())
def test_what_is_read_is_what_the_careful_way_reads(
    metadata: dict[str, Any], compact: bool
) -> None:
    item = {"feature_id": "a", "interaction_type": ["click"], "position": 0, "metadata": metadata}
    separators = (",", ":") if compact else (", ", " : ")
    text = json.dumps({"interactions": [item]}, ensure_ascii=False, separators=separators)
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return
    quick = quick_read(body)
    assert quick is None or quick == carefully(body)


def test_a_plain_batch_is_read_quickly() -> None:
    body = batch(ITEM % "", ITEM % ',"user_id":"kim","metadata":{"a":{"b":[1,2]},"c":"x\\"1"}')
    assert quick_read(body) == carefully(body)
    assert quick_read(body) is not None


@pytest.mark.parametrize(
    "more",
    [
        ',"colour":"red"',
        ',"position":1',
        ',"metadata":{"a":1,"a":2}',
        ',"metadata":{"a":9223372036854775808}',
        ',"metadata":{"a":' + "[" * 40 + "]" * 40 + "}",
        ',"metadata":{"a":"\\u0000"}',
        ',"user_id":" "',
        ',"user_id":"' + "é" * 200 + '"',
        ',"result_set_size":0',
        ',"occurred_at":"soon"',
        ',"occurred_at":"2026-01-01","age_ms":5',
        ',"document_id":"a"',
        ',"metadata" :{}',
        ',"metadata":{"a":"x\\":1"}',
        ',"metadata":{"a":{"b":1,"b":2}}',
        ',"metadata":{"a":-9223372036854775809}',
        ',"document_score":99999999999999999999',
        ',"user_id":"\\t"',
        ',"user_id":null',
    ],
)
def test_what_needs_a_closer_look_is_left_to_it(more: str) -> None:
    assert quick_read(batch(ITEM % "", ITEM % more)) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"interactions":1}', b'{"interactions":[1]}']
)
def test_what_is_no_batch_is_left_to_the_careful_way(body: bytes) -> None:
    assert quick_read(body) is None


def test_a_key_beside_the_array_is_left_to_the_careful_way() -> None:
    assert quick_read(batch(ITEM % "")[:-1] + b',"more":1}') is None
