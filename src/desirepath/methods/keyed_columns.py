"""Columns of numbers by 64-bit key, as sorted arrays: small, quick to look in, and never changed.

Of keys that are hashes two may be the same. Among a million documents the chance that any two are
is 3 in 100 million (n²/2⁶⁵).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.levels import FloatArray

__all__ = ["KeyArray", "KeyedColumns", "gather_by_key", "unite_by_key"]

KeyArray = NDArray[np.uint64]


class KeyedColumns(Struct, frozen=True, eq=False):
    """Rows by key. N rows, C columns.

    Parameters
    ----------
    keys : length N
        Rising, each once.
    columns : C arrays of length N
        The numbers.
    """

    keys: KeyArray
    columns: tuple[FloatArray, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def n_bytes(self) -> int:
        """Of memory."""
        return int(self.keys.nbytes) + sum(int(column.nbytes) for column in self.columns)

    def at(self, keys: KeyArray, otherwise: Sequence[float]) -> list[FloatArray]:
        """The numbers of some keys, column by column.

        Parameters
        ----------
        keys : length K
            In any order, also several times.
        otherwise : length C
            What a key has that has no row.

        Returns
        -------
        list
            C arrays of length K.

        Examples
        --------
        >>> rows = KeyedColumns(np.array([3, 8], np.uint64), (np.array([1.5, 2.5]),))
        >>> rows.at(np.array([8, 4], np.uint64), [0.0])
        [array([2.5, 0. ])]
        """
        if not len(self.keys):
            return [np.full(len(keys), value) for value in otherwise]
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        is_there = self.keys[places] == keys
        return [
            np.where(is_there, column[places], value)
            for column, value in zip(self.columns, otherwise, strict=True)
        ]


def gather_by_key(
    keys: KeyArray, columns: Sequence[FloatArray], unite: Sequence[np.ufunc]
) -> KeyedColumns:
    """Rows in any order, those of the same key as one.

    Parameters
    ----------
    keys : length N
        May be there several times.
    columns : C arrays of length N
        The numbers.
    unite : length C
        How a column's numbers of one key become one: ``np.add``, ``np.maximum``, ``np.minimum``.

    Examples
    --------
    >>> found = gather_by_key(np.array([8, 3, 8], np.uint64), [np.array([1.0, 2.0, 3.0])], [np.add])
    >>> found.keys.tolist(), found.columns[0].tolist()
    ([3, 8], [2.0, 4.0])
    """
    if not len(keys):
        return KeyedColumns(np.zeros(0, np.uint64), tuple(np.zeros(0) for _ in columns))
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return KeyedColumns(
        ordered[starts],
        tuple(
            how.reduceat(column[order], starts) for how, column in zip(unite, columns, strict=True)
        ),
    )


def unite_by_key(
    first: KeyedColumns, second: KeyedColumns, unite: Sequence[np.ufunc]
) -> KeyedColumns:
    """The rows of both; see :func:`gather_by_key`."""
    if not len(second):
        return first
    return gather_by_key(
        np.concatenate((first.keys, second.keys)),
        [np.concatenate(pair) for pair in zip(first.columns, second.columns, strict=True)],
        unite,
    )
