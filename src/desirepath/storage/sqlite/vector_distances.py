"""What sqlite-vec computes, for where it cannot be loaded. Vectors are blobs of float32."""

from __future__ import annotations

import numpy as np

__all__ = ["cosine", "euclidean"]


def cosine(one: bytes, other: bytes) -> float | None:
    """One minus the cosine of the angle; None when a vector has no direction.

    >>> cosine(np.float32([3, 4]).tobytes(), np.float32([4, 3]).tobytes()) < 0.041
    True
    """
    a, b = np.frombuffer(one, "<f4"), np.frombuffer(other, "<f4")
    lengths = float(np.sqrt(np.dot(a, a)) * np.sqrt(np.dot(b, b)))
    return 1.0 - float(np.dot(a, b)) / lengths if lengths else None


def euclidean(one: bytes, other: bytes) -> float:
    """
    >>> euclidean(np.float32([3, 4]).tobytes(), np.float32([0, 0]).tobytes())
    5.0
    """
    return float(np.linalg.norm(np.frombuffer(one, "<f4") - np.frombuffer(other, "<f4")))
