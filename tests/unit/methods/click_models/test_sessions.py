"""Flat arrays of lists: what is refused, and what is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from msgspec.structs import asdict

from desirepath.errors import InvalidInput
from desirepath.methods.click_models.sessions import SearchSessions
from tests.unit.methods.click_models.worlds import search_sessions, sessions_of

GOOD = sessions_of([[0, 1], [], [2]], [[1, 0], [], [1]], weights=[1.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("starts", [], "starts must rise"),
        ("starts", [1, 2, 2, 3], "starts must rise"),
        ("starts", [0, 2, 1, 3], "starts must rise"),
        ("starts", [0, 2, 2, 2], "starts must rise"),
        ("ranks", [1, 2], "one entry an impression"),
        ("clicked", [True], "one entry an impression"),
        ("pairs", [0, 1, 3], "codes from 0"),
        ("pairs", [0, -1, 2], "codes from 0"),
        ("ranks", [0, 1, 1], "at least 1"),
        ("ranks", [2, 2, 1], "rise within a session"),
        ("ranks", [2, 1, 1], "rise within a session"),
        ("weights", [1.0, 1.0], "one finite number"),
        ("weights", [1.0, -1.0, 1.0], "one finite number"),
        ("weights", [1.0, np.nan, 1.0], "one finite number"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(field: str, value: list[Any], message: str) -> None:
    kind = getattr(GOOD, field).dtype
    with pytest.raises(InvalidInput, match=message):
        SearchSessions(**asdict(GOOD) | {field: np.array(value, kind)})


def test_ranks_may_begin_anywhere_and_leave_some_out() -> None:
    SearchSessions(**asdict(GOOD) | {"ranks": np.array([11, 14, 2])})


@given(sessions=search_sessions())
def test_clicks_are_counted_within_their_session(sessions: SearchSessions) -> None:
    clicks_before, n_clicks = sessions.clicks_before(), sessions.n_clicks()
    for session, (begin, end) in enumerate(
        zip(sessions.starts[:-1], sessions.starts[1:], strict=True)
    ):
        clicked = sessions.clicked[begin:end].tolist()
        assert n_clicks[session] == sum(clicked)
        assert clicks_before[begin:end].tolist() == [sum(clicked[:i]) for i in range(len(clicked))]


@given(sessions=search_sessions())
def test_going_down_meets_every_impression_once_in_its_session(sessions: SearchSessions) -> None:
    of_impression = sessions.per_impression(np.arange(sessions.n_sessions))
    met = []
    for going, rows in sessions.by_depth():
        assert (of_impression[rows] == going).all()
        met += rows.tolist()
    assert sorted(met) == list(range(sessions.n_impressions))


def test_sessions_are_taken_in_any_order_and_more_than_once() -> None:
    taken = GOOD.take(np.array([2, 0, 1, 2]))
    assert taken.pairs.tolist() == [2, 0, 1, 2]
    assert taken.clicked.tolist() == [True, True, False, True]
    assert taken.ranks.tolist() == [1, 1, 2, 1]
    assert taken.starts.tolist() == [0, 1, 3, 3, 4]
    assert taken.session_weights.tolist() == [2.0, 1.0, 1.0, 2.0]
