"""Whether two estimators agree."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.position_bias.agreement import Verdict, agreement
from desirepath.methods.position_bias.base import Propensities, RankCounts
from desirepath.methods.position_bias.coec import propensities_by_coec
from desirepath.methods.position_bias.harvesting import harvest
from desirepath.methods.position_bias.intervals import Contributions, propensities_of
from desirepath.methods.position_bias.regression_em import regression_em
from desirepath.testing.clicked_lists import EXAMINATIONS
from tests.unit.methods.position_bias.cells import simulated

N_QUERIES = 100


def estimate(value: float, influence: np.ndarray) -> Propensities:
    """Make up an estimate of two ranks, to which each query contributed that much."""
    spread = np.stack([np.zeros(N_QUERIES), influence], axis=1)
    contributions = Contributions(np.arange(N_QUERIES), spread, np.ones_like(spread))
    logs = np.log(np.array([1.0, value]))
    return propensities_of(logs, contributions, level=0.95, last_is_shared=True)


NOISE = np.random.default_rng(1).normal(0.0, 0.01, N_QUERIES)
OTHER_NOISE = np.random.default_rng(2).normal(0.0, 0.01, N_QUERIES)


def test_the_same_estimate_agrees_with_itself() -> None:
    found = agreement(estimate(0.5, NOISE), estimate(0.5, NOISE))
    assert found.verdict is Verdict.AGREE
    assert found.comparison.errors.tolist() == [0.0]
    assert found.comparison.distances.tolist() == [0.0]


def test_estimates_that_err_together_are_closer_than_their_intervals() -> None:
    """Differences far inside both intervals tell, where every query moved both alike."""
    together = agreement(estimate(0.5, 5 * NOISE), estimate(0.58, 5 * NOISE + 0.1 * OTHER_NOISE))
    assert together.verdict is Verdict.DISAGREE
    by_themselves = agreement(estimate(0.5, 5 * NOISE), estimate(0.58, 5 * OTHER_NOISE))
    assert by_themselves.verdict is Verdict.CANNOT_TELL


def test_the_joint_error_is_that_of_the_differences() -> None:
    first, second = estimate(0.5, NOISE), estimate(0.4, OTHER_NOISE)
    lone = 1.0 - 1.0 / N_QUERIES  # leverage
    expected = np.sqrt(np.square(NOISE - OTHER_NOISE).sum() / lone * 0.5 * 0.4)
    found = agreement(first, second).comparison
    assert found.errors.tolist() == pytest.approx([expected])
    assert found.distances.tolist() == pytest.approx([0.1 / expected])


def test_a_sure_difference_that_does_not_matter_is_none() -> None:
    found = agreement(estimate(0.50, NOISE), estimate(0.51, NOISE + 0.01 * OTHER_NOISE))
    assert found.comparison.apart.all()
    assert found.verdict is Verdict.AGREE
    stricter = agreement(
        estimate(0.50, NOISE), estimate(0.51, NOISE + 0.01 * OTHER_NOISE), tolerance=0.005
    )
    assert stricter.verdict is Verdict.DISAGREE


def test_it_says_so_in_words() -> None:
    far = agreement(estimate(0.5, NOISE), estimate(0.8, NOISE + 0.1 * OTHER_NOISE))
    assert far.sentence.startswith("They disagree: ")
    assert "0.300 at rank 2" in far.sentence
    unsure = agreement(estimate(0.5, 9 * NOISE), estimate(0.5, 9 * OTHER_NOISE))
    assert unsure.sentence.startswith("It cannot be told whether they agree: ")


@pytest.fixture(scope="module")
def counts() -> RankCounts:
    return simulated(EXAMINATIONS["1/√rank"], seed=21, n_lists=20_000)


def test_estimators_agree_where_the_model_holds(counts: RankCounts) -> None:
    first = harvest(counts)
    assert agreement(first, regression_em(counts)).verdict is Verdict.AGREE
    assert agreement(first, propensities_by_coec(counts)).verdict is Verdict.AGREE


def test_they_disagree_where_documents_that_stand_alike_are_not_alike() -> None:
    """Good ones more often at ranks 1 and 3, bad ones at 2 and 4, alike in mean and in spread.

    Harvesting compares each with itself; the regression takes the rank for what is the document.
    """
    logs, looked = np.log(np.arange(1, 5)), np.array([1.0, 0.7, 0.6, 0.5])
    # The one way to move shares between four ranks that keeps sum, mean and spread of the logs.
    tilt = np.linalg.svd(np.vander(logs, 3).T)[2][-1]
    tilt = 0.2 * tilt / np.abs(tilt).max() * np.sign(tilt[0])
    rng = np.random.default_rng(22)
    good = np.arange(400) % 2 == 0
    n = rng.multinomial(1_000, 0.25 + np.where(good[:, None], tilt, -tilt))
    c = rng.binomial(n, np.outer(np.where(good, 0.6, 0.2), looked))
    pair = np.repeat(np.arange(400), 4)
    made_up = RankCounts(
        pair=pair, cluster=pair // 4, rank=np.tile([1, 2, 3, 4], 400), n=n.ravel(), c=c.ravel()
    )
    first, second = harvest(made_up), regression_em(made_up)
    assert np.abs(first.values - looked).max() < 0.02
    assert np.abs(second.values - looked).max() > 0.05
    found = agreement(first, second)
    assert found.verdict is Verdict.DISAGREE
    assert found.sentence.startswith("They disagree")
