"""A slice of ``python -m benchmarks.learning``: one scenario, three seeds, 300 sessions.

Simulated shoppers on real products and judgments: a poor feature, a good one, two that mean nothing
and popularity. Numbers are fixed by the seeds; the bars are far from them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from benchmarks.learning import ENGINES
from benchmarks.learning_engines import Context
from benchmarks.learning_study import (
    CLICKS,
    Learned,
    References,
    Scenario,
    references,
    run,
)
from benchmarks.shop import read_shop
from desirepath.testing.simulation.judging import Judge

pytestmark = pytest.mark.needs_data
SEEDS = range(3)


@pytest.fixture(scope="module")
def judge_and_scenario(shared_data: Callable[[str], Path]) -> tuple[Judge, Scenario]:
    shop = read_shop(shared_data("esci_small"))
    two = [shop.brand, shop.title]
    scenario = Scenario(
        "three bad of five",
        {
            "text://brand": shop.brand,
            "text://title": shop.title,
            "noise://1": shop.noise(two, seed=1),
            "noise://2": shop.noise(two, seed=2),
            "popularity://": shop.popularity(two),
        },
    )
    share = 1 / len(shop.queries)
    return Judge(shop.query_to_grades, dict.fromkeys(shop.queries, share)), scenario


@pytest.fixture(scope="module")
def known(judge_and_scenario: tuple[Judge, Scenario]) -> References:
    judge, scenario = judge_and_scenario
    return references(scenario, judge)


@pytest.fixture(scope="module")
def learned(judge_and_scenario: tuple[Judge, Scenario]) -> dict[str, list[Learned]]:
    judge, scenario = judge_and_scenario
    return {
        clicks: [
            run(scenario, judge, CLICKS[clicks], 0.0, ENGINES["memory"], seed=seed, n_sessions=300)
            for seed in SEEDS
        ]
        for clicks in CLICKS
    }


@pytest.mark.parametrize("clicks", CLICKS)
@pytest.mark.parametrize(("sessions", "least"), [(100, 0.3), (300, 0.75)])
def test_most_of_the_gap_to_the_best_weights_is_closed(
    learned: dict[str, list[Learned]],
    known: References,
    clicks: str,
    sessions: int,
    least: float,
) -> None:
    found = fmean(one.ndcg[sessions] for one in learned[clicks])
    assert found >= known.rrf + least * (known.oracle - known.rrf)


@pytest.mark.parametrize("clicks", CLICKS)
def test_no_seed_is_worse_than_what_does_not_learn(
    learned: dict[str, list[Learned]], known: References, clicks: str
) -> None:
    for one in learned[clicks]:
        assert min(one.ndcg.values()) > max(known.rrf, known.uniform)
        assert one.served[300] > 0


def test_whole_numbers_learn_what_floats_learn(
    judge_and_scenario: tuple[Judge, Scenario],
) -> None:
    """The same seed, shoppers and draws; every list counts, and nothing is forgotten."""
    judge, scenario = judge_and_scenario
    for seed in SEEDS:
        floats, integers = (
            run(scenario, judge, CLICKS["PBM 1/√r"], 0.0, ENGINES[name], seed=seed, n_sessions=300)
            for name in ("float", "integers")
        )
        assert integers.ndcg[300] == pytest.approx(floats.ndcg[300], abs=0.005)
        assert integers.served[300] == pytest.approx(floats.served[300], abs=0.005)


def test_the_product_learns_what_the_policy_in_memory_learns(
    judge_and_scenario: tuple[Judge, Scenario], learned: dict[str, list[Learned]]
) -> None:
    """With its database, from executions and interactions; the same seed and shoppers."""
    judge, scenario = judge_and_scenario
    found = run(scenario, judge, CLICKS["cascade"], 0.0, ENGINES["product"], seed=0, n_sessions=100)
    assert found.ndcg[100] == pytest.approx(learned["cascade"][0].ndcg[100])
    assert found.served[100] == pytest.approx(learned["cascade"][0].served[100])


@pytest.mark.parametrize("engine", ENGINES)
def test_before_the_first_click_weights_are_equal(engine: str) -> None:
    with closing(ENGINES[engine]("abcde", np.random.default_rng(0))) as made:
        assert made.mean_weights(Context()).tolist() == pytest.approx([0.2] * 5)


def test_the_same_seed_is_the_same_story(
    judge_and_scenario: tuple[Judge, Scenario], learned: dict[str, list[Learned]]
) -> None:
    judge, scenario = judge_and_scenario
    again = run(scenario, judge, CLICKS["cascade"], 0.0, ENGINES["memory"], seed=0, n_sessions=300)
    assert again == learned["cascade"][0]
