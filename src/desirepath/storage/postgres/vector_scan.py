"""Vectors compared in this process, for where the database has no pgvector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from desirepath.domain.document import Metric

__all__ = ["compare", "read_arrays"]

_HEAD_BYTES = 20
FloatArray: TypeAlias = npt.NDArray[np.float64]


def read_arrays(arrays: Sequence[bytes], dimension: int) -> FloatArray:
    """Vectors of one length as PostgreSQL sends arrays of float4.

    Each is a head, then for every number its size and itself.

    Returns
    -------
    shape (n_arrays, dimension)
    """
    sent = np.frombuffer(b"".join(arrays), np.uint8).reshape(len(arrays), -1)
    numbers = sent[:, _HEAD_BYTES:].reshape(len(arrays), dimension, 8)[:, :, 4:]
    return np.ascontiguousarray(numbers).view(">f4")[:, :, 0].astype(np.float64)


def compare(metric: Metric, vectors: FloatArray, wanted: Sequence[float]) -> FloatArray:
    """Scores of vectors.

    Parameters
    ----------
    vectors : shape (n_vectors, dimension)
    wanted : shape (dimension,)

    Returns
    -------
    shape (n_vectors,)

    Examples
    --------
    >>> compare(Metric.COSINE, np.array([[3.0, 4.0], [0.0, 1.0]]), [0.0, 2.0]).tolist()
    [0.8, 1.0]
    """
    other: FloatArray = np.asarray(wanted, np.float64)
    if metric is Metric.EUCLIDEAN:
        distances: FloatArray = np.linalg.norm(vectors - other, axis=1)
        return 1 / (1 + distances)
    products: FloatArray = vectors @ other
    if metric is Metric.DOT_PRODUCT:
        return products
    lengths: FloatArray = np.linalg.norm(vectors, axis=1) * np.linalg.norm(other)
    return products / lengths
