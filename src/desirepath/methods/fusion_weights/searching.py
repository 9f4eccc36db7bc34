"""The weights that a measure is largest with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion_weights.measuring import ListMeasure
from desirepath.methods.levels import FloatArray

__all__ = ["WeightSearch"]

_STEPS_BACK = 20


class WeightSearch(Struct, frozen=True, kw_only=True):
    """Searches the simplex of weights by differential evolution, from several starts.

    A mean of measures of orders is flat but for its jumps, so that it has no slope to go by. Each
    start is a population of random weights, with the equal ones and each feature alone among it;
    the best of all starts is taken. Of weights that are as good on the path from there to the equal
    ones, the last is: nothing is weighted down without a reason.

    Parameters
    ----------
    starts
        How many populations.
    generations
        How many each of them lives at most.
    population
        Its members for each feature.
    seed
        Of all that is drawn.

    References
    ----------
    Storn & Price (1997), Differential Evolution: A Simple and Efficient Heuristic for Global
    Optimization over Continuous Spaces; SciPy's. To maximise a measure of orders directly by the
    weights of a linear combination: Metzler & Croft (2007), Linear feature-based models for
    information retrieval.
    """

    starts: int = 2
    generations: int = 30
    population: int = 8
    seed: int = 0

    @property
    def n_steps(self) -> int:
        """How often a search tells that it came further, at most."""
        return self.starts * self.generations

    def best(
        self, measure: ListMeasure, stepped: Callable[[], None] = lambda: None
    ) -> tuple[FloatArray, float]:
        """Weights of shape (n_features,) that sum to 1, and the mean of the measure with them.

        Parameters
        ----------
        stepped
            Called after each generation.
        """
        n_features = measure.pools.n_features
        equal = uniform(n_features)
        if n_features == 1:
            return equal, _mean(measure, equal)
        found = [
            self._from(measure, np.random.default_rng([self.seed, start]), stepped)
            for start in range(self.starts)
        ]
        weights, value = max(found, key=lambda one: one[1])
        return _towards(equal, weights, value, measure), value

    def _from(
        self, measure: ListMeasure, rng: np.random.Generator, stepped: Callable[[], None]
    ) -> tuple[FloatArray, float]:
        from scipy.optimize import differential_evolution  # half a second to import

        n_features = measure.pools.n_features
        drawn = rng.dirichlet(np.ones(n_features), max(self.population * n_features, 5))
        members = np.concatenate([[uniform(n_features)], np.eye(n_features), drawn])

        def lost(values: FloatArray) -> float:
            return -_mean(measure, _summing_to_one(values))

        def lived(*_: object) -> None:
            stepped()

        result = differential_evolution(
            lost,
            [(0.0, 1.0)] * n_features,
            rng=rng,
            init=members,
            maxiter=self.generations,
            polish=False,
            callback=lived,
        )
        return _summing_to_one(result.x), -float(result.fun)


def _mean(measure: ListMeasure, weights: FloatArray) -> float:
    return float(np.nanmean(measure.of_weights(weights)))


def _summing_to_one(values: FloatArray) -> FloatArray:
    total = values.sum()
    weights: FloatArray = values / total if total > 0 else uniform(len(values))
    return weights


def _towards(
    equal: FloatArray, weights: FloatArray, value: float, measure: ListMeasure
) -> FloatArray:
    """As near to the equal weights as nothing is lost."""
    for step in range(_STEPS_BACK):
        near = equal + (weights - equal) * step / _STEPS_BACK
        if _mean(measure, near) >= value:
            return near
    return weights
