"""Which features a ranking rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.ranking.comparing import MeanEstimate, mean_of_lists
from desirepath.methods.ranking.matrix import FloatArray, Matrix

__all__ = ["Importance", "importances"]

Measure = Callable[[FloatArray, Matrix], FloatArray]
Scores = Callable[[NDArray[np.floating[Any]]], FloatArray]


class Importance(Struct, frozen=True, kw_only=True):
    """What one feature does.

    Parameters
    ----------
    gain_share
        Which share of all that splits gained was by it, while learning.
    loss
        How much the measure falls on lists that were not learned from when the feature's values
        are dealt out anew among all rows; None: that was not asked for.
    coverage
        Share of rows that have a value.
    """

    feature: str
    gain_share: float
    coverage: float
    loss: MeanEstimate | None = None


def importances(
    scores: Scores,
    gains: FloatArray,
    matrix: Matrix,
    measure: Measure,
    *,
    seed: int,
    rounds: int = 5,
) -> tuple[Importance, ...]:
    """Importance of each feature, the most important first.

    Parameters
    ----------
    gains : shape (n_features,)
        What splits gained.
    matrix
        Lists that were not learned from.
    measure
        From scores and the lists to one number a list; higher is better.
    rounds
        How often each feature is dealt out; the mean of them counts.

    References
    ----------
    Breiman (2001), Random Forests, section 10, for dealing out values.
    """
    before = measure(scores(matrix.values), matrix)
    total = float(gains.sum()) or 1.0
    coverage = matrix.coverage
    found = []
    for place, name in enumerate(matrix.names):
        loss = None
        if gains[place] > 0:
            rng = np.random.default_rng([seed, place])
            after = np.mean(
                [measure(scores(_dealt_out(matrix, place, rng)), matrix) for _ in range(rounds)],
                axis=0,
            )
            loss = mean_of_lists(before - after, seed=seed)
        found.append(
            Importance(
                feature=name,
                gain_share=float(gains[place]) / total,
                coverage=float(coverage[place]),
                loss=loss,
            )
        )
    return tuple(sorted(found, key=_mattering, reverse=True))


def _dealt_out(matrix: Matrix, place: int, rng: np.random.Generator) -> NDArray[np.float32]:
    values = matrix.values.copy()
    values[:, place] = rng.permutation(values[:, place])
    return values


def _mattering(one: Importance) -> tuple[float, float]:
    return (one.loss.mean if one.loss else 0.0, one.gain_share)
