"""Long strides: never downhill, and soon there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from desirepath.methods.click_models.em import EMStep, maximize
from desirepath.methods.click_models.pbm import PBM
from desirepath.methods.click_models.sdbn import SDBN
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.levels import FloatArray
from tests.unit.methods.click_models.worlds import search_sessions, shuffled_lists, truths

TARGET = np.array([0.2, 0.7])
STAYS = np.array([0.99, 0.5])


def crawl(parameters: FloatArray) -> tuple[FloatArray, float]:
    """Go a hundredth of the way, in the first parameter."""
    return TARGET + STAYS * (parameters - TARGET), -float(np.abs(parameters - TARGET).sum())


def test_strides_arrive_where_steps_crawl() -> None:
    begin = np.array([0.9, 0.1])
    alone = begin
    for _ in range(60):
        alone, _ = crawl(alone)
    end = maximize(crawl, begin, tolerance=1e-9, most_steps=60)
    assert np.abs(alone - TARGET).max() > 0.3
    assert end.is_converged
    assert end.parameters == pytest.approx(TARGET, abs=1e-6)


def test_a_guess_that_is_worse_is_not_taken() -> None:
    """From .15 steps go by .1 and by .075, which foretells .15 + 2·4·.1 − 4²·.025 = .55.

    The best is at .36, so that .55 is worse than the first step's .25, and the second step's .325
    is where the next stride begins.
    """

    def step(parameters: FloatArray) -> tuple[FloatArray, float]:
        x = float(parameters[0])
        by = 0.1 if x < 0.2 else 0.075 if x < 0.3 else (0.36 - x) / 2
        return np.array([x + by]), -abs(x - 0.36)

    seen: list[EMStep] = []
    end = maximize(step, np.array([0.15]), 1e-9, 90, seen.append)
    assert seen[1].objective == pytest.approx(-(0.36 - 0.325))
    assert end.parameters == pytest.approx([0.36])


def test_it_stops_when_the_steps_run_out() -> None:
    seen: list[EMStep] = []
    end = maximize(crawl, np.array([0.9, 0.1]), 0.0, 7, seen.append)
    assert not end.is_converged
    assert [step.number for step in seen] == [3, 6, 9]
    assert end.n_steps == 9


@pytest.mark.parametrize("model", [PBM(), SDBN()], ids=["pbm", "sdbn"])
@given(sessions=search_sessions())
def test_the_objective_never_falls(model: PBM | SDBN, sessions: SearchSessions) -> None:
    seen: list[EMStep] = []
    model.fit(sessions, seen.append)
    objectives = np.array([step.objective for step in seen])
    assert len(objectives) >= 1
    assert (np.diff(objectives) >= -1e-9 * np.abs(objectives[1:])).all()


@pytest.mark.parametrize(("name", "model"), [("pbm", PBM()), ("sdbn", SDBN())])
def test_a_fit_ends_where_longer_ones_end(name: str, model: PBM | SDBN) -> None:
    """5,000 simulated sessions whose documents hardly move, seed 4."""
    rng = np.random.default_rng(4)
    lists = shuffled_lists(5_000, rng, moves=0.5)
    sessions = truths(rng)[name].simulate(lists, rng)
    fitted = model.fit(sessions)
    assert fitted.is_converged
    longer = type(model)(tolerance=1e-9, most_steps=20_000).fit(sessions)
    assert longer.n_steps > fitted.n_steps
    off = np.abs(longer.click_probabilities(sessions) - fitted.click_probabilities(sessions))
    assert off.max() < 1e-3
