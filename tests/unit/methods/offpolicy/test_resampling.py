"""Propensities by draws: exact expectations by enumeration, and the same order as a search's."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from desirepath.errors import InvalidInput
from desirepath.methods.bandits.linear_thompson import EffectPosterior
from desirepath.methods.bandits.weights import weights_of, weights_of_each
from desirepath.methods.fusion.base import best_first
from desirepath.methods.fusion.learned import learned_scores
from desirepath.methods.offpolicy import estimators
from desirepath.methods.offpolicy.base import FloatArray
from desirepath.methods.offpolicy.resampling import (
    BoolArray,
    Recurrence,
    best_rows,
    down_to,
    recurrence,
)
from desirepath.methods.offpolicy.reward_model import N_FOLDS, cross_fitted

LISTS = np.array([[0, 1], [1, 0], [0, 2], [2, 1]])
LIVE = np.array([0.4, 0.25, 0.3, 0.05])
NEW = LISTS[2]
"""It shows the first document where the live policy mostly does, and the other mostly elsewhere."""
BY_PLACE = np.array([[0.5, 0.3], [0.2, 0.6], [0.1, 0.4]])[LISTS, [0, 1]]
FROM_TOP = BY_PLACE * np.column_stack([np.ones(4), 1.0 - BY_PLACE[:, 0]])
N_DRAWS = 3


def _enumerated() -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], FloatArray]:
    """All that can be shown and drawn, shape (256·4, 1 + draws), and how likely it is."""
    outcomes = np.array(list(product(range(4), repeat=N_DRAWS + 2)))
    return outcomes, np.prod(LIVE[outcomes], axis=1)


OUTCOMES, CHANCES = _enumerated()
SHOWN = OUTCOMES[:, 0]


def _chance_that_one_agrees(agrees: BoolArray) -> FloatArray:
    """In N_DRAWS + 1 draws, by place."""
    return np.asarray(1.0 - (1.0 - LIVE @ agrees) ** (N_DRAWS + 1))


def _recurrence(agrees: BoolArray) -> Recurrence:
    return recurrence(agrees[OUTCOMES[:, 1:]], agrees[SHOWN])


def test_item_position_expects_what_both_policies_earn_by_what_can_be_told() -> None:
    agrees = LISTS == NEW
    told = _chance_that_one_agrees(agrees)
    truth = told * BY_PLACE[2] + (1.0 - told) * (LIVE @ BY_PLACE)
    terms = estimators.item_position(_recurrence(agrees).ratios, BY_PLACE[SHOWN])
    assert CHANCES @ terms.numerators == pytest.approx(truth.sum(), abs=1e-12)


def test_reward_interaction_expects_it_down_to_each_place() -> None:
    agrees = down_to(LISTS == NEW)
    told = _chance_that_one_agrees(agrees)
    truth = told * FROM_TOP[2] + (1.0 - told) * (LIVE @ FROM_TOP)
    terms = estimators.reward_interaction(_recurrence(agrees).ratios, FROM_TOP[SHOWN])
    assert CHANCES @ terms.numerators == pytest.approx(truth.sum(), abs=1e-12)


def test_ips_and_doubly_robust_expect_it_of_whole_lists() -> None:
    agrees = down_to(LISTS == NEW)[:, -1:]
    earned = FROM_TOP.sum(axis=1)
    (told,) = _chance_that_one_agrees(agrees)
    truth = told * earned[2] + (1.0 - told) * (LIVE @ earned)
    found = _recurrence(agrees)
    ratios, seen = found.ratios[:, 0], found.seen[:, 0]
    plain = estimators.ips(ratios, earned[SHOWN])
    assert CHANCES @ plain.numerators == pytest.approx(truth, abs=1e-12)
    model = np.array([0.9, 0.1, 0.4, 0.7])  # of no worth
    robust = estimators.doubly_robust(
        ratios, earned[SHOWN], model[SHOWN], np.where(seen, model[2], model[SHOWN])
    )
    assert CHANCES @ robust.numerators == pytest.approx(truth, abs=1e-12)


@pytest.mark.parametrize("off_by", [0.0, 0.4])
def test_what_cannot_be_told_is_left_to_the_model_and_the_rest_is_not(off_by: float) -> None:
    """The form that decides: what the model expects of the new list, and what it missed."""
    for agrees, estimate, rewards in (
        (down_to(LISTS == NEW), estimators.reward_interaction, FROM_TOP),
        (LISTS == NEW, estimators.item_position, BY_PLACE),
    ):
        model = rewards + off_by * (1 + LISTS)  # wrong by document
        told = _chance_that_one_agrees(agrees)
        truth = (told * rewards[2] + (1.0 - told) * model[2]).sum()
        terms = estimate(_recurrence(agrees).weights, rewards[SHOWN] - model[SHOWN])
        expected = model[2].sum() + CHANCES @ terms.numerators
        assert expected == pytest.approx(truth, abs=1e-12)


def test_ratios_expect_one_however_few_the_draws() -> None:
    found = _recurrence(LISTS == NEW)
    assert CHANCES @ found.ratios == pytest.approx([1.0, 1.0], abs=1e-12)


def test_what_never_recurs_counts_as_no_change() -> None:
    never = recurrence(np.zeros((5, 4, 2), bool), np.zeros((5, 2), bool))
    assert (never.ratios == 1.0).all()
    assert not never.seen.any()


def test_one_draw_is_none() -> None:
    with pytest.raises(InvalidInput):
        recurrence(np.ones((1, 1, 1), bool), np.ones((1, 1), bool))


@pytest.mark.parametrize("n_documents", [1, 7, 50, 200])
def test_pools_are_ranked_as_a_search_ranks_them(n_documents: int) -> None:
    rng = np.random.default_rng(n_documents)
    # Few different levels, so that many scores are equal.
    levels = (rng.integers(0, 4, (20, n_documents, 3)) * 20_000).astype(np.uint16)
    weights = rng.dirichlet(np.ones(3), (20, 6))
    weights[:, 0] = [1.0, 0.0, 0.0]
    most = min(10, n_documents)
    rows = best_rows(levels, weights, most)
    for pool in range(20):
        for draw in range(6):
            expected = best_first(learned_scores(levels[pool], weights[pool, draw]))[:most]
            assert rows[pool, draw].tolist() == expected.tolist()


@pytest.mark.parametrize("bounds", [None, (0.1, 0.6)])
def test_many_draws_become_weights_as_one_does(bounds: tuple[float, float] | None) -> None:
    posterior = EffectPosterior(
        mean=np.array([0.1, -0.1, 0.02]), factor=np.triu(np.full((3, 3), 0.1))
    )
    effects = posterior.samples(2.0, 500, np.random.default_rng(3))
    effects[0] = -1.0
    each = weights_of_each(effects, bounds)
    assert each == pytest.approx(np.array([weights_of(one, bounds) for one in effects]))


def test_many_draws_have_the_spread_of_the_posterior() -> None:
    factor = np.array([[0.3, 0.2], [0.0, 0.1]])
    posterior = EffectPosterior(mean=np.array([1.0, 2.0]), factor=factor)
    drawn = posterior.samples(4.0, 200_000, np.random.default_rng(4))
    assert drawn.mean(axis=0) == pytest.approx([1.0, 2.0], abs=0.01)
    assert np.cov(drawn.T) == pytest.approx(4.0 * factor @ factor.T, abs=0.01)


def test_a_list_is_predicted_by_what_others_did() -> None:
    rng = np.random.default_rng(5)
    n = 5_000
    shown = np.concatenate([np.ones((n, 2, 1)), rng.random((n, 2, 1))], axis=2)
    rewards = shown @ np.array([0.1, 0.5])
    folds = rng.integers(0, N_FOLDS, n)
    predicted, moved = cross_fitted(shown, shown[::-1], rewards, folds)
    assert predicted == pytest.approx(rewards, abs=0.01)
    assert moved == pytest.approx(rewards[::-1], abs=0.01)
    # What one list earned has no part in its own prediction.
    rewards[0] += 1_000.0
    assert cross_fitted(shown, shown, rewards, folds)[0][0] == pytest.approx(predicted[0])
