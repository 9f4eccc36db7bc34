"""How a query adapter is stored: its map in NumPy's .npz, in which no pickle is read or written.

Which vectors it turns is said in its manifest, under :data:`SPACE`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from desirepath.domain.document import VectorIndex
from desirepath.errors import InvalidModel
from desirepath.methods.array_files import pack_arrays, unpack_arrays
from desirepath.methods.levels import FloatArray

__all__ = ["MAP", "QUERY_ADAPTER", "SPACE", "VectorSpace", "read_map", "read_space", "write_map"]

QUERY_ADAPTER = "query_adapter"
"""The kind of model."""
MAP = "map.npz"
SPACE = "vectors"


class VectorSpace(Struct, frozen=True, kw_only=True):
    """The vectors that an adapter was trained on.

    Parameters
    ----------
    embedder
        The model that makes them of texts; None: they are sent.
    """

    index: str
    dimension: int
    embedder: str | None = None

    @classmethod
    def of_index(cls, index: VectorIndex) -> VectorSpace:
        """The vectors of an index."""
        model = None if index.embedder is None else index.embedder.model
        return cls(index=index.name, dimension=index.dimension, embedder=model)

    def misfit(self, index: VectorIndex) -> str | None:
        """Why vectors of an index cannot be turned; None when they can."""
        other = self.of_index(index)
        if other.index != self.index:
            return "The query adapter was trained for another vector index."
        if other.dimension != self.dimension:
            return (
                f"The query adapter turns vectors of {self.dimension} numbers, and those of the "
                f"index have {other.dimension}."
            )
        if other.embedder != self.embedder:
            return "The query adapter was trained on vectors of another embedder's model."
        return None


def read_space(manifest: Mapping[str, Any]) -> VectorSpace:
    """What the manifest of a query adapter says of its vectors.

    Raises
    ------
    InvalidModel
        It says nothing that this version could read.
    """
    try:
        return msgspec.convert(manifest.get(SPACE), VectorSpace)
    except msgspec.ValidationError as error:
        raise InvalidModel("The query adapter does not say which vectors it turns.") from error


def write_map(matrix: FloatArray) -> bytes:
    """The bytes of a map of shape (d, d)."""
    return pack_arrays({"map": matrix})


def read_map(data: bytes) -> FloatArray:
    """The map of shape (d, d) that :func:`write_map` wrote.

    Raises
    ------
    InvalidModel
        These are not the bytes of a square map of finite numbers.
    """
    try:
        matrix: FloatArray = np.asarray(unpack_arrays(data)["map"], dtype=np.float64)
    except (ValueError, KeyError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise InvalidModel("The file of the query adapter cannot be read.") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise InvalidModel("The query adapter is no square map of finite numbers.")
    return matrix
