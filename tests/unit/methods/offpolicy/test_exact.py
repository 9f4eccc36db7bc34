"""Expectations of unbiased estimators, by enumeration of all lists of two of three documents."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from desirepath.errors import InvalidInput, NotEnoughData
from desirepath.methods.offpolicy import estimators
from desirepath.methods.offpolicy.base import FloatArray, ratios
from desirepath.methods.offpolicy.verdict import check_overlap, compare

LISTS = np.array(list(permutations(range(3), 2)))
LOGGING = np.array([0.3, 0.1, 0.2, 0.1, 0.25, 0.05])
TARGET = np.array([0.05, 0.4, 0.1, 0.15, 0.0, 0.3])
BY_PLACE = np.array([[0.5, 0.3], [0.2, 0.6], [0.1, 0.4]])[LISTS, [0, 1]]
# The second place earns less below a document that satisfied.
FROM_TOP = BY_PLACE * np.column_stack([np.ones(6), 1.0 - BY_PLACE[:, 0]])


def test_ips_expects_the_truth() -> None:
    rewards = FROM_TOP.sum(axis=1)
    terms = estimators.ips(ratios(TARGET, LOGGING), rewards)
    assert LOGGING @ terms.numerators == pytest.approx(TARGET @ rewards, abs=1e-12)


@pytest.mark.parametrize("off_by", [0.0, 0.7, -2.0])
def test_doubly_robust_expects_the_truth_by_any_model(off_by: float) -> None:
    rewards = FROM_TOP.sum(axis=1)
    model = rewards + off_by * np.arange(6)
    weights = ratios(TARGET, LOGGING)
    terms = estimators.doubly_robust(weights, rewards, model, np.full(6, TARGET @ model))
    assert LOGGING @ terms.numerators == pytest.approx(TARGET @ rewards, abs=1e-12)


def test_doubly_robust_has_no_variance_by_the_true_model_and_ips_has() -> None:
    rewards = FROM_TOP.sum(axis=1)
    weights = ratios(TARGET, LOGGING)
    robust = estimators.doubly_robust(weights, rewards, rewards, np.full(6, TARGET @ rewards))
    assert np.ptp(robust.numerators) == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(estimators.ips(weights, rewards).numerators) > 0.5


def test_item_position_expects_the_truth_where_places_earn_by_themselves() -> None:
    weights = ratios(_marginals(TARGET), _marginals(LOGGING))
    terms = estimators.item_position(weights, BY_PLACE)
    assert LOGGING @ terms.numerators == pytest.approx(TARGET @ BY_PLACE.sum(axis=1), abs=1e-12)


def test_reward_interaction_expects_the_truth_where_people_read_from_the_top() -> None:
    weights = ratios(_down_to(TARGET), _down_to(LOGGING))
    terms = estimators.reward_interaction(weights, FROM_TOP)
    truth = TARGET @ FROM_TOP.sum(axis=1)
    assert LOGGING @ terms.numerators == pytest.approx(truth, abs=1e-12)
    by_place = estimators.item_position(ratios(_marginals(TARGET), _marginals(LOGGING)), FROM_TOP)
    assert abs(LOGGING @ by_place.numerators - truth) > 0.001


def test_effective_sample_is_that_of_equal_weights_and_of_one() -> None:
    rewards = np.ones(4)
    assert estimators.ips(np.full(4, 0.5), rewards).effective_sample == pytest.approx(4.0)
    alone = estimators.ips(np.array([9.0, 0.0, 0.0, 0.0]), rewards)
    assert alone.effective_sample == pytest.approx(1.0)


@pytest.mark.parametrize("propensity", [0.0, -0.1, 1.1, float("nan")])
def test_a_propensity_that_is_none_is_refused(propensity: float) -> None:
    with pytest.raises(InvalidInput):
        ratios(np.array([0.5]), np.array([propensity]))


def test_thin_logs_are_refused() -> None:
    with pytest.raises(NotEnoughData):
        check_overlap(estimators.ips(np.ones(99), np.ones(99)))
    enough = estimators.ips(np.ones(100), np.ones(100))
    check_overlap(enough, 0.9)
    with pytest.raises(NotEnoughData):
        check_overlap(enough, 0.89)


def test_lists_of_few_users_are_refused() -> None:
    ones, users = np.ones(200), np.arange(200) % 29
    with pytest.raises(NotEnoughData):
        compare(estimators.ips(ones, ones), ones, users, np.random.default_rng(1))


def test_the_same_policy_is_no_better() -> None:
    rewards = np.arange(200.0) % 2
    same = compare(
        estimators.ips(np.ones(200), rewards), rewards, np.arange(200), np.random.default_rng(1)
    )
    assert (same.verdict, same.gain, same.lists_needed) == ("cannot tell", 0.0, None)


def _marginals(policy: FloatArray) -> FloatArray:
    """How likely each place of each list holds its document, shape (6, 2)."""
    same = LISTS[:, None, :] == LISTS[None, :, :]
    return np.asarray((same * policy[None, :, None]).sum(axis=1))


def _down_to(policy: FloatArray) -> FloatArray:
    """How likely each beginning of each list is, shape (6, 2)."""
    return np.column_stack([_marginals(policy)[:, 0], policy])
