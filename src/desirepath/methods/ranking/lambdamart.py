"""LambdaMART by LightGBM: trees that order lists, with position bias taken out while they grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.errors import NotEnoughData
from desirepath.methods.ranking.matrix import UNKNOWN_POSITION, FloatArray, Matrix
from desirepath.methods.ranking.metrics import Gain
from desirepath.methods.ranking.splitting import split_by_time
from desirepath.methods.ranking.trees import Grown, Trees, TreeSettings, grow, load_lightgbm

__all__ = ["LEAST_LISTS", "FittedRanker", "LambdaMART", "Ranker", "telling_lists"]

LEAST_LISTS = 50
"""Fewer lists that say something teach no ranker."""

_TO_STOP_BY = 100  # lists, or stopping early goes by luck
_STOPPING_SHARE = 0.15
_DEEPEST = 49  # positions from here on have one effect


class LambdaMART(Struct, frozen=True, kw_only=True):
    """How a ranker is learned. Frozen; the fields are its settings.

    Parameters
    ----------
    k
        The measure to raise is nDCG@k.
    gain
        What a grade is worth in it.
    is_position_debiased
        Whether the position that a document was shown at has an effect of its own on its clicks,
        which is learned beside the trees and left out when lists are ranked. It takes positions.

    References
    ----------
    Burges (2010), From RankNet to LambdaRank to LambdaMART: An Overview, for the method; Ke et al.
    (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree. The effect of positions
    is an additive term, as in a generalised additive model, re-estimated after each tree by
    Newton's method (LightGBM since 4.1, its parameter ``position``); it assumes that how far down
    people look and what they like add up in the score.
    """

    k: int = 10
    gain: Gain = Gain.EXPONENTIAL
    is_position_debiased: bool = True
    trees: TreeSettings = TreeSettings()

    def fit(self, matrix: Matrix, grown: Grown | None = None) -> FittedRanker:
        """Learn from lists; those without two different grades say nothing and are left out.

        With lists enough, growing stops early by the last of them; then the trees are grown anew,
        as many, on all lists.

        Parameters
        ----------
        grown
            Called after each tree.

        Raises
        ------
        NotEnoughData
            Too few lists have two different grades.
        InvalidSetting
            A setting is out of range.
        MissingDependency
            The extra ``train`` is not installed.
        """
        self.trees.check()
        load_lightgbm()
        telling = telling_lists(matrix)
        if telling.n_lists < LEAST_LISTS:
            raise NotEnoughData(
                "lists with both a click and a document left alone",
                needed=LEAST_LISTS,
                found=telling.n_lists,
            )
        earlier, later = split_by_time(telling, _STOPPING_SHARE)
        n_trees, is_stopped_early = self.trees.trees, False
        if later.n_lists >= _TO_STOP_BY and earlier.n_lists >= LEAST_LISTS:
            first = self._grow(earlier, self.trees.trees, grown, stop_by=later)
            n_trees, is_stopped_early = max(1, first.best_iteration), True
        booster = self._grow(telling, n_trees, grown)
        return FittedRanker(
            ranker=Ranker(booster.model_to_string()),
            n_trees=n_trees,
            is_stopped_early=is_stopped_early,
            n_lists=telling.n_lists,
            is_position_debiased=self._has_positions(telling),
        )

    def _grow(
        self,
        matrix: Matrix,
        n_trees: int,
        grown: Grown | None,
        stop_by: Matrix | None = None,
    ) -> Any:
        data = self._dataset(matrix)
        grades = np.arange(max(int(matrix.grades.max()), 1) + 1)
        gains = grades if self.gain is Gain.LINEAR else 2**grades - 1
        return grow(
            self.trees,
            data,
            n_trees,
            stop_by=None if stop_by is None else self._dataset(stop_by, reference=data),
            grown=grown,
            objective="lambdarank",
            metric="ndcg",
            eval_at=[self.k],
            label_gain=[int(gain) for gain in gains],
            lambdarank_truncation_level=self.k + 10,
        )

    def _dataset(self, matrix: Matrix, reference: Any = None) -> Any:
        positions = None
        if self._has_positions(matrix) and reference is None:
            positions = np.minimum(matrix.positions, _DEEPEST)
        return load_lightgbm().Dataset(
            matrix.values,
            matrix.grades.astype(np.float32),
            group=matrix.groups,
            position=positions,
            reference=reference,
        )

    def _has_positions(self, matrix: Matrix) -> bool:
        return self.is_position_debiased and not (matrix.positions == UNKNOWN_POSITION).any()


class FittedRanker(Struct, frozen=True, kw_only=True, eq=False):
    """A ranker, and how it was learned.

    Parameters
    ----------
    n_lists
        How many lists said something.
    is_position_debiased
        Whether positions were known, and asked to be looked at.
    """

    ranker: Ranker
    n_trees: int
    is_stopped_early: bool
    n_lists: int
    is_position_debiased: bool


class Ranker:
    """Orders documents by the sum of trees. Any number of threads may ask at once.

    Parameters
    ----------
    text
        The model as LightGBM writes it.

    Raises
    ------
    InvalidFile
        The text is no such model.
    MissingDependency
        The extra ``train`` is not installed.
    """

    def __init__(self, text: str) -> None:
        self.trees = Trees(text)

    @property
    def text(self) -> str:
        """The model as LightGBM writes it; no pickle."""
        return self.trees.text

    @property
    def n_features(self) -> int:
        return self.trees.n_features

    def scores(self, values: NDArray[np.floating[Any]]) -> FloatArray:
        """The higher, the further up; comparable within one list only.

        Parameters
        ----------
        values : shape (n, n_features)
            A row a document, in the order of the features; NaN where missing.

        Returns
        -------
        shape (n,)

        Raises
        ------
        InvalidInput
            The rows have another number of features.
        """
        return self.trees.predict(values)


def telling_lists(matrix: Matrix) -> Matrix:
    """The lists that have two different grades: the others have no order that is better."""
    if not matrix.n_lists:
        return matrix
    starts = matrix.starts[:-1]
    least = np.minimum.reduceat(matrix.grades, starts)
    most = np.maximum.reduceat(matrix.grades, starts)
    return matrix.part(least < most)
