"""What a click-through model has to beat: rates of clicks that need no learning."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from desirepath.methods.ranking.baselines import document_counts
from desirepath.methods.ranking.matrix import FloatArray, IntArray, Matrix

__all__ = ["ClickRate", "click_rates"]

_PRIOR_IMPRESSIONS = 5.0


class ClickRate(StrEnum):
    """Clicks over impressions of the lists that were learned from."""

    ALL = "base_rate"
    """Of all documents together."""
    POSITION = "position"
    """Of the position; smoothed towards all by five impressions."""
    DOCUMENT = "item_ctr"
    """Of the document; smoothed alike."""


def click_rates(rate: ClickRate, learned_from: Matrix, matrix: Matrix) -> FloatArray | None:
    """Chance of a click of each row, shape (n_rows,); what is clicked has a grade above 0.

    None where the lists do not say which documents they have.

    Parameters
    ----------
    learned_from
        At least one row, and a click.
    """
    overall = float((learned_from.grades > 0).mean())
    if rate is ClickRate.ALL:
        return np.full(matrix.n_rows, overall)
    counted = (
        _position_counts(learned_from, matrix)
        if rate is ClickRate.POSITION
        else document_counts(learned_from, matrix)
    )
    if counted is None:
        return None
    clicks, shown = counted
    found: FloatArray = (clicks + _PRIOR_IMPRESSIONS * overall) / (shown + _PRIOR_IMPRESSIONS)
    return found


def _position_counts(learned_from: Matrix, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
    n = max(int(learned_from.positions.max()), int(matrix.positions.max(initial=0))) + 2
    places = learned_from.positions.astype(np.int64) + 1  # 0: unknown
    at = matrix.positions.astype(np.int64) + 1
    shown = np.ones(len(places))
    clicks = np.where(learned_from.grades > 0, shown, 0.0)
    return _sums(places, clicks, n)[at], _sums(places, shown, n)[at]


def _sums(places: IntArray, values: FloatArray, n: int) -> FloatArray:
    found: FloatArray = np.bincount(places, values, n).astype(np.float64)
    return found
