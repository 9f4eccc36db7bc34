"""What counts cannot say, and how much more would."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.errors import NotEnoughData
from desirepath.methods.position_bias.base import Estimator, Propensities, RankCounts
from desirepath.methods.position_bias.harvesting import harvest
from desirepath.testing.clicked_lists import EXAMINATIONS, Traffic
from tests.unit.methods.position_bias.cells import (
    ESTIMATORS,
    counted,
    queries_alike,
    simulated,
)

MOVED = "clicks at each rank on documents that were also shown at another"

DEGENERATE: dict[str, tuple[RankCounts, str]] = {
    "no entries": (counted([]), "Nothing was shown."),
    "no impressions": (counted([(0, 0, 1, 0, 0)]), "Nothing was shown."),
    "one rank": (queries_alike([(1, 100, 30)]), "Everything was shown at rank 1."),
    "no clicks": (
        queries_alike([(1, 100, 0), (2, 100, 0)]),
        "None of 4,000 impressions was clicked.",
    ),
    "nothing moved": (
        counted([(p, p // 5, p % 5 + 1, 100, 30 - p % 5) for p in range(50)]),
        "Each of 50 documents always stood at one rank",
    ),
    "a rank without clicks": (
        queries_alike([(1, 100, 30), (2, 100, 20), (3, 100, 0)]),
        "Rank 3 cannot be compared with rank 1",
    ),
    "a rank without documents": (
        queries_alike([(1, 100, 30), (3, 100, 20)]),
        "Rank 2 cannot be compared with rank 1",
    ),
    "ranks of their own": (
        counted([
            (p, p, rank, 100, 20)
            for p in range(40)
            for rank in ((1, 2) if p % 2 else (3, 4))
        ]),
        "Rank 3 cannot be compared with rank 1",
    ),
}  # fmt: skip

every = pytest.mark.parametrize("name", ESTIMATORS)


@every
@pytest.mark.parametrize("case", DEGENERATE)
def test_what_cannot_be_told_is_said(name: str, case: str) -> None:
    counts, why = DEGENERATE[case]
    with pytest.raises(NotEnoughData) as refused:
        ESTIMATORS[name](counts)
    assert refused.value.message.startswith(why)
    assert refused.value.what == MOVED
    assert refused.value.needed > refused.value.found


def test_the_amount_is_that_of_two_counts() -> None:
    """For ±0.1 at 95 %: a ratio near 1 has variance 2 / clicks, so 2 · (1.96 / 0.1)² = 768."""
    with pytest.raises(NotEnoughData) as refused:
        harvest(counted([]))
    assert (refused.value.needed, refused.value.found) == (770, 0)
    with pytest.raises(NotEnoughData) as refused:
        harvest(counted([]), precision=0.05)
    assert refused.value.needed == 3_100


@every
def test_one_query_has_no_interval(name: str) -> None:
    cells = [(p, 0, rank, 500, 200 // rank) for p in range(20) for rank in (1, 2)]
    with pytest.raises(NotEnoughData, match="Too few queries tell ranks apart") as refused:
        ESTIMATORS[name](counted(cells))
    assert (refused.value.needed, refused.value.found) == (2, 1)


def test_one_query_is_many_documents() -> None:
    """Where there are no queries, documents are the clusters."""
    rng = np.random.default_rng(5)
    cells = [
        (p, p, rank, 500, int(rng.binomial(500, 0.4 / rank))) for p in range(20) for rank in (1, 2)
    ]
    assert harvest(counted(cells)).values[1] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("precision", [0.03, 0.04])
def test_the_traffic_that_it_takes_is_about_enough(precision: float) -> None:
    """A third more than the refusal names is answered, and half of it is not."""
    examination = EXAMINATIONS["1/√rank"]
    with pytest.raises(NotEnoughData) as refused:
        harvest(simulated(examination, seed=6, n_lists=4_000), precision=precision)
    assert refused.value.what == "searches whose results move as now"
    assert refused.value.found == 4_000
    needed = refused.value.needed
    assert 4_000 < needed < 60_000
    harvest(simulated(examination, seed=7, n_lists=needed * 4 // 3), precision=precision)
    with pytest.raises(NotEnoughData):
        harvest(simulated(examination, seed=8, n_lists=needed // 2), precision=precision)


@every
def test_results_that_hardly_move_are_refused_for_any_amount_of_clicks(name: str) -> None:
    still = simulated(EXAMINATIONS["1/rank"], seed=9, n_lists=20_000, traffic=Traffic(sampling=0.0))
    with pytest.raises(NotEnoughData, match="always stood at one rank"):
        ESTIMATORS[name](still)


@every
@pytest.mark.parametrize("n_lists", [1, 10, 100, 1_000])
def test_a_small_log_is_answered_or_refused_and_never_by_nan(name: str, n_lists: int) -> None:
    for seed in range(5):
        counts = simulated(EXAMINATIONS["1/rank"], seed, n_lists, Traffic(n_queries=5))
        found = answer_or_none(ESTIMATORS[name], counts)
        if found is not None:
            assert np.isfinite(found.upper).all()
            assert found.half_widths.max() <= 5.0


def answer_or_none(estimate: Estimator, counts: RankCounts) -> Propensities | None:
    try:
        return estimate(counts, precision=5.0, max_rank=3)
    except NotEnoughData:
        return None
