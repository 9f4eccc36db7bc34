"""Maximal marginal relevance: relevant documents, unlike those before them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Likeness", "cosines", "mmr", "shared_values"]

FloatArray = NDArray[np.float64]

Likeness = Callable[[int], FloatArray]
"""From a row to its similarities with all rows, shape (n,), in [0, 1]: one row at a time, for all
pairs of thousands would not fit into memory."""


def mmr(
    relevance: FloatArray, likeness: Likeness, trade_off: float, most: int
) -> tuple[list[int], list[float]]:
    """Choose one after another what is relevant and unlike everything chosen before.

    Parameters
    ----------
    relevance : shape (n,)
        Of each document, in [0, 1] like the similarities, that the two can be traded.
    likeness
        Of the same documents.
    trade_off
        1 looks at relevance only, 0 at similarity only.
    most
        How many to choose.

    Returns
    -------
    tuple
        Rows in the order chosen, and ``trade_off · relevance − (1 − trade_off) · (largest
        similarity to one chosen before, 0 for the first)`` of each. Of equal ones the first is
        chosen.

    References
    ----------
    Carbonell & Goldstein (1998), The Use of MMR, Diversity-Based Reranking, section 2.

    Examples
    --------
    >>> twins = cosines(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    >>> mmr(np.array([1.0, 0.75, 0.5]), twins, 0.5, 3)
    ([0, 2, 1], [0.5, 0.25, -0.125])
    """
    n = len(relevance)
    nearest = np.zeros(n)
    is_left = np.ones(n, dtype=bool)
    rows: list[int] = []
    scores: list[float] = []
    for _ in range(min(most, n)):
        values = np.where(is_left, trade_off * relevance - (1 - trade_off) * nearest, -np.inf)
        row = int(np.argmax(values))
        rows.append(row)
        scores.append(float(values[row]))
        is_left[row] = False
        nearest = np.maximum(nearest, likeness(row))
    return rows, scores


def cosines(vectors: FloatArray) -> Likeness:
    """The cosine of two vectors, 0 where it is less.

    Parameters
    ----------
    vectors : shape (n, dimension)
        A row of zeros is like no other.

    Examples
    --------
    >>> cosines(np.array([[2.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]))(0)
    array([1., 1., 0., 0.])
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1.0)
    return lambda row: np.clip(unit @ unit[row], 0.0, 1.0)


def shared_values(codes: NDArray[np.int64]) -> Likeness:
    """The share of fields in which two documents have the same value.

    Parameters
    ----------
    codes : shape (n, n_fields)
        A number for each value; negative where a document has none, which equals no other.

    Examples
    --------
    >>> shared_values(np.array([[0, 0], [0, 1], [-1, 1], [-1, 2]]))(1)
    array([0.5, 1. , 0.5, 0. ])
    """
    return lambda row: ((codes == codes[row]) & (codes >= 0)).mean(axis=1)
