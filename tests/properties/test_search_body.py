"""The quick way to read a search says what the careful way says, or nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from desirepath.api import search_body
from desirepath.api.search_body import ExecuteBody, check_search, decode_search
from desirepath.domain.plain_json import decode_json
from desirepath.errors import DesirepathError

IDS = st.sampled_from(["a", "b", "d_1", "", " ", "é", "x" * 257, 'a":', "a\\b", "\x00", "mine://x"])
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([True, None, "1"]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(NUMBERS, IDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(IDS, inner, max_size=3)),
    max_leaves=6,
)
OBJECTS = st.dictionaries(IDS, VALUES, max_size=3)
CANDIDATES = st.fixed_dictionaries(
    {"document_id": IDS, "score": NUMBERS}, optional={"payload": OBJECTS, "other": VALUES}
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "inputs": OBJECTS,
        "filters": OBJECTS,
        "metadata": OBJECTS,
        "user_id": IDS,
        "limit": NUMBERS,
        "candidates": st.dictionaries(IDS, st.lists(CANDIDATES, max_size=3), max_size=3),
        "features": st.dictionaries(IDS, st.dictionaries(IDS, NUMBERS, max_size=2), max_size=2),
        "pagination": st.just({"method": "offset", "page_size": 3}),
        "settings": OBJECTS,
        "return_vectors": st.booleans(),
        "consistency": VALUES,
        "expand": st.lists(IDS, max_size=2),
        "unknown": VALUES,
    },
)


def carefully(body: bytes) -> ExecuteBody | type[DesirepathError]:
    try:
        return check_search(decode_json(body), lenient=False)
    except DesirepathError as error:
        return type(error)


def quickly(body: bytes) -> ExecuteBody | None:
    return search_body._read_quickly(body)


@given(body=BODIES, spaced=st.booleans())
def test_both_ways_agree(body: dict[str, Any], spaced: bool) -> None:
    text = json.dumps(body, separators=(", ", " : ") if spaced else (",", ":"), ensure_ascii=False)
    quick = quickly(text.encode())
    assert quick is None or quick == carefully(text.encode())


@given(body=BODIES, cut=st.integers(0, 400), doubled=st.sampled_from(["inputs", "score", "limit"]))
@example(body={"limit": 3}, cut=0, doubled="limit")
def test_what_is_damaged_is_not_read_quickly(body: dict[str, Any], cut: int, doubled: str) -> None:
    text = json.dumps(body)
    for damaged in (
        text[:cut] + text[cut + 1 :],
        text.replace(f'"{doubled}":', f'"{doubled}":1,"{doubled}":'),
    ):
        quick = quickly(damaged.encode())
        assert quick is None or quick == carefully(damaged.encode())


def test_ordinary_searches_are_read_quickly() -> None:
    candidates = [{"document_id": f"d{n}", "score": n / 7} for n in range(100)]
    body = {
        "inputs": {"query": "red shoes", "vector": [0.5, -1e-3]},
        "user_id": "u",
        "candidates": {"mine://words": candidates, "mine://vectors": candidates},
        "features": {"d1": {"price": 3}},
    }
    for text in (json.dumps(body), json.dumps(body, separators=(",", ":"))):
        quick = quickly(text.encode())
        assert quick is not None
        assert quick == carefully(text.encode())
    assert decode_search(b"", lenient=False) == ExecuteBody()
