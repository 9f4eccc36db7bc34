"""Whether groups of people look differently."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from desirepath.methods.position_bias.base import Propensities
from desirepath.methods.position_bias.groups import differences_between
from desirepath.methods.position_bias.harvesting import harvest
from desirepath.testing.clicked_lists import EXAMINATIONS
from tests.unit.methods.position_bias.cells import simulated

REPETITIONS = 60


def of(shape: str, seed: int, n_lists: int = 5_000) -> Propensities:
    return harvest(simulated(EXAMINATIONS[shape], seed, n_lists), precision=1.0)


def test_devices_that_differ_are_told_apart_and_where() -> None:
    name_to_propensities = {
        "desktop": of("1/√rank", 1, 20_000),
        "phone": of("cut after 4", 2, 20_000),
        "tablet": of("1/√rank", 3, 20_000),
    }
    first, second, third = differences_between(name_to_propensities)
    assert (first.first, first.second, first.differs) == ("desktop", "phone", True)
    # 1/√5 is .45 and 1/√10 is .32, beside .3; at rank 10 they hardly differ.
    assert first.sentence.startswith("desktop and phone differ at ranks 2 to ")
    assert (second.first, second.second) == ("desktop", "tablet")
    assert second.sentence == "No difference found between desktop and tablet."
    assert third.differs


def test_the_level_is_kept_where_nothing_differs(figure: Callable[[str], None]) -> None:
    """Sixty times two groups alike, of seeds of their own: more than 8 false alarms at 5 % come
    once in 300 such runs.
    """
    alarms = sum(
        differences_between(
            {"a": of("1/√rank", seed, 4_000), "b": of("1/√rank", 500 + seed, 4_000)}
        )[0].differs
        for seed in range(REPETITIONS)
    )
    figure(f"{alarms} false alarms in {REPETITIONS}, at a level of 5 %")
    assert alarms <= 8


def test_more_groups_share_the_level() -> None:
    one = of("1/√rank", 1)
    two = differences_between({"a": one, "b": one})[0].comparison.reach
    four = differences_between(dict.fromkeys("abcd", one))
    assert len(four) == 6
    assert (four[0].comparison.reach > two).all()


def test_one_group_differs_from_nobody() -> None:
    assert differences_between({"all": of("1/√rank", 1)}) == []


@pytest.mark.parametrize(("fewer", "more"), [(4, 10), (10, 4)])
def test_lists_of_other_lengths_are_compared_as_far_as_both_go(fewer: int, more: int) -> None:
    counts = simulated(EXAMINATIONS["1/√rank"], seed=1)
    name_to_propensities = {
        str(k): harvest(counts, max_rank=k, share_last=False, precision=1.0) for k in (fewer, more)
    }
    found = differences_between(name_to_propensities)[0]
    assert found.comparison.ranks.tolist() == [2, 3, 4]
