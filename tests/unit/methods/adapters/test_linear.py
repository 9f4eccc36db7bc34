"""Maps of query vectors: recovered where vectors are distorted, and not shipped where not."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.errors import NotEnoughData
from desirepath.methods.adapters.gain import LEAST_QUERIES, held_out_gain, ndcg
from desirepath.methods.adapters.linear import ClickedVectors, directions, fit_ridge
from tests.unit.methods.adapters.worlds import clicks_on, rotation

N, D = 150, 16


def _world(seed: int, angle: float) -> tuple[ClickedVectors, np.random.Generator]:
    rng = np.random.default_rng(seed)
    documents = rng.standard_normal((600, D))
    wishes = documents[rng.choice(len(documents), N, replace=False)]
    wishes = directions(wishes) + 0.1 * rng.standard_normal((N, D))
    return clicks_on(wishes, wishes @ rotation(D, angle, rng).T, documents, rng), rng


def test_a_turn_is_undone_on_held_out_queries() -> None:
    """A simulation of 150 queries, seed 5."""
    clicked, rng = _world(5, angle=0.9)
    found = held_out_gain(clicked, np.arange(N), rng)
    gain = found.gain
    assert gain.is_above_zero
    assert gain.low > 0.02
    assert gain.low < gain.mean < gain.high
    matrix = found.choice.fit(clicked)
    assert ndcg(clicked, matrix).mean() > found.before.mean()


def test_nothing_is_shipped_where_nothing_is_wrong() -> None:
    """Twenty simulations: chance ships one in forty, so that more than three would be a fault."""
    n_shipped = 0
    for seed in range(20):
        clicked, rng = _world(seed, angle=0.0)
        n_shipped += held_out_gain(clicked, np.arange(N), rng).gain.is_above_zero
    assert n_shipped <= 3


def test_a_strong_ridge_is_the_identity() -> None:
    clicked, _ = _world(1, angle=0.9)
    np.testing.assert_allclose(fit_ridge(clicked, 1e9), np.eye(D), atol=1e-6)


def test_it_is_the_least_of_what_it_minimises() -> None:
    """The gradient at the map is 0, worked out query by query."""
    clicked, _ = _world(2, angle=0.5)
    matrix = fit_ridge(clicked, 2.0)
    gradient = 2.0 * N / D * (matrix - np.eye(D))
    for row in range(N):
        of_query = clicked.query == row
        if not of_query.any():
            continue
        query = clicked.queries[row] / np.linalg.norm(clicked.queries[row])
        units = directions(clicked.documents[clicked.document[of_query]])
        target = clicked.weights[of_query] @ units
        target /= np.linalg.norm(target)
        gradient += np.outer(matrix @ query - target, query)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-9)


def test_queries_of_a_group_are_held_out_together() -> None:
    """Copies of a query would tell its answer: they gain only where they may be split."""
    rng = np.random.default_rng(8)
    documents = directions(rng.standard_normal((400, 32)))
    queries = np.repeat(rng.standard_normal((25, 32)), 4, axis=0)
    groups = np.repeat(np.arange(25), 4)
    clicked = ClickedVectors(
        queries=queries,
        documents=documents,
        query=np.arange(100),
        document=rng.permutation(400)[groups],
        weights=np.ones(100),
    )
    assert held_out_gain(clicked, np.arange(100), rng).gain.low > 0.3
    assert not held_out_gain(clicked, groups, rng).gain.is_above_zero


def test_ndcg_by_hand() -> None:
    """A query near the first document, whose clicked ones have rates of a half and a quarter."""
    clicked = ClickedVectors(
        queries=np.array([[0.3, 0.4], [1.0, 0.2]]),
        documents=np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]),
        query=np.array([1, 1]),
        document=np.array([2, 0]),
        weights=np.array([0.5, 0.25]),
    )
    expected = (0.25 + 0.5 / np.log2(4)) / (0.5 + 0.25 / np.log2(3))
    np.testing.assert_allclose(ndcg(clicked, np.eye(2)), [0.0, expected])
    np.testing.assert_allclose(ndcg(clicked, np.eye(2), depth=1), [0.0, 0.25 / 0.5])


def test_too_few_queries_are_refused() -> None:
    clicked, rng = _world(3, angle=0.9)
    few = clicked.take(np.flatnonzero(np.bincount(clicked.query, minlength=N))[:7])
    with pytest.raises(NotEnoughData) as caught:
        held_out_gain(few, np.arange(7), rng)
    assert (caught.value.needed, caught.value.found) == (LEAST_QUERIES, 7)


def test_nothing_clicked_is_refused() -> None:
    clicked, _ = _world(3, angle=0.9)
    with pytest.raises(NotEnoughData):
        fit_ridge(clicked.take(np.zeros(0, np.int64)), 1.0)
