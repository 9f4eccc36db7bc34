"""Logged pools that are fused again: as a search fuses them, and what may lie outside."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.fusion.base import fuse
from desirepath.methods.fusion.candidates import FoundList, gather
from desirepath.methods.fusion.methods import FUSIONS
from desirepath.methods.fusion.pools import Pools, fused_rows, largest_outside

WEIGHTS = np.array([0.7, 0.3])


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_pool_is_fused_as_its_search_was(fusion: str) -> None:
    rng = np.random.default_rng(1)
    lists = []
    for _ in range(2):
        ids = [f"doc_{n:02}" for n in rng.permutation(30)[:20]]
        # The worst of a list has a level of 0, as what is not in it: one more than is compared.
        lists.append(FoundList(document_ids=ids, scores=sorted(rng.random(20) + 0.5)[::-1]))
    found = gather(lists)
    fused = fuse(found, FUSIONS[fusion], WEIGHTS)
    short = np.zeros((4, 2), np.uint16)
    pools = Pools(
        by_search=np.stack([found.levels, np.vstack([found.levels[:-4], short])]),
        sizes=np.array([len(found.levels), len(found.levels) - 4]),
        minima=np.array([[one.minimum for one in found.normalized]] * 2),
        maxima=np.array([[one.maximum for one in found.normalized]] * 2),
    )
    rows = fused_rows(pools, FUSIONS[fusion], WEIGHTS, 8)
    assert [found.document_ids[row] for row in rows[0]] == list(fused.document_ids[:8])
    assert rows[1].max() < pools.sizes[1]


def test_nothing_outside_of_a_pool_scores_more_than_the_bound() -> None:
    rng = np.random.default_rng(2)
    documents = rng.random((200_000, 3))
    reached = []
    for _ in range(20):
        served, weights = rng.dirichlet(np.ones(3), 2)
        cut = np.quantile(documents @ served, rng.uniform(0.3, 0.99))
        outside = documents[documents @ served <= cut] @ weights
        (bound,) = largest_outside(served[None], np.array([cut]), weights)
        assert outside.max() <= bound + 1e-12
        reached.append(outside.max() / bound)
    assert np.mean(reached) > 0.9  # and it is not much more than it has to be


def test_a_feature_without_weight_may_hold_anything_outside() -> None:
    (bound,) = largest_outside(np.array([[1.0, 0.0]]), np.array([0.2]), np.array([0.5, 0.5]))
    assert bound == pytest.approx(0.5 + 0.1)
