"""Distances between vectors as SQL functions: sqlite-vec's, or the same in Python."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

__all__ = ["add_vector_functions"]


def add_vector_functions(connection: Any, *, use_extension: bool) -> None:
    """Give a connection ``vec_distance_cosine`` and ``vec_distance_l2`` of two float32 blobs.

    The extension walks a table several times as fast, and lets others use Python meanwhile.
    """
    if use_extension and _load_extension(connection):
        return
    from desirepath.storage.sqlite import vector_distances as distances

    for name, function in (("cosine", distances.cosine), ("l2", distances.euclidean)):
        connection.create_function(f"vec_distance_{name}", 2, function, deterministic=True)


def _load_extension(connection: Any) -> bool:
    with suppress(ImportError, AttributeError):  # no wheel, or an SQLite that loads nothing
        import sqlite_vec

        connection.enable_load_extension(True)
        sqlite_vec.load(connection)
        connection.enable_load_extension(False)
        return True
    return False
