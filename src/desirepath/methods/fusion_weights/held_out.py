"""What trained weights are worth for queries that they were not trained on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from desirepath.methods.fusion_weights.measuring import ListMeasure, WeightMetric
from desirepath.methods.fusion_weights.pools import Pools
from desirepath.methods.fusion_weights.searching import WeightSearch
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["HeldOut", "held_out", "steps_of"]


class HeldOut(Struct, frozen=True, kw_only=True, eq=False):
    """Weights, and how good weights that were found in the same way are for other queries.

    Parameters
    ----------
    weights : shape (n_features,)
        Of all lists.
    value
        The mean of the measure over the very lists that they were found on.
    values : shape (n_lists,)
        Of each list, with the weights of the queries of other folds.
    of_folds : shape (n_folds, n_features)
        Those weights: how far they lie apart is how sure they are.
    """

    weights: FloatArray
    value: float
    values: FloatArray
    of_folds: FloatArray


def steps_of(search: WeightSearch, n_folds: int) -> int:
    """How many steps :func:`held_out` takes at most."""
    return search.n_steps * (n_folds + 1)


def held_out(
    pools: Pools,
    metric: WeightMetric,
    k: int,
    search: WeightSearch,
    n_folds: int,
    stepped: Callable[[], None] = lambda: None,
) -> HeldOut:
    """Find weights on all lists; and for the lists of each fold of queries on those of the others.

    Parameters
    ----------
    pools
        Every list has a gain above 0, and there are as many queries as folds.
    """
    folds = _folds(pools.queries, n_folds, np.random.default_rng(search.seed))
    values = np.empty(pools.n_lists)
    of_folds = []
    for fold in range(n_folds):
        is_out = folds == fold
        weights, _ = search.best(ListMeasure(pools.part(~is_out), metric, k), stepped)
        values[is_out] = ListMeasure(pools.part(is_out), metric, k).of_weights(weights)
        of_folds.append(weights)
    weights, value = search.best(ListMeasure(pools, metric, k), stepped)
    return HeldOut(weights=weights, value=value, values=values, of_folds=np.array(of_folds))


def _folds(queries: IntArray, n_folds: int, rng: np.random.Generator) -> IntArray:
    """The fold of each list: those of a query share one, and all have as many queries as others."""
    known, codes = np.unique(queries, return_inverse=True)
    fold_of_query = rng.permutation(len(known)) % n_folds
    folds: IntArray = fold_of_query[codes]
    return folds
