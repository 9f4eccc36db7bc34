"""What several searches found, side by side: one row a document, one column a feature."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.levels import FloatArray, IntArray, Levels, Normalized, normalize

__all__ = ["Candidates", "FoundList", "Scored", "gather"]


class Scored(Protocol):
    """What fusions look at: n documents by F features."""

    @property
    def ranks(self) -> IntArray:
        """Place in each list, from 1, shape (n, F); 0: the list does not have it."""
        ...

    @property
    def scores(self) -> FloatArray:
        """Scores as they were given, shape (n, F); 0 where a list does not have it."""
        ...

    @property
    def levels(self) -> Levels:
        """Scores normalised within their list, shape (n, F); 0 where a list does not have it."""
        ...


class FoundList(Struct, frozen=True, kw_only=True):
    """What the search on one feature found, best first.

    Parameters
    ----------
    document_ids : length n
        Distinct.
    scores : length n
        Finite, in any unit that is better when larger.
    """

    document_ids: Sequence[str]
    scores: Sequence[float]


class Candidates(Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """All documents that were found, by all features. Matrices are made when first asked for.

    Parameters
    ----------
    lists : length n_features
        What each feature found.
    document_ids : length n
        In the order of Unicode code points, so that nothing depends on who found what first.
    rows : length n_features
        Which row each document of each list has.
    """

    lists: Sequence[FoundList]
    document_ids: Sequence[str]
    rows: Sequence[NDArray[np.intp]]

    @cached_property
    def ranks(self) -> IntArray:
        """Place in each list, from 1, shape (n, n_features); 0: the list does not have it."""
        ranks = np.zeros(self._shape, np.int64)
        for column, rows in enumerate(self.rows):
            ranks[rows, column] = np.arange(1, len(rows) + 1)
        return ranks

    @cached_property
    def scores(self) -> FloatArray:
        """Scores as they were given, shape (n, n_features); 0 where a list does not have it."""
        scores = np.zeros(self._shape)
        for column, (rows, found) in enumerate(zip(self.rows, self.lists, strict=True)):
            scores[rows, column] = found.scores
        return scores

    @cached_property
    def levels(self) -> Levels:
        """Scores normalised within their list, shape (n, n_features); 0 where it has none."""
        levels = np.zeros(self._shape, np.uint16)
        for column, (rows, one) in enumerate(zip(self.rows, self.normalized, strict=True)):
            levels[rows, column] = one.levels
        return levels

    @cached_property
    def normalized(self) -> list[Normalized]:
        """Each list's levels and the scores that they are scaled between."""
        return [normalize(np.array(found.scores, np.float64)) for found in self.lists]

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.document_ids), len(self.lists)


def gather(lists: Sequence[FoundList]) -> Candidates:
    """Lay lists side by side, one a feature; empty ones are allowed.

    Examples
    --------
    >>> title = FoundList(document_ids=["b", "a"], scores=[9.0, 7.0])
    >>> image = FoundList(document_ids=["b", "c"], scores=[0.8, 0.6])
    >>> candidates = gather([title, image])
    >>> candidates.document_ids
    ['a', 'b', 'c']
    >>> candidates.levels.tolist()
    [[0, 0], [65535, 65535], [0, 0]]
    >>> candidates.ranks.tolist()
    [[2, 0], [1, 1], [0, 2]]
    """
    document_ids = sorted(set().union(*[found.document_ids for found in lists]))
    row_of = dict(zip(document_ids, range(len(document_ids)), strict=True)).__getitem__
    return Candidates(
        lists=lists,
        document_ids=document_ids,
        rows=[
            np.fromiter(map(row_of, found.document_ids), np.intp, len(found.document_ids))
            for found in lists
        ],
    )
