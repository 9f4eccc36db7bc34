"""What an interaction is worth."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.interaction import INTERACTION_TYPES
from desirepath.domain.reward import DEFAULT_MAX_REWARD, DEFAULT_REWARDS, reward_of


def test_every_type_has_a_reward() -> None:
    assert set(DEFAULT_REWARDS) == set(INTERACTION_TYPES)


@pytest.mark.parametrize(
    ("reward", "types"),
    [
        (0.0, ("impression", "zero_results", "filter_toggle", "rating")),
        (0.2, ("view",)),
        (0.5, ("dwell",)),
        (1.0, ("click", "bookmark", "save", "play")),
        (1.5, ("wishlist",)),
        (2.0, ("long_view", "share", "add_to_cart", "positive_feedback", "download",
               "add_to_project")),
        (5.0, ("purchase",)),
        (-0.3, ("skip", "query_refinement")),
        (-1.0, ("return_to_results",)),
        (-2.0, ("negative_feedback",)),
    ],
)  # fmt: skip
def test_the_default_of_each_type(reward: float, types: tuple[str, ...]) -> None:
    assert [reward_of([type]) for type in types] == [reward] * len(types)


@pytest.mark.parametrize(
    ("types", "reward"),
    [
        ([], 0.0),
        (["view", "click"], 1.0),
        (["view", "click", "long_view", "purchase"], 5.0),
        (["skip", "negative_feedback"], -2.0),
        (["click", "return_to_results"], 1.0 - 1.0),
        (["purchase", "negative_feedback", "skip"], 5.0 - 2.0),
        (["impression", "skip"], -0.3),
        (["impression"], 0.0),
    ],
)
def test_the_strongest_positive_plus_the_most_negative(types: list[str], reward: float) -> None:
    assert reward_of(types) == pytest.approx(reward)


@given(types=st.lists(st.sampled_from(INTERACTION_TYPES), max_size=10))
def test_order_and_repeats_do_not_matter(types: list[str]) -> None:
    assert reward_of(types) == reward_of(sorted(set(types)))
    assert reward_of(types) == reward_of(types * 2)


def test_no_pair_is_worth_more_than_its_better_half() -> None:
    for pair in combinations(INTERACTION_TYPES, 2):
        assert reward_of(pair) <= max(0.0, *(reward_of([type]) for type in pair))


@pytest.mark.parametrize(("worth", "expected"), [(100.0, 5.0), (-100.0, -5.0), (4.0, 4.0)])
def test_the_sum_is_capped(worth: float, expected: float) -> None:
    assert reward_of(["click"], {"click": worth}) == expected
    assert DEFAULT_MAX_REWARD == 5.0


def test_the_cap_is_on_the_sum_and_not_on_its_parts() -> None:
    assert reward_of(["a", "b"], {"a": 7.0, "b": -3.0}) == 4.0


def test_an_own_map_replaces_the_defaults() -> None:
    assert reward_of(["click", "view"], {"view": 3.0}) == 3.0
    assert reward_of(["click"], {}) == 0.0
    assert reward_of(["click"], max_reward=0.5) == 0.5


def test_nothing_is_worth_a_negative_zero() -> None:
    assert repr(reward_of(["impression"], {"impression": -0.0})) == "0.0"
