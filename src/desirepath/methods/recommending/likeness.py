"""How alike documents are to what was clicked, as a ranker looks at it: by keys, without a text."""

from __future__ import annotations

import numpy as np

from desirepath.methods.keyed_columns import KeyArray, KeyedColumns
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.recommending.base import Arrays, History, RecommendingModel
from desirepath.methods.recommending.neighbours import NearestNeighbours

__all__ = ["Likeness"]


class Likeness:
    """Neighbours of documents that go by keys.

    Parameters
    ----------
    keys : shape (n_documents,)
        By number of the document; in any order, each once.
    neighbours
        Those of a recommender, by number.

    Raises
    ------
    ValueError
        There are not as many keys as documents.
    """

    def __init__(self, keys: KeyArray, neighbours: RecommendingModel) -> None:
        if len(keys) != neighbours.n_documents:
            raise ValueError("as many keys as documents")
        self._keys, self._neighbours = keys, neighbours
        order = np.argsort(keys)
        self._numbers = KeyedColumns(keys[order], (order.astype(np.float64),))

    def mean(self, clicked: KeyArray, shown: KeyArray) -> FloatArray:
        """The mean likeness of each document to what was clicked, shape (n_shown,).

        Of clicks on what is not known nothing is made. NaN where nothing that was clicked is known,
        or the document is not; a document is not like itself, but 0.

        Parameters
        ----------
        clicked
            One for each click.
        """
        history, documents = self._known(clicked), self._known(shown)
        history = history[history >= 0]
        if not len(history):
            return np.full(len(shown), np.nan)
        numbers, times = np.unique(history, return_counts=True)
        alike = self._neighbours.scores(History(numbers, times.astype(np.float64)))
        return np.where(documents >= 0, alike[documents] / len(history), np.nan)

    def arrays(self) -> Arrays:
        return {"keys": self._keys, **self._neighbours.arrays()}

    @classmethod
    def load(cls, arrays: Arrays) -> Likeness:
        """What :meth:`arrays` gave.

        Raises
        ------
        ValueError, KeyError
            They are no such arrays.
        """
        return cls(arrays["keys"], NearestNeighbours().load(arrays))

    def _known(self, keys: KeyArray) -> IntArray:
        """Numbers, -1 of what is not known."""
        (numbers,) = self._numbers.at(keys, [-1.0])
        return numbers.astype(np.int64)
