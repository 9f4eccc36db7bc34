"""Propensities by drawing again from what a search's weights were drawn from.

The new policy is one ranking of each pool. How likely the live one was to show the same is not
known, but its draws can be repeated, and counted.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from desirepath.errors import InvalidInput
from desirepath.methods.levels import SCALE, Levels
from desirepath.methods.offpolicy.base import FloatArray, IntArray

__all__ = ["BoolArray", "Recurrence", "best_rows", "down_to", "recurrence"]

BoolArray = NDArray[np.bool_]


class Recurrence(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """How what the new policy shows recurs in draws of the live one, which say what is unknown.

    Parameters
    ----------
    weights : shape (n, K)
        ``(m + 1) / (c + 1)`` where the live list agreed with the new one, c of m draws having
        agreed too; else 0.
    seen : shape (n, K)
        Whether any of ``m + 1`` draws agreed. Where none does, the log cannot tell.
    """

    weights: FloatArray
    seen: BoolArray

    @property
    def ratios(self) -> FloatArray:
        """Ratios of a policy that is the new one where the log can tell, and else the live one.

        Shape (n, K), with an expectation of exactly 1 whatever m is, so that the error of the draws
        is no bias: it is in the spread of the terms, and with it in the interval.
        """
        return self.weights + 1.0 - self.seen


def recurrence(drawn: BoolArray, agreed: BoolArray) -> Recurrence:
    """Weigh what was logged by what was drawn.

    With p the chance to agree and c binomial of m draws, ``p E[(m + 1) / (c + 1)]`` is
    ``1 - (1 - p)^(m + 1)``: the chance that any of m + 1 draws agrees, which is ``E[seen]``. Both
    are from the same draws, and none is of the search itself, whose list is ``agreed``.

    Parameters
    ----------
    drawn : shape (n, m + 1, K)
        Whether each draw agrees with the new policy; the last one only counts as seen.
    agreed : shape (n, K)
        Whether the list that was shown does.

    Raises
    ------
    InvalidInput
        There are no two draws: nothing is known of how likely the list was.

    Examples
    --------
    >>> half = np.array([[[True], [False], [True], [False]]])
    >>> recurrence(half, np.array([[True]])).weights
    array([[1.33333333]])
    """
    n_draws = drawn.shape[1] - 1
    if n_draws < 1:
        raise InvalidInput("Propensities take at least two draws.")
    counts = drawn[:, :n_draws].sum(axis=1)
    seen: BoolArray = np.logical_or.reduce(drawn, axis=1)
    return Recurrence(weights=agreed * ((n_draws + 1) / (counts + 1.0)), seen=seen)


def down_to(agrees: BoolArray) -> BoolArray:
    """Whether a list agrees down to each place, from whether each place does; shape (…, K)."""
    return np.logical_and.accumulate(agrees, axis=-1)


def best_rows(levels: Levels, weights: FloatArray, most: int) -> IntArray:
    """The first documents of each pool by each draw of weights.

    Parameters
    ----------
    levels : shape (n, P, F)
        Normalised scores of pools, rows in the order of the documents' ids.
    weights : shape (n, D, F)
        At least 0.
    most
        How many, at most P.

    Returns
    -------
    IntArray
        Rows, shape (n, D, most), best first. Equal scores stand in the order of the rows; so do
        scores that differ by less than a 10⁻¹⁰ of themselves, which saves half of the time.
    """
    n, n_documents, n_features = levels.shape
    scores = np.zeros((n, weights.shape[1], n_documents))
    for feature in range(n_features):  # as a search adds them up
        scores += (weights[:, :, feature] / SCALE)[:, :, None] * levels[:, None, :, feature]
    # Numbers from 0 on are ordered as their bits are: the last ones make room for the row.
    mask = np.int64((1 << n_documents.bit_length()) - 1)
    keys = scores.view(np.int64)
    keys &= ~mask
    keys |= mask - np.arange(n_documents)
    keys.sort(axis=-1)
    rows: IntArray = mask - (keys[:, :, : -most - 1 : -1] & mask)
    return rows
