"""A query adapter's map as bytes and back: NumPy's .npz, in which no pickle is read or written."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from desirepath.errors import InvalidModel
from desirepath.methods.levels import FloatArray

__all__ = ["read_map", "write_map"]


def write_map(matrix: FloatArray) -> bytes:
    """The bytes of a map of shape (d, d)."""
    stream = io.BytesIO()
    np.savez(stream, map=matrix)
    return stream.getvalue()


def read_map(data: bytes) -> FloatArray:
    """The map of shape (d, d) that :func:`write_map` wrote.

    Raises
    ------
    InvalidModel
        These are not the bytes of a square map of finite numbers.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            matrix: FloatArray = np.asarray(arrays["map"], dtype=np.float64)
    except (ValueError, KeyError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise InvalidModel("The file of the query adapter cannot be read.") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise InvalidModel("The query adapter is no square map of finite numbers.")
    return matrix
