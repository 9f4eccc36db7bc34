"""The parts of an import by themselves: times, cells, groups, ids, and the quick way through."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.clock import parse_time
from desirepath.domain.interaction import INTERACTION_TYPES, read_interaction
from desirepath.domain.plain_json import canonical_json, decode_json
from desirepath.engine.formulas import guard, unguard
from desirepath.engine.importing.batches import (
    PreparedInteraction,
    decode_prepared,
    encode_prepared,
)
from desirepath.engine.importing.cells import (
    as_flag,
    as_integer,
    as_list,
    as_number,
    as_numbers,
    as_object,
    as_text,
)
from desirepath.engine.importing.fast_lines import read_lines
from desirepath.engine.importing.grouping import Grouper
from desirepath.engine.importing.identity import Occurrences
from desirepath.engine.importing.positions import PositionStats
from desirepath.engine.importing.read_lines import Chunk, decode_chunk
from desirepath.engine.importing.times import parse_iso, read_time
from desirepath.errors import InvalidInput, MalformedJSON
from tests.unit.engine.importing_helpers import TIME, click

MOMENT = parse_time(TIME)

# Times


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (MOMENT // 1_000_000, "s"),
        (MOMENT / 1_000_000, "s"),
        (str(MOMENT // 1_000), "ms"),
        (float(MOMENT // 1_000), "ms"),
        (f"{MOMENT // 1_000_000}.000", "s"),
        (MOMENT, "us"),
        (MOMENT * 1_000, "ns"),
        (TIME, "iso"),
        (f" {TIME} ", "iso"),
        (datetime(2025, 6, 1, 10, tzinfo=UTC), "iso"),
        (datetime(2025, 6, 1, 10), "iso"),  # noqa: DTZ001
    ],
)
def test_times_are_told_by_their_size(value: object, unit: str) -> None:
    assert read_time(value) == (MOMENT, unit)


@pytest.mark.parametrize("value", [date(2025, 6, 1), "2025-06-01", "20250601"])
def test_a_date_is_its_midnight(value: object) -> None:
    assert read_time(value) == (parse_time("2025-06-01T00:00:00Z"), "iso")


@pytest.mark.parametrize("value", [None, True, "", "soon", float("nan"), 1e300, [], {}, "12:00"])
def test_what_is_no_time(value: object) -> None:
    with pytest.raises((ValueError, OverflowError)):
        read_time(value)


@given(st.datetimes(timezones=st.timezones()), st.sampled_from(["auto", "seconds", "milliseconds"]))
def test_the_quick_reading_of_times_is_the_careful_one(moment: datetime, spec: str) -> None:
    text = moment.isoformat(timespec=spec)
    try:
        expected = parse_time(text)
    except (ValueError, OverflowError):
        return
    assert parse_iso(text) == expected


@pytest.mark.parametrize("text", ["2025-06-30T23:59:60Z", "2025-06-01", "2025-06-01T10:00:00"])
def test_times_that_need_care(text: str) -> None:
    assert parse_iso(text) == parse_time(text)


# Cells


def test_cells_are_read_as_what_they_mean() -> None:
    assert [as_text(value, "x") for value in ("a", "", 7, 7.0, 7.5, None, float("nan"))] == [
        *("a", None, "7", "7", "7.5", None, None)
    ]
    assert [as_integer(value, "x") for value in (3, "3", 3.0, "+3", " 3 ", "3.0", "")] == [
        *(3, 3, 3, 3, 3, 3, None)
    ]
    assert [as_number(value, "x") for value in ("1.5", 2, "1e3", Decimal("0.5"), None)] == [
        *(1.5, 2, 1000.0, 0.5, None)
    ]
    assert [as_flag(value, "x") for value in (1, 0, "yes", "FALSE", "2", "", None, 0.0, True)] == [
        *(True, False, True, False, True, False, False, False, True)
    ]
    assert as_object('{"a": 1}', "x") == as_object([("a", 1)], "x") == {"a": 1}
    assert as_list('["a"]', "x") == as_list(("a",), "x") == ["a"]
    assert as_numbers({"a": "1", "b": None}, "x") == {"a": 1}


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (as_text, {"a": 1}),
        (as_text, True),
        (as_integer, "3.5"),
        (as_integer, True),
        (as_number, "many"),
        (as_number, "inf"),
        (as_flag, "perhaps"),
        (as_object, "[1]"),
        (as_object, "{oops"),
        (as_list, "a"),
    ],
)
def test_cells_that_mean_nothing_name_their_field(read: Any, value: object) -> None:
    with pytest.raises(InvalidInput, match="the_field"):
        read(value, "the_field")


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\nab\"")))
def test_guarded_texts_come_back_and_are_no_formulas(text: str) -> None:
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


# Positions and ids


def test_who_counts_from_one() -> None:
    clicks = PositionStats()
    for position in [1, 3, 2] * 4:
        clicks.add(position)
    assert clicks.guess() == 1
    clicks.add(0)
    assert clicks.guess() == 0
    assert PositionStats().guess() == 0
    deep = PositionStats()
    for position in range(5, 50):
        deep.add(position)
    assert deep.guess() == 0


def test_equal_rows_are_told_apart_by_their_number() -> None:
    first, second = Occurrences("csv"), Occurrences("csv")
    ids = [first.event_id(b"a"), first.event_id(b"b"), first.event_id(b"a"), first.event_id(b"a")]
    assert len(set(ids)) == 4
    other_order = [second.event_id(row) for row in (b"a", b"a", b"a", b"b")]
    assert set(other_order) == set(ids)
    assert Occurrences("jsonl").event_id(b"a") not in ids


# Groups


@pytest.mark.parametrize("memory", [1, 2_000, 1 << 20])
def test_rows_come_out_by_key_as_they_went_in(memory: int) -> None:
    rng = random.Random(1)
    rows = [(rng.choice("abcdé"), n) for n in range(1_000)]
    with Grouper(memory) as grouper:
        for key, n in rows:
            grouper.add(key, {"n": n, "data": b"\x00"})
        groups = {key: [row["n"] for row in found] for key, found in grouper.groups()}
    assert list(groups) == sorted(groups)
    assert groups == {key: [n for k, n in rows if k == key] for key in "abcdé"}


def test_prepared_interactions_are_what_they_were() -> None:
    """A tuple goes out and a struct comes in: their fields are the same, in the same order."""
    fields = PreparedInteraction.__struct_fields__
    row = (
        *(b"", 1, "doc", ("click", "view"), 3, '{"a":1}', "u", "s", "q", "r", None),
        *(0.5, 10, "text://a", "e", 17, False, 1.0, "careful", 9, b"digest", b"\x01", True),
    )
    assert len(fields) == len(row)
    (read,) = decode_prepared(encode_prepared([row]))
    assert tuple(getattr(read, name) for name in fields) == row


# The quick way

TEXTS = st.text(alphabet=st.sampled_from('ab ":{}[]\\,é\n\x7f'), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(-1e3, 1e3) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ROWS = st.fixed_dictionaries(
    {
        "feature_id": TEXTS,
        "interaction_type": st.lists(st.sampled_from(INTERACTION_TYPES), max_size=3),
        "position": st.integers(-1, 3),
        "occurred_at": st.sampled_from([TIME, "2025-06-01", "soon"]),
        "event_id": TEXTS,
    },
    optional={
        "metadata": st.dictionaries(TEXTS, VALUES, max_size=3) | st.none(),
        "query_snapshot": st.dictionaries(TEXTS, VALUES, max_size=3),
        "user_id": TEXTS | st.none(),
        "document_score": st.floats(-1, 1),
        "result_set_size": st.integers(0, 2),
        "age_ms": st.just(5),
        "colour": VALUES,
        "document_id": TEXTS,
    },
)


@given(
    st.lists(ROWS, min_size=1, max_size=3),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]),
    st.booleans(),
)
def test_the_quick_way_never_sees_less_than_the_careful_one(
    rows: list[dict[str, Any]], ascii: bool, separators: tuple[str, str], twice: bool
) -> None:
    """Whatever it accepts, the strict reading accepts, to the same drafts."""
    lines = [json.dumps(row, ensure_ascii=ascii, separators=separators) for row in rows]
    if twice:
        lines[0] = lines[0][:-1] + f'{separators[0]}"position"{separators[1]}1}}'
    data = "".join(line + "\n" for line in lines).encode()
    read = read_lines(data)
    if read is None:
        return
    drafts = [read_interaction(decode_json(line.encode()), checked=True)[0] for line in lines]
    assert [draft for draft, _, _ in read] == drafts
    assert [canonical for _, canonical, _ in read] == [canonical_json(draft) for draft in drafts]
    assert [moment for _, _, moment in read] == [draft.occurred_at_us for draft in drafts]


@given(
    st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_a_chunk_is_what_its_lines_are(
    rows: list[dict[str, Any]], ascii: bool, twice: bool
) -> None:
    lines = [json.dumps(row, ensure_ascii=ascii).encode() for row in rows]
    if twice:
        lines[0] = b'{"a": 1, "a": 2}'
    expected, refused = [], []
    for number, line in enumerate(lines, 5):
        try:
            expected.append((number, decode_json(line)))
        except MalformedJSON:
            refused.append(number)
    chunk = Chunk(first_line=5, data=b"".join(line + b"\n" for line in lines), done=0)
    found, unreadable = decode_chunk(chunk)
    assert found == expected
    assert [line.line for line in unreadable] == refused


def test_a_plain_line_takes_the_quick_way() -> None:
    row = click("a", event_id="e", metadata={"n": 1, "deep": {"list": [1, 2]}}, user_id="u")
    line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
    assert read_lines(line * 3) is not None
    for change in ({"event_id": None}, {"colour": "red"}, {"user_id": " "}, {"user_id": None}):
        assert read_lines(json.dumps(row | change).encode() + b"\n") is None
