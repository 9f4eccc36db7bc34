"""Team draft: what is shown, whose it is, and that it is the same whenever it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.methods.interleaving.drawing import coins, gets_challenger
from desirepath.methods.interleaving.team_draft import Team, team_draft

LIVE, NEITHER, CHALLENGER = Team.LIVE, Team.NEITHER, Team.CHALLENGER
LISTS = st.lists(st.sampled_from("abcdefghij"), unique=True)
COINS = st.lists(st.booleans(), min_size=20, max_size=20)
SIZES = st.none() | st.integers(0, 12)


@pytest.mark.parametrize(
    ("flips", "documents", "teams"),
    [  # each worked out by hand, round by round
        ([0, 0], "abcdef", [LIVE, CHALLENGER, NEITHER, LIVE, CHALLENGER, NEITHER]),
        ([1, 0], "bacdef", [CHALLENGER, LIVE, NEITHER, LIVE, CHALLENGER, NEITHER]),
        ([1, 1], "bacedf", [CHALLENGER, LIVE, NEITHER, CHALLENGER, LIVE, NEITHER]),
    ],
)
def test_lists_worked_out_by_hand(flips: list[int], documents: str, teams: list[Team]) -> None:
    drafted = team_draft("abcd", "bcef", map(bool, flips))
    assert "".join(drafted.documents) == documents
    assert drafted.teams == teams


def test_lists_without_a_common_document_take_turns_by_the_coin() -> None:
    drafted = team_draft("abc", "xyz", [True, False, True])
    assert "".join(drafted.documents) == "xabyzc"
    assert drafted.teams == [CHALLENGER, LIVE, LIVE, CHALLENGER, CHALLENGER, LIVE]


def test_equal_lists_belong_to_nobody() -> None:
    drafted = team_draft("abc", "abc", [])
    assert drafted.documents == ["a", "b", "c"]
    assert drafted.teams == [NEITHER] * 3


def test_what_one_list_has_more_belongs_to_nobody() -> None:
    drafted = team_draft("a", "xyz", [False])
    assert drafted.teams == [LIVE, CHALLENGER, NEITHER, NEITHER]


@given(LISTS, LISTS, COINS, SIZES)
def test_every_document_once_and_none_left_out(
    live: list[str], challenger: list[str], flips: list[bool], size: int | None
) -> None:
    documents = team_draft(live, challenger, flips, size).documents
    either = set(live) | set(challenger)
    assert len(set(documents)) == len(documents)
    assert len(documents) == (len(either) if size is None else min(size, len(either)))
    assert set(documents) <= either


@given(LISTS, LISTS, COINS, SIZES)
def test_each_team_stands_in_the_order_of_its_list(
    live: list[str], challenger: list[str], flips: list[bool], size: int | None
) -> None:
    documents, teams = team_draft(live, challenger, flips, size)
    for team, own in ((LIVE, live), (CHALLENGER, challenger)):
        places = [own.index(one) for one, its in zip(documents, teams, strict=True) if its is team]
        assert places == sorted(places)


@given(LISTS, LISTS, COINS, SIZES)
def test_a_pick_is_the_best_of_its_list_that_is_not_above(
    live: list[str], challenger: list[str], flips: list[bool], size: int | None
) -> None:
    documents, teams = team_draft(live, challenger, flips, size)
    for place, team in enumerate(teams):
        for own in [live] * (team is LIVE) + [challenger] * (team is CHALLENGER):
            better = own[: own.index(documents[place])]
            assert set(better) <= set(documents[:place])


@given(LISTS, LISTS, COINS, st.integers(0, 20))
def test_above_every_place_teams_differ_by_one_at_most(
    live: list[str], challenger: list[str], flips: list[bool], place: int
) -> None:
    teams = team_draft(live, challenger, flips).teams
    assert abs(sum(teams[:place])) <= 1
    assert sum(teams) == 0


@given(LISTS, LISTS, COINS, SIZES)
def test_neither_list_is_favoured(
    live: list[str], challenger: list[str], flips: list[bool], size: int | None
) -> None:
    """With lists and coins exchanged, the same is shown and the teams change sides."""
    one = team_draft(live, challenger, flips, size)
    other = team_draft(challenger, live, [not flip for flip in flips], size)
    assert other.documents == one.documents
    assert [-team for team in other.teams] == one.teams


@given(LISTS, LISTS)
def test_over_all_coins_each_place_is_as_often_of_either_team(
    live: list[str], challenger: list[str]
) -> None:
    """So somebody who clicks places whatever stands there gives both the same: by enumeration."""
    n_rounds = 4
    total = np.zeros(2 * n_rounds)
    for number in range(2**n_rounds):
        flips = [bool(number >> place & 1) for place in range(n_rounds)]
        teams = team_draft(live[:n_rounds], challenger[:n_rounds], flips).teams
        total[: len(teams)] += np.array(teams)
    assert not total.any()


def _shown(experiment: str, session: str, query: str = "boots") -> Sequence[str]:
    return team_draft("abcdef", "ghijkl", coins(experiment, session, query)).documents


def test_the_same_names_show_the_same_list() -> None:
    assert _shown("exp_1", "session_7") == _shown("exp_1", "session_7")
    assert "".join(_shown("exp_1", "session_7")) == "aghbicjdekfl"  # on any machine, for ever


def test_names_that_run_together_are_other_names() -> None:
    first = list(islice(coins("exp_1", "1", "2"), 64))
    assert first != list(islice(coins("exp_1", "12"), 64))
    assert first != list(islice(coins("exp_11", "", "2"), 64))


def test_coins_are_fair_and_say_nothing_of_each_other() -> None:
    """4,000 sessions of two experiments: every share within five standard errors."""
    n = 4_000
    flips = np.array(
        [
            [*islice(coins("exp_1", f"session_{k}"), 600), *islice(coins("exp_2", f"s_{k}"), 8)]
            for k in range(n)
        ],
        dtype=np.float64,
    )
    within = 5 / (2 * np.sqrt(n))
    assert np.abs(flips.mean(axis=0) - 0.5).max() < within
    together = np.corrcoef(flips[:, [0, 1, 7, 511, 512, 600, 607]].T) - np.eye(7)
    assert np.abs(together).max() < 2 * within


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_split_gives_the_challenger_its_share(share: float) -> None:
    n = 10_000
    got = sum(gets_challenger("exp_1", f"user_{k}", share) for k in range(n))
    assert abs(got - n * share) <= 5 * np.sqrt(n * share * (1 - share))


def test_who_has_the_challenger_keeps_it_when_its_share_grows() -> None:
    users = [f"user_{k}" for k in range(500)]
    few = {user for user in users if gets_challenger("exp_1", user, 0.2)}
    assert few < {user for user in users if gets_challenger("exp_1", user, 0.4)}
