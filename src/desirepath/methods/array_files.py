"""Files of NumPy arrays by name; none holds an object, for those could run code."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack_arrays", "unpack_arrays"]


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as NumPy's compressed file."""
    written = io.BytesIO()
    np.savez_compressed(written, allow_pickle=False, **dict(arrays))
    return written.getvalue()


def unpack_arrays(content: bytes) -> dict[str, Any]:
    """What :func:`pack_arrays` wrote.

    Raises
    ------
    ValueError, OSError, zipfile.BadZipFile
        It is no such file, or holds an object.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
