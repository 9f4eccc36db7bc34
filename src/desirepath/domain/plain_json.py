"""JSON that means the same to every database: read strictly, written canonically.

Python, SQLite and PostgreSQL disagree about NUL, lone surrogates, duplicate keys, NaN and large
integers. What any of them would change or refuse is refused here, before storage, so that the
answer does not depend on the database behind it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from desirepath.errors import MalformedJSON

__all__ = [
    "MAX_DEPTH",
    "at_path",
    "canonical_json",
    "check_plain",
    "decode_json",
    "encode_json",
    "object_text",
    "without_nan",
]

MAX_DEPTH = 32
_TOO_DEEP = f"The body is nested deeper than {MAX_DEPTH} levels."
MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)

_decode = msgspec.json.Decoder().decode
_KEY_TOKEN = re.compile(rb'"\s*:')

encode_json = msgspec.json.Encoder().encode
canonical_json = msgspec.json.Encoder(order="sorted").encode


def object_text(value: dict[str, Any] | None) -> str | None:
    """An object as JSON text, which is how it is stored."""
    return None if value is None else encode_json(value).decode()


def at_path(value: object, path: str) -> Any:
    """What is at a dot path of an object; None where nothing is.

    >>> at_path({"price": {"eur": 9}}, "price.eur"), at_path({"price": 9}, "price.eur")
    (9, None)
    """
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def without_nan(value: Any) -> Any:
    """A plain value with null for numbers that JSON does not have.

    >>> without_nan({"mean": float("nan"), "of": [1, 2.0]})
    {'mean': None, 'of': [1, 2.0]}
    """
    if isinstance(value, dict):
        return {key: without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def decode_json(body: bytes) -> Any:
    """Read a body of one JSON document.

    Cheap tests on the bytes decide whether the careful walks are needed: a body without ``\\u``
    cannot hide a NUL, and one with as many key tokens as decoded keys no duplicate key.

    Raises
    ------
    MalformedJSON
        Not JSON in UTF-8, nested deeper than 32, a key given twice, a NUL character, a lone
        surrogate, an integer beyond 64 bits, or a number that is not finite.

    Examples
    --------
    >>> decode_json(b'{"position": 2}')
    {'position': 2}
    >>> decode_json(b'{"a": 1, "a": 2}')
    Traceback (most recent call last):
    desirepath.errors.MalformedJSON: An object has the same key twice.
    """
    try:
        value = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJSON("The body is not one JSON document in UTF-8.") from error
    if b"\\u" in body:
        check_plain(value)
    if len(_KEY_TOKEN.findall(body)) != _survey(value, 0):
        _refuse_duplicate_keys(body)
    return value


def check_plain(value: object, depth: int = 0) -> None:
    """Walk a decoded value and refuse what a database would change.

    Raises
    ------
    MalformedJSON
        As :func:`decode_json`.
    """
    kind = type(value)
    if kind is str:
        _check_text(value)  # type: ignore[arg-type]
    elif kind is int:
        if not MIN_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise MalformedJSON("An integer does not fit into 64 bits.")
    elif kind is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise MalformedJSON("A number is not finite.")
    elif kind is dict or kind is list:
        if depth >= MAX_DEPTH:
            raise MalformedJSON(_TOO_DEEP)
        if kind is dict:
            for key in value:  # type: ignore[attr-defined]
                if type(key) is not str:
                    raise MalformedJSON("An object key is not a string.")
                _check_text(key)
            value = value.values()  # type: ignore[attr-defined]
        for item in value:  # type: ignore[attr-defined]
            check_plain(item, depth + 1)
    elif value is not None and kind is not bool:
        raise MalformedJSON("A value is not one of JSON's types.")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise MalformedJSON("A text contains the NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise MalformedJSON("A text contains a lone surrogate.") from error


def _survey(value: object, depth: int) -> int:
    """Count the keys, and refuse deep nesting and integers beyond 64 bits on the way."""
    kind = type(value)
    if kind is dict:
        keys = len(value)  # type: ignore[arg-type]
        items = value.values()  # type: ignore[attr-defined]
    elif kind is list:
        keys, items = 0, value
    else:
        keys, items = 0, (value,)
    for item in items:
        kind = type(item)
        if kind is dict or kind is list:
            if depth >= MAX_DEPTH - 1:
                raise MalformedJSON(_TOO_DEEP)
            keys += _survey(item, depth + 1)
        elif kind is int and not MIN_INTEGER <= item <= MAX_INTEGER:
            raise MalformedJSON("An integer does not fit into 64 bits.")
    return keys


def _refuse_duplicate_keys(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = dict(pairs)
        if len(keys) != len(pairs):
            raise MalformedJSON("An object has the same key twice.")
        return keys

    # The key tokens may also be text that looks like keys, so this is a look, not a verdict.
    json.loads(body, object_pairs_hook=unique, parse_int=float)
