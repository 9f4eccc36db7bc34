"""A linear map of query vectors towards what was clicked for them, near the identity.

For each query, the direction to go is the mean of its clicked documents' directions, each click
weighted. The map is the ridge regression of these onto the query vectors, drawn towards the
identity, so that what was never asked stays where it was.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.errors import NotEnoughData
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["RIDGES", "ClickedVectors", "adapted", "directions", "fit_ridge", "matched"]

RIDGES = (0.5, 2.0, 8.0, 32.0, 128.0)
"""Strengths to choose from: the identity's weight beside the queries', along a mean direction."""


class ClickedVectors(Struct, frozen=True, kw_only=True, eq=False):
    """Queries and what was clicked for them, N queries, M documents, C pairs.

    Parameters
    ----------
    queries : shape (N, d)
        Vectors that were searched with.
    documents : shape (M, d)
        All that may be found, clicked or not.
    query, document : shape (C,)
        Rows of a clicked pair; each pair once.
    weights : shape (C,)
        Above 0: how well the document answers, such as clicks for each time it was looked at. What
        was merely shown more often must not weigh more: it was near the query as it is.
    """

    queries: FloatArray
    documents: FloatArray
    query: IntArray
    document: IntArray
    weights: FloatArray

    def take(self, rows: IntArray) -> ClickedVectors:
        """Some of the queries, numbered anew in their order."""
        place = np.full(len(self.queries), -1, np.int64)
        place[rows] = np.arange(len(rows))
        kept = place[self.query] >= 0
        return ClickedVectors(
            queries=self.queries[rows],
            documents=self.documents,
            query=place[self.query[kept]],
            document=self.document[kept],
            weights=self.weights[kept],
        )


def directions(vectors: FloatArray) -> FloatArray:
    """Rows of length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: FloatArray = vectors / np.where(lengths > 0, lengths, 1.0)
    return found


def adapted(queries: FloatArray, matrix: FloatArray) -> FloatArray:
    """The directions that queries of shape (N, d) have once a map of shape (d, d) is applied.

    >>> adapted(np.array([[3.0, 0.0]]), np.array([[0.0, 1.0], [2.0, 0.0]]))
    array([[0., 1.]])
    """
    return directions(directions(queries) @ matrix.T)


def fit_ridge(clicked: ClickedVectors, ridge: float) -> FloatArray:
    """The map that takes query directions nearest to those of their clicked documents.

    It minimises ``Σ |W q - t|² + λ |W - I|²`` over the queries, q a query's direction and t its
    clicked documents' weighted mean direction, in closed form. λ is ``ridge`` times N/d: what the
    queries weigh along a mean direction.

    Parameters
    ----------
    ridge
        Above 0; the larger, the nearer to the identity.

    Returns
    -------
    shape (d, d)
        To be applied as ``W @ q``.

    Raises
    ------
    NotEnoughData
        Nothing was clicked.

    References
    ----------
    Hoerl & Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems. Differs:
    shrinks towards the identity. Mikolov, Le & Sutskever (2013), Exploiting similarities among
    languages for machine translation, map vectors by least squares likewise.

    Examples
    --------
    >>> clicked = ClickedVectors(
    ...     queries=np.array([[1.0, 0.0]]),
    ...     documents=np.array([[0.0, 1.0]]),
    ...     query=np.array([0]),
    ...     document=np.array([0]),
    ...     weights=np.array([1.0]),
    ... )
    >>> fit_ridge(clicked, ridge=2.0)
    array([[0.5, 0. ],
           [0.5, 1. ]])
    """
    queries, targets = matched(clicked)
    n, d = queries.shape
    pull = ridge * n / d * np.eye(d)
    across, within = targets.T @ queries + pull, queries.T @ queries + pull
    found: FloatArray = np.linalg.solve(within, across.T).T  # within is symmetric
    return found


def matched(clicked: ClickedVectors) -> tuple[FloatArray, FloatArray]:
    """Directions of queries, and those to go to; both zeros where nothing was clicked.

    Raises
    ------
    NotEnoughData
        Nothing was clicked at all.
    """
    if not len(clicked.query):
        raise NotEnoughData("clicked pairs of query and document", needed=1, found=0)
    targets = np.zeros(clicked.queries.shape)
    units = directions(clicked.documents[clicked.document])
    np.add.at(targets, clicked.query, clicked.weights[:, None] * units)
    targets = directions(targets)
    is_known = np.linalg.norm(targets, axis=1, keepdims=True) > 0
    return directions(clicked.queries) * is_known, targets
