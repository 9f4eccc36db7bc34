"""JSON that means the same to every database."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.plain_json import (
    MAX_DEPTH,
    canonical_json,
    check_plain,
    decode_json,
    encode_json,
)
from desirepath.errors import MalformedJSON

texts = st.text(max_size=8).filter(lambda text: "\x00" not in text)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(value=values)
def test_whatever_is_encoded_decodes_to_the_same(value: Any) -> None:
    indented = json.dumps(value, indent=2).encode()
    for body in (encode_json(value), json.dumps(value).encode(), indented):
        decoded = decode_json(body)
        assert decoded == value
        assert repr(decoded) == repr(value)  # 1 is not 1.0, nor 0.0 -0.0
    check_plain(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"nul",
        b"{",
        b"{} {}",
        b"[1,]",
        b"{'a': 1}",
        b"{a: 1}",
        b"// comment\n{}",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e400",
        b'{"a": -1e400}',
        b"01",
        b"+1",
        b".5",
        b"0x10",
        b'"\t"',
        b'"\x00"',
        b'"\\x41"',
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\xc0\xaf"',
        b'"\xed\xa0\x80"',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1}\x00',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\udfff": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJSON):
        decode_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b'"\\u0000"',
        b'{"a": ["b\\u0000"]}',
        b'{"\\u0000": 1}',
        b'{"a\\u0000b": 1}',
    ],
)
def test_nul_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJSON, match="NUL"):
        decode_json(body)


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**30, 10**300])
@pytest.mark.parametrize("body", ["%d", "[%d]", '{"a": {"b": [1, %d]}}'])
def test_integers_beyond_64_bits_are_refused(number: int, body: str) -> None:
    with pytest.raises(MalformedJSON):
        decode_json((body % number).encode())


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_integers_of_64_bits_are_kept(number: int) -> None:
    assert decode_json(b"[%d]" % number) == [number]


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a"\n\t : 1, "b": 2, "a":3}',
        b'[{"x": {"a": 1, "b": 2, "a": 3}}]',
        b'{"a": "b\\": ", "c": 1, "c": 2}',
        b'{"": 1, "": 2}',
        b'{"a": 1, "b": {"a": 1}, "a": 2}',
        '{"é": 1, "\\u00e9": 2}'.encode(),
    ],
)
def test_a_key_given_twice_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJSON, match="twice"):
        decode_json(body)


@pytest.mark.parametrize(
    "value",
    [
        {"a": '": '},
        {"a": '":":":'},
        {'a":': 1, 'a" :': 2},
        {"a": {"a": {"a": 1}}},
        [{"a": 1}, {"a": 2}],
        {"text": '{"a": 1, "a": 2}'},
        {"big": 10**17, "quote": '"  :'},
        {"é": 1, "e\u0301": 2},
    ],
)
def test_what_only_looks_like_a_repeated_key_is_not(value: Any) -> None:
    assert decode_json(encode_json(value)) == value


@pytest.mark.parametrize(
    ("opening", "closing", "levels"),
    [("[", "]", MAX_DEPTH), ('{"a":', "}", MAX_DEPTH), ('[{"a":', "}]", MAX_DEPTH // 2)],
)
def test_nesting_has_a_limit(opening: str, closing: str, levels: int) -> None:
    deepest = (opening * levels + "1" + closing * levels).encode()
    check_plain(decode_json(deepest))
    with pytest.raises(MalformedJSON, match="deeper"):
        decode_json(b"[" + deepest + b"]")
    with pytest.raises(MalformedJSON, match="deeper"):
        check_plain([json.loads(deepest)])


def test_breadth_has_none() -> None:
    wide: list[Any] = [{"a": []}] * 1000
    assert decode_json(encode_json(wide)) == wide


@pytest.mark.parametrize(
    "value",
    [
        "\x00",
        {"\x00": 1},
        "\ud800",
        ["a", {"b": "\udfff"}],
        {"\ud800": 1},
        2**63,
        -(2**63) - 1,
        math.nan,
        math.inf,
        {"a": [-math.inf]},
        {1: "a"},
        {None: 1},
        (1, 2),
        b"bytes",
        object(),
        {"a": {1, 2}},
    ],
)
def test_a_value_that_a_database_would_change_is_refused(value: object) -> None:
    with pytest.raises(MalformedJSON):
        check_plain(value)


@given(value=st.dictionaries(texts, values, max_size=5))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(turned)
    assert decode_json(canonical_json(value)) == value


def test_messages_hold_nothing_that_was_sent() -> None:
    for body in (b'{"secret": "\\u0000"}', b'{"secret": 1, "secret": 2}', b'{"secret": 1e999}'):
        with pytest.raises(MalformedJSON) as caught:
            decode_json(body)
        assert "secret" not in str(caught.value)
