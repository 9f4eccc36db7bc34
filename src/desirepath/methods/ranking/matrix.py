"""What rankers are trained on: lists of documents with features and grades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from desirepath.errors import InvalidInput

__all__ = ["UNKNOWN_POSITION", "BoolArray", "FloatArray", "IntArray", "Matrix", "TextArray"]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
TextArray = NDArray[np.object_]

UNKNOWN_POSITION = -1


class Matrix(Struct, frozen=True, kw_only=True, eq=False):
    """Lists one after the other, in the order of their times; the rows of a list stand together.

    Parameters
    ----------
    names
        Of the features, all different.
    values : shape (n_rows, n_features), float32
        NaN where a feature has no value.
    grades : shape (n_rows,), whole numbers
        At least 0; for clicks 0 and 1.
    groups : shape (n_lists,), int64
        How many rows each list has, at least 1.
    positions : shape (n_rows,), int32
        Where each document was shown, from 0; −1: unknown.
    times : shape (n_lists,), int64
        When each list was made: microseconds since 1970, never falling.
    list_ids : shape (n_lists,), texts, or None
    document_ids : shape (n_rows,), texts, or None
    queries : shape (n_lists,), texts or None each, or None

    Raises
    ------
    InvalidInput
        The arrays do not fit together; the message says which.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    grades: NDArray[np.integer[Any]]
    groups: IntArray
    positions: NDArray[np.int32]
    times: IntArray
    list_ids: TextArray | None = None
    document_ids: TextArray | None = None
    queries: TextArray | None = None

    def __post_init__(self) -> None:
        n, n_lists = self.n_rows, self.n_lists
        if self.values.shape != (n, self.n_features):
            raise InvalidInput("values must have one row a document and one column a name.")
        if len(set(self.names)) != self.n_features:
            raise InvalidInput("names must be different from each other.")
        if n_lists and int(self.groups.min()) < 1:
            raise InvalidInput("groups must be at least 1 each.")
        if int(self.groups.sum()) != n:
            raise InvalidInput("groups must add up to the number of grades.")
        if n and int(self.grades.min()) < 0:
            raise InvalidInput("grades must be at least 0.")
        if n and int(self.positions.min()) < UNKNOWN_POSITION:
            raise InvalidInput("positions must count from 0, or be -1 where they are unknown.")
        if (np.diff(self.times) < 0).any():
            raise InvalidInput("times must not fall: lists are in the order of their times.")
        for name, array, length in (
            ("positions", self.positions, n),
            ("times", self.times, n_lists),
            ("list_ids", self.list_ids, n_lists),
            ("document_ids", self.document_ids, n),
            ("queries", self.queries, n_lists),
        ):
            if array is not None and len(array) != length:
                raise InvalidInput(f"{name} must have {length:,} entries.")

    @property
    def n_rows(self) -> int:
        return len(self.grades)

    @property
    def n_lists(self) -> int:
        return len(self.groups)

    @property
    def n_features(self) -> int:
        return len(self.names)

    @property
    def starts(self) -> IntArray:
        """List l has the rows from ``starts[l]`` up to ``starts[l + 1]``; shape (n_lists + 1,)."""
        return np.concatenate([[0], np.cumsum(self.groups, dtype=np.int64)])

    @property
    def lists(self) -> IntArray:
        """Which list each row is of, from 0; shape (n_rows,)."""
        return np.repeat(np.arange(self.n_lists), self.groups)

    @property
    def has_positive(self) -> BoolArray:
        """Which lists have a grade above 0; shape (n_lists,)."""
        if not self.n_lists:
            return np.zeros(0, bool)
        return np.logical_or.reduceat(self.grades > 0, self.starts[:-1])

    @property
    def coverage(self) -> FloatArray:
        """Share of rows that have a value, by feature; shape (n_features,)."""
        missing: IntArray = np.isnan(self.values).sum(axis=0)
        return 1.0 - missing / max(self.n_rows, 1)

    def column(self, name: str) -> NDArray[np.float32]:
        """Values of a feature, shape (n_rows,).

        Raises
        ------
        InvalidInput
            There is no such feature.
        """
        return self.values[:, self._place(name)]

    def part(self, chosen: BoolArray) -> Matrix:
        """Only some lists.

        Parameters
        ----------
        chosen : shape (n_lists,)
        """
        if chosen.shape != (self.n_lists,) or chosen.dtype != np.bool_:
            raise InvalidInput("chosen must be one true or false a list.")
        rows = np.repeat(chosen, self.groups)

        def of(array: TextArray | None, kept: BoolArray) -> TextArray | None:
            return None if array is None else array[kept]

        return replace(
            self,
            values=self.values[rows],
            grades=self.grades[rows],
            groups=self.groups[chosen],
            positions=self.positions[rows],
            times=self.times[chosen],
            list_ids=of(self.list_ids, chosen),
            document_ids=of(self.document_ids, rows),
            queries=of(self.queries, chosen),
        )

    def with_features(self, names: Sequence[str]) -> Matrix:
        """Only some features, in this order.

        Raises
        ------
        InvalidInput
            There is no such feature.
        """
        places = [self._place(name) for name in names]
        return replace(self, names=tuple(names), values=self.values[:, places])

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise InvalidInput("The matrix has no such feature.", ("features",))
        return self.names.index(name)
