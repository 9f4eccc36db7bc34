"""Identifiers: time in them, order of them, and how they are written."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.ids import (
    NIL,
    IdGenerator,
    first_id_at,
    format_id,
    is_plain_id,
    parse_id,
    time_of,
)

NOW = 1_767_225_600_123_456
YEAR_9999 = 253_402_300_799_999_999
SECOND = 1_000_000

moments = st.integers(1, YEAR_9999)


@given(now=moments)
def test_the_moment_is_in_the_id_to_the_microsecond(now: int) -> None:
    assert time_of(IdGenerator().next(now)) == now


@given(now=moments)
def test_an_id_is_a_uuid_of_version_7(now: int) -> None:
    value = uuid.UUID(bytes=IdGenerator().next(now))
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == now // 1000


@given(now=moments, bound=st.integers(-1, YEAR_9999))
def test_the_first_id_of_a_moment_divides_before_from_after(now: int, bound: int) -> None:
    id = IdGenerator().next(now)
    assert (id >= first_id_at(bound)) == (now >= bound)


@given(now=st.integers(1, YEAR_9999), offset=st.sampled_from((-1, 0, 1)))
def test_the_first_id_divides_neighbouring_microseconds(now: int, offset: int) -> None:
    id = IdGenerator().next(now)
    assert (id >= first_id_at(now + offset)) == (offset <= 0)


def test_the_first_id_of_all_time_comes_before_any_other() -> None:
    assert first_id_at(0) <= IdGenerator().next(0)
    assert first_id_at(0) > NIL
    assert first_id_at(-5) == first_id_at(0)


def test_the_first_id_of_a_time_beyond_ids_is_the_last_one() -> None:
    assert first_id_at(10**30) > IdGenerator().next(YEAR_9999)


def test_ids_of_one_moment_rise_and_differ() -> None:
    generator = IdGenerator()
    ids = [generator.next(NOW) for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert len({id[8:] for id in ids}) == 5000  # the random part


def test_many_at_once_run_ahead_of_the_clock_by_less_than_a_quarter_microsecond_each() -> None:
    generator = IdGenerator()
    last = [generator.next(NOW) for _ in range(4096)][-1]
    assert NOW < time_of(last) <= NOW + 1000


@given(steps=st.lists(st.integers(-9 * SECOND, 2 * SECOND), max_size=20))
def test_a_clock_that_slews_back_does_not_disturb_the_order(steps: list[int]) -> None:
    generator = IdGenerator()
    ids, highest = [generator.next(NOW)], NOW
    for step in steps:
        highest = max(highest, highest + step)
        ids.append(generator.next(highest + min(step, 0)))
    assert ids == sorted(set(ids))


def test_a_clock_that_is_corrected_by_more_is_followed() -> None:
    generator = IdGenerator()
    generator.next(NOW + 86_400 * SECOND)
    assert time_of(generator.next(NOW)) == NOW


def test_two_generators_never_make_the_same_id() -> None:
    ids = {IdGenerator().next(NOW) for _ in range(2000)}
    assert len(ids) == 2000


def test_threads_share_a_generator() -> None:
    generator = IdGenerator()
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: generator.next(NOW), range(4000)))
    assert len(set(ids)) == 4000


@given(id=st.binary(min_size=16, max_size=16), prefix=st.sampled_from(("int", "exec", "ret")))
def test_a_written_id_reads_back(id: bytes, prefix: str) -> None:
    assert parse_id(prefix, format_id(prefix, id)) == id


@given(ids=st.lists(st.binary(min_size=16, max_size=16), min_size=2, max_size=2))
def test_written_ids_order_as_the_ids_do(ids: list[bytes]) -> None:
    assert sorted(ids) == sorted(ids, key=lambda id: format_id("int", id))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "int_",
        "int",
        "exec_" + "0" * 32,
        "INT_" + "0" * 32,
        "int_" + "0" * 31,
        "int_" + "0" * 33,
        "int_" + "A" * 32,
        "int_" + "g" * 32,
        "int_" + "0" * 32 + "\n",
        "int_ " + "0" * 31,
        "int_" + "０" * 32,
        "int_int_" + "0" * 32,
        " int_" + "0" * 32,
        "0" * 32,
    ],
)
def test_what_is_not_quite_an_id_is_none(text: str) -> None:
    assert parse_id("int", text) is None


@pytest.mark.parametrize("text", ["a", "user-1", "A.b:c_d", "x" * 80])
def test_plain_ids_may_be_shown(text: str) -> None:
    assert is_plain_id(text)


@pytest.mark.parametrize("text", ["", "a b", "<b>", "é", "a\n", "x" * 81, "a/b", '"', "a,b"])
def test_prose_and_markup_may_not(text: str) -> None:
    assert not is_plain_id(text)
