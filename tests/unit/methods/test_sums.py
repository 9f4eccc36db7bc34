"""Sums of integers: order never matters, and what was added can be taken away to the bit."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.errors import LearningOverflow
from desirepath.methods.bandits.base import ListOutcome, Policy
from desirepath.methods.bandits.packing import pack, unpack
from desirepath.methods.bandits.policies import POLICIES
from desirepath.methods.bandits.sums import (
    INFLUENCE_UNIT,
    LARGEST,
    REWARD_UNIT,
    Sums,
    add,
    check_fits,
    n_lists,
    nothing,
    scaled_down,
    subtract,
)
from desirepath.methods.levels import SCALE
from tests.unit.methods.outcomes import outcomes

every_policy = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
NUMBERS = st.one_of(
    st.just(0), st.integers(-100, 100), st.integers(-(2**33), 2**33), st.integers(-LARGEST, LARGEST)
)
SUMS = st.lists(NUMBERS, min_size=1, max_size=40).map(lambda numbers: np.array(numbers, np.int64))


def added(parts: Sequence[Sums]) -> Sums:
    total = nothing()
    for part in parts:
        total = add(total, part)
    return total


@every_policy
@given(lists=st.lists(outcomes(), max_size=8), seed=st.integers(0, 2**32))
def test_any_order_and_any_detour_end_in_the_same_bytes(
    policy: Policy, lists: list[ListOutcome], seed: int
) -> None:
    """Lists come and some go, even before they came; what is left is the sum of those that stay."""
    chance = random.Random(seed)
    sums = [policy.list_sums(outcome) for outcome in lists]
    stays = [chance.random() < 0.6 for _ in sums]
    detour = [(add, part) for part in sums]
    detour += [(subtract, part) for part, stay in zip(sums, stays, strict=True) if not stay]
    chance.shuffle(detour)

    wandered = nothing()
    for step, part in detour:
        wandered = step(wandered, part)
    assert pack(wandered) == pack(
        added([part for part, stay in zip(sums, stays, strict=True) if stay])
    )
    assert n_lists(wandered) == sum(stays)


@every_policy
@given(outcome=outcomes(n_features=3), more=st.integers(1, 4))
def test_a_feature_that_comes_later_only_makes_the_sums_longer(
    policy: Policy, outcome: ListOutcome, more: int
) -> None:
    """The list seen with features that found none of it teaches what it taught without them."""
    n_documents = len(outcome.rewards)
    wider = ListOutcome(
        levels=np.hstack([outcome.levels, np.zeros((n_documents, more), np.uint16)]),
        rewards=outcome.rewards,
        first_position=outcome.first_position,
        credited=outcome.credited,
    )
    narrow_sums, wide_sums = policy.list_sums(outcome), policy.list_sums(wider)
    assert len(wide_sums) > len(narrow_sums)
    assert pack(wide_sums) == pack(narrow_sums)


@every_policy
@given(narrow=outcomes(n_features=2), wide=outcomes(n_features=4))
def test_widening_commutes_with_adding(
    policy: Policy, narrow: ListOutcome, wide: ListOutcome
) -> None:
    short, long = policy.list_sums(narrow), policy.list_sums(wide)
    widened = np.concatenate([short, np.zeros(len(long) - len(short), np.int64)])
    assert add(short, long).tolist() == add(widened, long).tolist()
    assert add(long, short).tolist() == (widened + long).tolist()
    assert subtract(add(short, long), long).tolist() == widened.tolist()


# Packing


@given(sums=SUMS)
def test_what_was_packed_is_unpacked(sums: Sums) -> None:
    unpacked = unpack(pack(sums))
    assert len(unpacked) <= len(sums)
    assert unpacked.tolist() == sums.tolist()[: len(unpacked)]
    assert not any(sums.tolist()[len(unpacked) :])


@given(sums=SUMS, zeros=st.integers(0, 9))
def test_zeros_at_the_end_are_the_same_bytes(sums: Sums, zeros: int) -> None:
    assert pack(np.concatenate([sums, np.zeros(zeros, np.int64)])) == pack(sums)


@pytest.mark.parametrize(
    ("number", "n_bytes"),
    [
        (0, 1),
        (-(2**7), 1),
        (2**7, 2),
        (2**15 - 1, 2),
        (-(2**15), 2),
        (2**15, 3),
        (2**31 - 1, 4),
        (-(2**31) - 1, 5),
        (LARGEST, 8),
        (-LARGEST, 8),
    ],
)
def test_numbers_take_as_much_room_as_the_largest_needs(number: int, n_bytes: int) -> None:
    sums = np.array([number, 1])
    assert len(pack(sums)) == 1 + 2 * n_bytes
    assert unpack(pack(sums)).tolist() == [number, 1]


def test_a_day_of_a_person_is_small() -> None:
    """A million people with ten active days are to fit into 12 GB: 1,200 bytes a row, all told."""
    rng = np.random.default_rng(0)
    rewards = np.array([0, REWARD_UNIT, *[0] * 8])
    day = nothing()
    for _ in range(20):
        levels = rng.integers(0, SCALE + 1, (10, 4)).astype(np.uint16)
        outcome = ListOutcome(levels=levels, rewards=rewards)
        day = add(day, POLICIES["thompson_sampling"].list_sums(outcome))
    assert len(pack(day)) < 600


# Scaling down


@given(
    sums=SUMS.filter(lambda sums: len(sums) > 1),
    influence=st.integers(1, 10_000),
    most=st.integers(1, 10_000),
)
def test_scaling_down_is_exact_but_for_rounding(sums: Sums, influence: int, most: int) -> None:
    sums[1] = influence
    scaled = scaled_down(sums, most).tolist()
    kept = min(influence, most)
    assert scaled[1] == kept
    assert scaled[1:] == [number * kept // influence for number in sums.tolist()[1:]]
    assert scaled[0] == -(-int(sums[0]) * kept // influence)


@every_policy
@given(outcome=outcomes())
def test_a_list_counts_by_what_was_done_with_it(policy: Policy, outcome: ListOutcome) -> None:
    """Losses like gains; one that was left alone like one with a single click."""
    sums = policy.list_sums(outcome)
    done = sum(abs(reward) for reward in outcome.rewards.tolist())
    assert sums[0] == 1
    assert sums[1] == max(INFLUENCE_UNIT, done * INFLUENCE_UNIT // REWARD_UNIT)
    assert policy.lone_sums(0, -3 * REWARD_UNIT)[1] == 3 * INFLUENCE_UNIT


# Overflow


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_that_do_not_fit_are_refused(sign: int) -> None:
    half = np.array([0, sign * (LARGEST // 2 + 1)])
    with pytest.raises(LearningOverflow):
        add(half, half)
    with pytest.raises(LearningOverflow):
        subtract(half, -half)
    assert add(half, np.array([0, -sign])).tolist() == [0, sign * LARGEST // 2]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sums_that_can_be_added_are_refused_and_do_not_wrap(sign: int) -> None:
    most = np.array([0, sign * LARGEST])
    with pytest.raises(LearningOverflow):
        add(most, most)
    with pytest.raises(LearningOverflow):
        subtract(most, -most)


@every_policy
@pytest.mark.parametrize("reward", [LARGEST // 2 + 1, -(LARGEST // 2) - 1, 2**63 - 1, -(2**63)])
def test_rewards_that_cannot_be_added_up_are_refused(policy: Policy, reward: int) -> None:
    levels = np.array([[SCALE], [0]], np.uint16)
    with pytest.raises(LearningOverflow):
        policy.list_sums(ListOutcome(levels=levels, rewards=np.array([reward, reward])))


@every_policy
@pytest.mark.parametrize("reward", [LARGEST + 1, -(2**63)])
def test_a_lone_reward_that_cannot_be_added_up_is_refused(policy: Policy, reward: int) -> None:
    with pytest.raises(LearningOverflow):
        policy.lone_sums(0, reward)


@given(numbers=st.lists(NUMBERS, max_size=5), times=st.integers(1, 5000))
def test_what_fits_is_not_refused(numbers: list[int], times: int) -> None:
    could_be = max(map(abs, numbers), default=0) * times * len(numbers)
    if could_be > LARGEST:
        with pytest.raises(LearningOverflow):
            check_fits(np.array(numbers, np.int64), times)
    else:
        check_fits(np.array(numbers, np.int64), times)
