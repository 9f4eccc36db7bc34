"""What holds of every click model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from desirepath.errors import NotEnoughData
from desirepath.methods.click_models.base import ClickModel, FittedClickModel
from desirepath.methods.click_models.ctr import DocumentCTR, GlobalCTR, RankCTR
from desirepath.methods.click_models.evaluating import perplexity
from desirepath.methods.click_models.models import CLICK_MODELS, JUDGING_MODELS
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.judgments import interval
from tests.unit.methods.click_models.worlds import (
    N_PAIRS,
    every_outcome,
    search_sessions,
    sessions_of,
    shuffled_lists,
    truths,
)

every_model = pytest.mark.parametrize("model", CLICK_MODELS.values(), ids=CLICK_MODELS)
every_truth = pytest.mark.parametrize("name", CLICK_MODELS)

# The largest mean absolute error of relevance, weighted by impressions, that is a recovery; about
# 1.15 times what was measured, and so a fall with the root of the number of sessions.
TOLERANCES = {
    20_000: {"dctr": 0.027, "pbm": 0.060, "cascade": 0.053, "sdbn": 0.032},
    100_000: {"dctr": 0.0125, "pbm": 0.030, "cascade": 0.026, "sdbn": 0.016},
}


@pytest.mark.parametrize("n_sessions", TOLERANCES)
@pytest.mark.parametrize("name", JUDGING_MODELS)
def test_parameters_of_simulated_people_are_recovered(
    name: str, n_sessions: int, figure: Callable[[str], None]
) -> None:
    """Seed 1; 1,500 pairs. Of their 95 % intervals at least 92 % hold the truth."""
    rng = np.random.default_rng(1)
    lists, held_out = shuffled_lists(n_sessions, rng), shuffled_lists(20_000, rng)
    truth = truths(rng)[name]
    sessions, new = truth.simulate(lists, rng), truth.simulate(held_out, rng)

    fitted = CLICK_MODELS[name].fit(sessions)

    shown = np.bincount(sessions.pairs, minlength=N_PAIRS)
    errors = np.abs(fitted.relevance.mean - truth.relevance.mean)
    error = float(np.average(errors, weights=shown))
    low, high = interval(fitted.relevance)
    is_inside = (low <= truth.relevance.mean) & (truth.relevance.mean <= high)
    reached, best = perplexity(fitted, new).overall, perplexity(truth, new).overall
    baselines = {
        model: perplexity(CLICK_MODELS[model].fit(sessions), new).overall
        for model in ("gctr", "rctr", "dctr")
    }
    figure(
        f"{name}, {n_sessions:,} simulated sessions of 10: relevance off by {error:.4f}, "
        f"{is_inside.mean():.1%} of intervals hold the truth; perplexity {reached:.4f}, of the "
        f"truth {best:.4f}, of "
        + ", ".join(f"{model} {value:.4f}" for model, value in baselines.items())
    )
    assert error <= TOLERANCES[n_sessions][name]
    assert is_inside.mean() >= 0.92
    assert reached == pytest.approx(best, rel=0.01)
    assert all(reached < value for model, value in baselines.items() if model != name)


@every_truth
def test_what_is_simulated_is_clicked_as_often_as_foretold(name: str) -> None:
    """20,000 sessions, seed 2: each rank within five standard errors."""
    rng = np.random.default_rng(2)
    truth = truths(rng)[name]
    sessions = truth.simulate(shuffled_lists(20_000, rng), rng)
    foretold = truth.click_probabilities(sessions)
    for rank in range(1, 11):
        at_rank = sessions.ranks == rank
        error = np.sqrt((foretold[at_rank] * (1.0 - foretold[at_rank])).sum())
        off = sessions.clicked[at_rank].sum() - foretold[at_rank].sum()
        assert abs(off) < 5 * error


@every_truth
def test_chances_of_all_that_can_happen_add_up(name: str) -> None:
    """Every way to click on a list of four: their chances sum to 1, and to the marginals."""
    truth = truths(np.random.default_rng(3), n_pairs=5)[name]
    outcomes = every_outcome([3, 0, 4, 1], n_pairs=5)
    clicked = outcomes.clicked.reshape(-1, 4)
    conditional = truth.conditional_probabilities(outcomes).reshape(-1, 4)
    chances = np.where(clicked, conditional, 1.0 - conditional).prod(axis=1)
    assert chances.sum() == pytest.approx(1.0)
    marginal = truth.click_probabilities(outcomes).reshape(-1, 4)
    assert (marginal == marginal[0]).all()
    assert chances @ clicked == pytest.approx(marginal[0])


@every_model
@given(sessions=search_sessions())
def test_chances_are_chances(model: ClickModel, sessions: SearchSessions) -> None:
    fitted = model.fit(sessions)
    for chances in (
        fitted.click_probabilities(sessions),
        fitted.conditional_probabilities(sessions),
        fitted.relevance.mean,
        np.array([fitted.relevance.prior]),
    ):
        assert ((chances >= 0.0) & (chances <= 1.0)).all()
    assert (fitted.relevance.variance >= 0.0).all()
    assert (fitted.relevance.variance < 0.26).all()
    assert len(fitted.relevance.mean) == sessions.n_pairs


def same(left: FittedClickModel, right: FittedClickModel, sessions: SearchSessions) -> bool:
    """Equal but for rounding and what a fit leaves open."""
    return bool(
        np.allclose(left.relevance.mean, right.relevance.mean, rtol=0.0, atol=1e-4)
        and np.allclose(left.relevance.variance, right.relevance.variance, rtol=0.0, atol=1e-4)
        and np.allclose(
            left.click_probabilities(sessions),
            right.click_probabilities(sessions),
            rtol=0.0,
            atol=1e-4,
        )
    )


@every_model
@given(sessions=search_sessions(), seed=st.integers(0, 2**32 - 1))
def test_the_order_of_sessions_does_not_matter(
    model: ClickModel, sessions: SearchSessions, seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(sessions.n_sessions)
    assert same(model.fit(sessions), model.fit(sessions.take(order)), sessions)


@every_model
@given(sessions=search_sessions(), seed=st.integers(0, 2**32 - 1))
def test_a_weight_of_two_is_the_session_twice(
    model: ClickModel, sessions: SearchSessions, seed: int
) -> None:
    times = np.random.default_rng(seed).integers(0, 3, sessions.n_sessions)
    times[0] = 2  # it has a click
    weighted = replace(sessions, weights=sessions.session_weights * times)
    repeated = sessions.take(np.repeat(np.arange(sessions.n_sessions), times))
    assert same(model.fit(weighted), model.fit(repeated), sessions)


@every_model
@pytest.mark.parametrize(
    ("sessions", "what"),
    [
        (sessions_of([]), "documents shown"),
        (sessions_of([[], []]), "documents shown"),
        (sessions_of([[0, 1]], [[1, 0]], weights=[0.0]), "documents shown"),
        (sessions_of([[0, 1], [1, 0]]), "clicks"),
        (sessions_of([[0], [1]], [[1], [0]], weights=[0.0, 1.0]), "clicks"),
    ],
)
def test_nothing_to_learn_from_is_said(
    model: ClickModel, sessions: SearchSessions, what: str
) -> None:
    with pytest.raises(NotEnoughData, match=f"Not enough {what}: 1 needed, 0 found") as raised:
        model.fit(sessions)
    assert (raised.value.what, raised.value.needed, raised.value.found) == (what, 1, 0)


@every_model
@pytest.mark.parametrize(
    "sessions",
    [
        sessions_of([[0]], [[1]]),
        sessions_of([[0, 1, 2]] * 5, [[1, 1, 1]] * 5),
        sessions_of([[0, 1, 2]], [[0, 1, 0]]),
        sessions_of([[0], [1], [0]], [[1], [0], [0]]),
    ],
    ids=["one of one", "all clicked", "one session", "one rank"],
)
def test_little_is_enough(model: ClickModel, sessions: SearchSessions) -> None:
    fitted = model.fit(sessions)
    for chances in (fitted.click_probabilities(sessions), fitted.relevance.mean):
        assert ((chances > 0.0) & (chances < 1.0)).all()
    assert (fitted.relevance.variance > 0.0).all()


@pytest.mark.parametrize("model", JUDGING_MODELS.values(), ids=JUDGING_MODELS)
def test_a_pair_that_was_never_shown_is_like_the_average(model: ClickModel) -> None:
    seen = sessions_of([[0, 1], [1, 0], [0, 2]], [[1, 0], [0, 1], [1, 0]], n_pairs=4)
    fitted = model.fit(seen)
    assert fitted.relevance.mean[3] == pytest.approx(fitted.relevance.prior, abs=1e-4)
    newer = sessions_of([[3], [9]])
    known, unknown = fitted.click_probabilities(newer)
    assert known == pytest.approx(unknown, abs=1e-4)


@pytest.mark.parametrize("model", [GlobalCTR(), RankCTR()])
def test_rates_without_documents_call_all_of_them_equal(model: ClickModel) -> None:
    seen = sessions_of([[0, 1], [1, 0]], [[1, 0], [0, 1]])
    (mean,) = set(model.fit(seen).relevance.mean)
    assert mean == pytest.approx((2 + 1) / (4 + 2))
    assert DocumentCTR().fit(seen).relevance.mean[0] > mean
