"""Rotations of query vectors: what they minimise, and that they keep angles."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.errors import NotEnoughData
from desirepath.methods.adapters.gain import held_out_gain
from desirepath.methods.adapters.linear import ClickedVectors, directions, matched
from desirepath.methods.adapters.maps import MapShape
from desirepath.methods.adapters.rotation import fit_rotation
from desirepath.methods.levels import FloatArray
from tests.unit.methods.adapters.worlds import clicks_on, rotation

D = 8


def _world(n: int = 60) -> tuple[ClickedVectors, np.random.Generator]:
    rng = np.random.default_rng(4)
    documents = rng.standard_normal((200, D))
    wishes = directions(documents[:n]) + 0.1 * rng.standard_normal((n, D))
    return clicks_on(wishes, wishes @ rotation(D, 0.9, rng).T, documents, rng), rng


def _loss(matrix: FloatArray, clicked: ClickedVectors, ridge: float) -> float:
    queries, targets = matched(clicked)
    n, d = queries.shape
    apart = ((queries @ matrix.T - targets) ** 2).sum()
    return float(apart + ridge * n / d * ((matrix - np.eye(d)) ** 2).sum())


def test_it_keeps_angles_and_is_the_least_of_its_kind() -> None:
    """No other rotation near it does better, by a hundred of them."""
    clicked, rng = _world()
    found = fit_rotation(clicked, 2.0)
    np.testing.assert_allclose(found @ found.T, np.eye(D), atol=1e-12)
    least = _loss(found, clicked, 2.0)
    for _ in range(100):
        assert _loss(found @ rotation(D, 0.01, rng), clicked, 2.0) > least


def test_a_strong_ridge_is_the_identity() -> None:
    np.testing.assert_allclose(fit_rotation(_world()[0], 1e9), np.eye(D), atol=1e-6)


def test_it_is_chosen_where_queries_are_few_and_turned() -> None:
    """A simulation of 60 queries, seed 4."""
    clicked, rng = _world()
    gain = held_out_gain(clicked, np.arange(60), rng)
    assert gain.choice.shape is MapShape.ROTATION
    assert gain.gain.is_above_zero


def test_nothing_clicked_is_refused() -> None:
    clicked, _ = _world()
    with pytest.raises(NotEnoughData):
        fit_rotation(clicked.take(np.zeros(0, np.int64)), 1.0)
