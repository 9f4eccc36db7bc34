"""Simulations with known best weights: they are found, and nothing is where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion_weights.held_out import held_out, steps_of
from desirepath.methods.fusion_weights.measuring import ListMeasure, WeightMetric
from desirepath.methods.fusion_weights.pools import Pools
from desirepath.methods.fusion_weights.searching import WeightSearch
from desirepath.methods.levels import SCALE, FloatArray
from desirepath.methods.ranking.click_measures import mean_of_rows

TRUTH = np.array([0.6, 0.3, 0.1, 0.0])


def simulated(seed: int, truth: FloatArray, n_lists: int = 300, noise: float = 0.05) -> Pools:
    """Lists of 30 candidates; the three with the largest weighted score and noise are worth 3…1."""
    rng = np.random.default_rng(seed)
    shares = rng.random((n_lists, 30, len(truth)))
    worth = shares @ truth + noise * rng.standard_normal((n_lists, 30))
    places = np.argsort(np.argsort(-worth, axis=1), axis=1)
    return Pools(
        levels=np.rint(shares * SCALE).astype(np.uint16).reshape(-1, len(truth)),
        gains=np.maximum(3.0 - places, 0.0).ravel(),
        groups=np.full(n_lists, 30),
        queries=np.arange(n_lists) // 2,  # two lists each
    )


@pytest.mark.parametrize("seed", range(3))
def test_known_weights_are_found(seed: int) -> None:
    """A simulation, 300 lists of 150 queries: within 0.05, and sure to beat what is not learned."""
    pools = simulated(seed, TRUTH)
    found = held_out(pools, WeightMetric.NDCG, 10, WeightSearch(seed=seed), 5)
    np.testing.assert_allclose(found.weights, TRUTH, atol=0.05)
    assert found.weights.sum() == pytest.approx(1)
    assert found.of_folds.shape == (5, 4)
    measure = ListMeasure(pools, WeightMetric.NDCG, 10)
    gain = found.values - measure.of_weights(uniform(4))
    assert mean_of_rows(gain, pools.queries, seed=seed).low > 0.05
    best = float(measure.of_weights(TRUTH).mean())
    assert found.value >= best - 0.002
    assert found.values.mean() == pytest.approx(best, abs=0.01)


def test_where_nothing_is_to_be_learned_nothing_seems_gained() -> None:
    """Equal weights are the best; a simulation, 10 seeds: held out, no gain is sure."""
    sure = 0
    for seed in range(10):
        pools = simulated(seed, uniform(3), n_lists=60, noise=0.2)
        search = WeightSearch(seed=seed, starts=1, generations=10)
        found = held_out(pools, WeightMetric.NDCG, 10, search, 3)
        gain = found.values - ListMeasure(pools, WeightMetric.NDCG, 10).of_weights(uniform(3))
        sure += mean_of_rows(gain, pools.queries, seed=seed).is_above_zero
        assert found.value >= float(found.values.mean())  # it suits its own lists better
    assert sure <= 1


def test_the_same_seed_finds_the_same() -> None:
    pools = simulated(1, TRUTH, n_lists=40)
    search = WeightSearch(seed=3, starts=2, generations=5)
    steps: list[int] = []
    one = held_out(pools, WeightMetric.MRR, 10, search, 2, lambda: steps.append(1))
    other = held_out(pools, WeightMetric.MRR, 10, search, 2)
    np.testing.assert_array_equal(one.weights, other.weights)
    np.testing.assert_array_equal(one.of_folds, other.of_folds)
    assert 0 < len(steps) <= steps_of(search, 2)


def test_of_weights_as_good_the_nearest_to_equal_ones_are_taken() -> None:
    """Two features that say the same: no reason to prefer one."""
    rng = np.random.default_rng(4)
    levels = rng.integers(0, SCALE, (200, 1)).astype(np.uint16).repeat(2, axis=1)
    pools = Pools(
        levels=levels,
        gains=(rng.random(200) < 0.2).astype(np.float64),
        groups=np.full(20, 10),
        queries=np.arange(20),
    )
    pools = pools.part(np.add.reduceat(pools.gains, np.arange(0, 200, 10)) > 0)
    weights, _ = WeightSearch().best(ListMeasure(pools, WeightMetric.NDCG, 10))
    assert weights.tolist() == [0.5, 0.5]


def test_one_feature_has_all_the_weight() -> None:
    pools = simulated(1, np.ones(1), n_lists=4)
    weights, value = WeightSearch().best(ListMeasure(pools, WeightMetric.NDCG, 10))
    assert weights.tolist() == [1.0]
    assert 0 < value <= 1
