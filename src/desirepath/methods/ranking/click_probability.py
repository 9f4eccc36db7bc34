"""A click-through model: how likely a document of a list is clicked, where it is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.errors import NotEnoughData
from desirepath.methods.ranking.calibration import Calibration, calibrate
from desirepath.methods.ranking.matrix import FloatArray, Matrix
from desirepath.methods.ranking.splitting import split_by_time
from desirepath.methods.ranking.trees import Grown, Trees, TreeSettings, grow, load_lightgbm

__all__ = [
    "LEAST_CLICKS",
    "ClickProbability",
    "FittedClickProbability",
    "check_both_outcomes",
]

LEAST_CLICKS = 100
"""Fewer clicks, or documents left alone, teach no probability."""

_HELD_OUT_SHARE = 0.2
"""The last part of the time: what growing stops early by, and then what calibrates."""
_LEAST_IN_PART = 20
_WHY_PARTS = (
    "The trees, when to stop, the calibration and the measure each take a part of the time of "
    "their own."
)


class ClickProbability(Struct, frozen=True, kw_only=True):
    """How the model is learned: trees on the log odds of a click, then calibration.

    Parameters
    ----------
    trees
        How they are grown.
    """

    trees: TreeSettings = TreeSettings()

    def fit(self, matrix: Matrix, grown: Grown | None = None) -> FittedClickProbability:
        """Learn from lists; what is clicked has a grade above 0.

        The trees see the earlier lists. Of the later fifth, the first half says when to stop, and
        the second calibrates, so that neither judges what it has seen.

        Parameters
        ----------
        grown
            Called after each tree with how many there are, of how many at most.

        Raises
        ------
        NotEnoughData
            Too few documents were clicked, or too few left alone, before or in the last fifth.
        InvalidSetting
            A setting is out of range.
        MissingDependency
            The extra ``train`` is not installed.
        """
        self.trees.check()
        load_lightgbm()
        check_both_outcomes(matrix)
        earlier, later = split_by_time(matrix, _HELD_OUT_SHARE)
        stopping, calibrating = split_by_time(later, 0.5) if later.n_lists > 1 else (later, later)
        for part in (earlier, stopping, calibrating):
            check_both_outcomes(part, is_part=True)
        data = _dataset(earlier)
        booster = grow(
            self.trees,
            data,
            self.trees.trees,
            stop_by=_dataset(stopping, data),
            grown=grown,
            objective="binary",
            metric="binary_logloss",
        )
        best = max(1, booster.best_iteration)
        trees = Trees(booster.model_to_string(num_iteration=best))
        return FittedClickProbability(
            trees=trees,
            calibration=calibrate(trees.predict(calibrating.values), calibrating.grades > 0),
            n_trees=best,
        )


class FittedClickProbability(Struct, frozen=True, kw_only=True, eq=False):
    """A click-through model that was learned."""

    trees: Trees
    calibration: Calibration
    n_trees: int

    def probabilities(self, values: NDArray[np.floating[Any]]) -> FloatArray:
        """Chance of a click for each row, shape (n,).

        Parameters
        ----------
        values : shape (n, n_features)
            In the order of the features; NaN where missing.
        """
        return self.calibration.apply(self.trees.predict(values))

    def uncalibrated(self, values: NDArray[np.floating[Any]]) -> FloatArray:
        """What the trees alone say, shape (n,)."""
        return Calibration(slope=1.0, shift=0.0).apply(self.trees.predict(values))


def _dataset(matrix: Matrix, reference: Any = None) -> Any:
    return load_lightgbm().Dataset(
        matrix.values, (matrix.grades > 0).astype(np.float32), reference=reference
    )


def check_both_outcomes(matrix: Matrix, *, is_part: bool = False) -> None:
    """Refuse lists with too few documents that were clicked, or too few that were left alone.

    Parameters
    ----------
    is_part
        They are but one of the parts of the time, where fewer do.

    Raises
    ------
    NotEnoughData
        It says of what, and how many are missing.
    """
    n_clicked = int((matrix.grades > 0).sum())
    for what, found in (
        ("documents that were clicked", n_clicked),
        ("documents that were left alone", matrix.n_rows - n_clicked),
    ):
        if is_part and found < _LEAST_IN_PART:
            raise NotEnoughData(what, needed=_LEAST_IN_PART, found=found, why=_WHY_PARTS)
        if found < LEAST_CLICKS and not is_part:
            raise NotEnoughData(what, needed=LEAST_CLICKS, found=found)
