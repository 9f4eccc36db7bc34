"""Checks that several kinds of drafts share."""

from __future__ import annotations

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from desirepath.domain.checks import check_id, check_time, convert, refuse_unknown
from desirepath.errors import InvalidFilter, InvalidInput, InvalidInteraction


class Inner(Struct):
    count: Annotated[int, Meta(ge=0)]


class Outer(Struct):
    name: Annotated[str, Meta(max_length=3)]
    rows: list[Inner] = []


def refusal(values: object) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        convert(values, Outer, InvalidFilter)
    assert isinstance(caught.value, InvalidFilter)
    return caught.value


def test_plain_values_become_checked_ones() -> None:
    assert convert({"name": "a", "rows": [{"count": 1}]}, Outer, InvalidInput) == Outer(
        name="a", rows=[Inner(count=1)]
    )


@pytest.mark.parametrize(
    ("values", "location"),
    [
        ({"name": 5}, ("name",)),
        ({"name": "long"}, ("name",)),
        ({}, ()),
        ([], ()),
        ({"name": "a", "rows": [{"count": 0}, {"count": -1}]}, ("rows", 1, "count")),
        ({"name": "a", "rows": [{}]}, ("rows", 0)),
        ({"name": "a", "rows": 7}, ("rows",)),
    ],
)
def test_a_refusal_says_where(values: object, location: tuple[str | int, ...]) -> None:
    error = refusal(values)
    assert error.location == location
    assert error.message.endswith(".")
    assert "$" not in error.message


@pytest.mark.parametrize("value", ["secret", ["secret"], {"secret": "secret"}])
def test_a_refusal_does_not_repeat_what_was_sent(value: object) -> None:
    assert "secret" not in refusal({"name": value}).message


@pytest.mark.parametrize("value", [None, "a", "x" * 256, "é" * 128, " a"])
def test_ids_within_the_rules(value: str | None) -> None:
    check_id(value, "user_id", InvalidInteraction)


@pytest.mark.parametrize("value", ["é" * 129, "😀" * 65, " ", "\n\t", "\u3000"])
def test_ids_that_are_blank_or_too_long(value: str) -> None:
    with pytest.raises(InvalidInteraction) as caught:
        check_id(value, "user_id", InvalidInteraction)
    assert caught.value.location == ("user_id",)
    assert value.isspace() or value not in caught.value.message


def test_times_are_read() -> None:
    assert check_time("1970-01-01T00:00:01Z", "occurred_at", InvalidInteraction) == 1_000_000


@pytest.mark.parametrize("value", ["", "soon", "9999-12-31T23:59:59-14:00", "1" * 50])
def test_times_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(InvalidInteraction) as caught:
        check_time(value, "occurred_at", InvalidInteraction)
    assert caught.value.location == ("occurred_at",)


def test_unknown_keys_are_refused_by_name() -> None:
    with pytest.raises(InvalidFilter) as caught:
        refuse_unknown({"a": 1, "b": 2}, ("a", "c"), InvalidFilter, lenient=False)
    assert caught.value.message == "Unknown key b; the keys are a, c."
    assert caught.value.location == ("b",)


def test_unknown_keys_are_removed_when_lenient() -> None:
    values = {"a": 1, "b": 2, "<i>": 3}
    ignored = refuse_unknown(values, ("a",), InvalidFilter, lenient=True)
    assert ignored == ("b", "(unprintable)")
    assert values == {"a": 1}


def test_known_keys_pass() -> None:
    values = {"a": 1}
    assert refuse_unknown(values, ("a", "b"), InvalidFilter, lenient=False) == ()
    assert values == {"a": 1}
