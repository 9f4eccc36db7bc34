"""Fits of a few sessions, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from msgspec.structs import replace

from desirepath.methods.click_models.cascade import Cascade, FittedCascade
from desirepath.methods.click_models.ctr import DocumentCTR, GlobalCTR, RankCTR
from desirepath.methods.click_models.evaluating import log_likelihood, perplexity
from desirepath.methods.click_models.pbm import PBM
from desirepath.methods.click_models.rates import Rates
from desirepath.methods.click_models.sdbn import SDBN
from tests.unit.methods.click_models.worlds import sessions_of

# Pairs 0, 1, 2; the second session counts twice.
SEEN = sessions_of([[0, 1, 2], [1, 0]], [[0, 1, 0], [1, 1]], weights=[1.0, 2.0])
ALMOST_NONE = 1e-6


def test_rates_are_clicks_over_impressions_and_two_prior_ones() -> None:
    """Impressions 3 + 2·2 = 7, clicks 1 + 2·2 = 5: pooled (5 + 1) / (7 + 2) = 2/3."""
    pooled = 6 / 9
    assert GlobalCTR().fit(SEEN).rates.mean == pytest.approx([(5 + 2 * pooled) / (7 + 2)])
    assert RankCTR().fit(SEEN).rates.mean == pytest.approx(
        [
            (2 + 2 * pooled) / (3 + 2),  # rank 1: shown 1 + 2 times, clicked 0 + 2
            (3 + 2 * pooled) / (3 + 2),  # rank 2: shown 1 + 2, clicked 1 + 2
            (0 + 2 * pooled) / (1 + 2),  # rank 3: shown 1
        ]
    )
    of_pair_0 = (2 + 2 * pooled) / (3 + 2)  # shown 1 + 2, clicked 0 + 2
    believed = DocumentCTR().fit(SEEN).relevance
    assert believed.mean == pytest.approx([of_pair_0, (3 + 2 * pooled) / 5, 2 * pooled / 3])
    assert believed.variance[0] == pytest.approx(of_pair_0 * (1 - of_pair_0) / (3 + 2 + 1))


def test_the_cascade_looks_down_to_the_first_click() -> None:
    """Looks: pair 0 once, pair 1 1 + 2 times, pair 2 never; clicks: pair 1 1 + 2 times."""
    pooled = (3 + 1) / (4 + 2)
    assert Cascade().fit(SEEN).attractiveness.mean == pytest.approx(
        [(0 + 2 * pooled) / (1 + 2), (3 + 2 * pooled) / (3 + 2), pooled]
    )


def test_the_simplified_dbn_counts_as_its_paper_does() -> None:
    """Looks: pair 0 1 + 2, pair 1 1 + 2, pair 2 never. Clicks: pair 0 2, pair 1 1 + 2.

    Last clicks: pair 0 2, pair 1 1. With next to no prior, rates are those of counts.
    """
    counted = SDBN(most_steps=0, prior_trials=ALMOST_NONE).fit(SEEN)
    assert counted.attractiveness.mean[:2] == pytest.approx([2 / 3, 3 / 3], abs=1e-4)
    assert counted.satisfaction.mean[:2] == pytest.approx([2 / 2, 1 / 3], abs=1e-4)
    assert counted.relevance.mean[:2] == pytest.approx([2 / 3, 1 / 3], abs=1e-4)


def test_the_simplified_dbn_finds_what_is_most_likely() -> None:
    """A list of two has as many kinds of outcomes as parameters, so that these fit exactly.

    Of 1,000: 400 click the first, attractiveness .4. Of the other 600, 300 click the second: .5.
    Of the 400, 100 click the second, which is (1 − satisfaction) · .5 = .25: satisfaction .5. The
    paper counts 300 of 400 last clicks, .75, and for the second 400 clicks of 700 looks, .57.
    """
    outcomes = [[1, 0]] * 300 + [[1, 1]] * 100 + [[0, 1]] * 300 + [[0, 0]] * 300
    sessions = sessions_of([[0, 1]] * 1_000, outcomes)
    fitted = SDBN(prior_trials=ALMOST_NONE, tolerance=1e-9).fit(sessions)
    assert fitted.attractiveness.mean == pytest.approx([0.4, 0.5], abs=1e-4)
    assert fitted.satisfaction.mean[0] == pytest.approx(0.5, abs=1e-4)
    counted = SDBN(most_steps=0, prior_trials=ALMOST_NONE).fit(sessions)
    assert counted.satisfaction.mean[0] == pytest.approx(300 / 400, abs=1e-4)
    assert counted.attractiveness.mean[1] == pytest.approx(400 / 700, abs=1e-4)


def test_the_position_based_model_divides_what_is_a_product() -> None:
    """Attractiveness .6 and .3, examination 1 and .5; each document 10,000 times at each rank.

    Clicks: .6 · 1 · 10,000 = 6,000 and .6 · .5 · 10,000 = 3,000 of the one, 3,000 and 1,500 of the
    other. Who clicked what else is all one to this model.
    """
    n = 10_000
    first = [[int(i < 6_000), int(i < 1_500)] for i in range(n)]
    second = [[int(i < 3_000), int(i < 3_000)] for i in range(n)]
    fitted = PBM().fit(sessions_of([[0, 1]] * n + [[1, 0]] * n, first + second))
    assert fitted.examination == pytest.approx([1.0, 0.5], abs=1e-3)
    assert fitted.attractiveness.mean == pytest.approx([0.6, 0.3], abs=1e-3)


def test_perplexity_is_two_to_the_mean_surprise() -> None:
    """Attractiveness .5 and .5 in a cascade: the first is clicked with .5, the second with .25."""
    model = FittedCascade(attractiveness=Rates.known(np.array([0.5, 0.5])))
    sessions = sessions_of([[0, 1], [0]], [[1, 0], [0]])
    found = perplexity(model, sessions)
    assert found.by_rank == pytest.approx([2.0, 1 / 0.75])
    bits = [1.0, 1.0, -math.log2(0.75)]
    assert found.overall == pytest.approx(2 ** (sum(bits) / 3))


def test_perplexity_of_a_rank_that_was_not_shown_is_not_a_number() -> None:
    model = FittedCascade(attractiveness=Rates.known(np.array([0.5, 0.5])))
    sessions = replace(sessions_of([[0, 1]], [[1, 0]]), ranks=np.array([1, 3]))
    by_rank = perplexity(model, sessions).by_rank
    assert np.isnan(by_rank).tolist() == [False, True, False]


def test_log_likelihood_knows_the_clicks_above_and_is_never_endless() -> None:
    """First a click (.5), then nothing, which is certain; then two clicks, which cannot be."""
    model = FittedCascade(attractiveness=Rates.known(np.array([0.5, 0.5])))
    once = log_likelihood(model, sessions_of([[0, 1]], [[1, 0]]))
    assert once.per_session == pytest.approx(math.log(0.5), abs=1e-5)
    assert once.per_impression == pytest.approx(math.log(0.5) / 2, abs=1e-5)
    twice = log_likelihood(model, sessions_of([[0, 1]], [[1, 1]]))
    assert twice.per_session == pytest.approx(math.log(0.5) + math.log(1e-6))
    weighted = sessions_of([[0, 1], [0, 1]], [[1, 0], [1, 1]], weights=[3.0, 1.0])
    assert log_likelihood(model, weighted).per_session == pytest.approx(
        (3 * once.per_session + twice.per_session) / 4
    )
