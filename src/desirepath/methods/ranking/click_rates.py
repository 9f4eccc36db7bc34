"""What a click-through model has to beat: rates of clicks that need no learning."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from desirepath.methods.ranking.baselines import document_counts
from desirepath.methods.ranking.matrix import FloatArray, Matrix

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
    clicked = learned_from.grades > 0
    overall = float(clicked.mean())
    match rate:
        case ClickRate.ALL:
            return np.full(matrix.n_rows, overall)
        case ClickRate.POSITION:
            n = max(int(learned_from.positions.max()), int(matrix.positions.max(initial=0))) + 2
            places = learned_from.positions.astype(np.int64) + 1  # 0: unknown
            at = matrix.positions.astype(np.int64) + 1
            clicks = np.bincount(places, clicked, n)[at]
            shown = np.bincount(places, np.ones(len(places)), n)[at]
        case ClickRate.DOCUMENT:
            counted = document_counts(learned_from, matrix)
            if counted is None:
                return None
            clicks, shown = counted
    found: FloatArray = (clicks + _PRIOR_IMPRESSIONS * overall) / (shown + _PRIOR_IMPRESSIONS)
    return found
