"""Signed values: only with the secret, only in time, only for their purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.dashboard.sign_in import (
    make_cookie,
    make_link_token,
    read_cookie,
    read_link_token,
)

SECRET = b"s" * 32
Make = Callable[[bytes, str, int, int], str]
Read = Callable[[bytes, str, int], str | None]
both_kinds = pytest.mark.parametrize(
    ("make", "read"), [(make_cookie, read_cookie), (make_link_token, read_link_token)]
)


@both_kinds
def test_are_good_until_they_expire(make: Make, read: Read) -> None:
    value = make(SECRET, "subject", 1_000, 60)
    assert read(SECRET, value, 1_000) == "subject"
    assert read(SECRET, value, 1_059) == "subject"
    assert read(SECRET, value, 1_060) is None


@both_kinds
def test_of_another_secret_are_not_read(make: Make, read: Read) -> None:
    assert read(b"t" * 32, make(SECRET, "subject", 0, 60), 0) is None


def test_a_link_is_no_cookie_and_a_cookie_no_link() -> None:
    assert read_cookie(SECRET, make_link_token(SECRET, "subject", 0, 60), 0) is None
    assert read_link_token(SECRET, make_cookie(SECRET, "subject", 0, 60), 0) is None


@both_kinds
def test_no_character_can_be_changed(make: Make, read: Read) -> None:
    value = make(SECRET, "subject", 0, 60)
    for index, letter in enumerate(value):
        other = "A" if letter != "A" else "B"
        assert read(SECRET, value[:index] + other + value[index + 1 :], 0) is None


@pytest.mark.parametrize("value", ["", ".", "a.b", "é.é", "\x00", "a" * 5000, "." * 100, "e30.e30"])
def test_what_was_never_made_is_not_read(value: str) -> None:
    assert read_cookie(SECRET, value, 0) is None


@given(st.text(max_size=300).filter(lambda text: text.isprintable()))
def test_any_subject_comes_back(subject: str) -> None:
    value = make_cookie(SECRET, subject, 0, 60)
    assert read_cookie(SECRET, value, 0) == subject
    assert value.replace("-", "").replace("_", "").replace(".", "").isalnum()


@given(st.text())
def test_no_text_is_read_by_chance(value: str) -> None:
    assert read_cookie(SECRET, value, 0) is None
