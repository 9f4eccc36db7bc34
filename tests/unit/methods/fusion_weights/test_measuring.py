"""The quick measures against those that every list is sorted for."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.fusion.learned import learned_scores
from desirepath.methods.fusion_weights.measuring import ListMeasure, WeightMetric
from desirepath.methods.fusion_weights.pools import Pools
from desirepath.methods.ranking.metrics import Gain, ndcg, reciprocal_ranks


def pools_of(seed: int, n_lists: int = 40, n_features: int = 3) -> Pools:
    """Lists of 1 to 30 candidates with few levels, so that many score the same."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(1, 31, n_lists)
    n = int(groups.sum())
    return Pools(
        levels=rng.integers(0, 4, (n, n_features)).astype(np.uint16) * np.uint16(21_845),
        gains=rng.integers(0, 3, n).astype(np.float64) * (rng.random(n) < 0.3),
        groups=groups,
        queries=np.arange(n_lists),
    )


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("seed", range(5))
def test_they_are_the_usual_measures(seed: int, k: int) -> None:
    pools = pools_of(seed)
    weights = np.random.default_rng(seed).dirichlet(np.ones(3))
    scores = learned_scores(pools.levels, weights)
    grades = pools.gains.astype(np.int64)
    quick = ListMeasure(pools, WeightMetric.NDCG, k).of_weights(weights)
    slow = ndcg(scores, grades, pools.groups, k=k, gain=Gain.LINEAR)
    np.testing.assert_allclose(quick, slow, rtol=0, atol=1e-12)
    assert np.isnan(quick).any()
    first = reciprocal_ranks(scores, grades, pools.groups)
    first = np.where(first < 1 / k, 0.0, first)
    np.testing.assert_array_equal(
        ListMeasure(pools, WeightMetric.MRR, k).of_weights(weights),
        np.where(np.isnan(slow), np.nan, first),
    )


def test_ranks_are_fused_as_by_hand() -> None:
    """C is second and first: 1/62 + 1/61; a is first and not found: 1/61; b third and second."""
    pools = Pools(
        levels=np.array([[65535, 0], [100, 50], [200, 65535]], np.uint16),
        gains=np.array([1.0, 0.0, 0.0]),
        groups=np.array([3]),
        queries=np.array([0]),
    )
    assert 1 / 62 + 1 / 61 > 1 / 63 + 1 / 62 > 1 / 61
    assert ListMeasure(pools, WeightMetric.MRR, 10).of_ranks().tolist() == [1 / 3]
