"""What the paper's counts take for satisfied, and what is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from desirepath.methods.click_models.evaluating import log_likelihood
from desirepath.methods.click_models.rates import Rates
from desirepath.methods.click_models.sdbn import SDBN, FittedSDBN
from desirepath.methods.judgments import interval
from tests.unit.methods.click_models.worlds import N_PAIRS, shuffled_lists


def test_both_rates_are_recovered_where_the_counts_of_the_paper_are_too_high(
    figure: Callable[[str], None],
) -> None:
    """100,000 simulated sessions, seed 7; mean errors over pairs, weighted by impressions."""
    rng = np.random.default_rng(7)
    truth = FittedSDBN(
        attractiveness=Rates.known(rng.beta(1.0, 3.0, N_PAIRS)),
        satisfaction=Rates.known(rng.beta(2.0, 2.0, N_PAIRS)),
    )
    lists, held_out = shuffled_lists(100_000, rng), shuffled_lists(20_000, rng)
    sessions, new = truth.simulate(lists, rng), truth.simulate(held_out, rng)
    shown = np.bincount(sessions.pairs, minlength=N_PAIRS)

    def bias(found: Rates, true: Rates) -> float:
        return float(np.average(found.mean - true.mean, weights=shown))

    def inside(found: Rates, true: Rates) -> float:
        low, high = interval(found)
        return float(((low <= true.mean) & (true.mean <= high)).mean())

    fitted, counted = SDBN().fit(sessions), SDBN(most_steps=0).fit(sessions)
    biases = {
        name: (
            bias(model.attractiveness, truth.attractiveness),
            bias(model.satisfaction, truth.satisfaction),
        )
        for name, model in (("most likely", fitted), ("as the paper counts", counted))
    }
    figure(f"too high by (attractiveness, satisfaction), 100,000 simulated sessions: {biases}")
    assert np.abs(biases["most likely"]).max() < 0.01
    assert biases["as the paper counts"][0] > 0.02
    assert biases["as the paper counts"][1] > 0.10
    assert inside(fitted.attractiveness, truth.attractiveness) >= 0.92
    assert inside(fitted.satisfaction, truth.satisfaction) >= 0.92
    assert log_likelihood(fitted, new).per_session > log_likelihood(counted, new).per_session
