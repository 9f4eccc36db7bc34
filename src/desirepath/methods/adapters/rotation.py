"""A rotation of query vectors towards what was clicked for them, near the identity.

It keeps angles: queries that were alike stay alike. So it has half the freedom of any linear map,
whose d² numbers are often more than there are queries, and takes fewer of them to be learned.
"""

from __future__ import annotations

import numpy as np

from desirepath.methods.adapters.linear import ClickedVectors, matched
from desirepath.methods.levels import FloatArray

__all__ = ["fit_rotation"]


def fit_rotation(clicked: ClickedVectors, ridge: float) -> FloatArray:
    """The rotation (or reflection) that takes query directions nearest to where clicks point.

    It minimises what :func:`~desirepath.methods.adapters.linear.fit_ridge` does, over orthogonal
    maps, in closed form.

    Parameters
    ----------
    ridge
        Above 0; the larger, the nearer to the identity.

    Returns
    -------
    shape (d, d)
        Orthogonal, to be applied as ``R @ q``.

    Raises
    ------
    NotEnoughData
        Nothing was clicked.

    References
    ----------
    Schönemann (1966), A generalized solution of the orthogonal Procrustes problem. Xing, Wang, Liu
    & Lin (2015), Normalized word embedding and orthogonal transform for bilingual word translation:
    why maps between spaces that compare by cosine are orthogonal. Differs: drawn to the identity.

    Examples
    --------
    >>> clicked = ClickedVectors(
    ...     queries=np.array([[1.0, 0.0], [0.0, 1.0]]),
    ...     documents=np.array([[0.0, 1.0], [-1.0, 0.0]]),
    ...     query=np.array([0, 1]),
    ...     document=np.array([0, 1]),
    ...     weights=np.array([1.0, 1.0]),
    ... )
    >>> fit_rotation(clicked, ridge=1.0).round(3)
    array([[ 0.707, -0.707],
           [ 0.707,  0.707]])
    """
    queries, targets = matched(clicked)
    n, d = queries.shape
    left, _, right = np.linalg.svd(targets.T @ queries + ridge * n / d * np.eye(d))
    found: FloatArray = left @ right
    return found
