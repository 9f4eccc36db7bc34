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
    """Steps that turn back on themselves: what lies ahead of two of them is no better."""

    def turn(parameters: FloatArray) -> tuple[FloatArray, float]:
        x = float(parameters[0])
        return np.array([min(x + 0.1, 0.6)]), -abs(x - 0.6)

    seen: list[EMStep] = []
    end = maximize(turn, np.array([0.15]), 1e-6, 60, seen.append)
    assert end.parameters == pytest.approx([0.6])
    objectives = [step.objective for step in seen]
    assert objectives == sorted(objectives)


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
