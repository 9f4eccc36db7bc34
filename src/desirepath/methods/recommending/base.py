"""What recommends: learned from who reacted to what, asked with what one person reacted to.

    Preferences ── RecommendingMethod.fit ──► RecommendingModel ── .scores(history) ──► documents
                                                   │
                                                   └── .similar, .reasons, .arrays

A caller does not care which method it is. A model knows documents by number and no people: a person
is the documents they reacted to, so that who came after training is served like anybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.levels import FloatArray, IntArray

__all__ = [
    "Arrays",
    "History",
    "Preferences",
    "Progress",
    "RecommendingMethod",
    "RecommendingModel",
    "preferences",
]

Arrays = Mapping[str, NDArray[Any]]
"""The parameters of a model by name, as they are kept in a file."""

Progress = Callable[[int, int], None]
"""Told (steps done, steps in all)."""


class History(NamedTuple):
    """What one person reacted to, each document once; both of shape (n,).

    Parameters
    ----------
    documents
        Numbers from 0.
    weights
        Above 0: how much, and how lately.
    """

    documents: IntArray
    weights: FloatArray


class Preferences(Struct, frozen=True, kw_only=True, eq=False):
    """Who reacted to what, person by person.

    Parameters
    ----------
    starts : shape (n_people + 1,)
        Person p has the rows from ``starts[p]`` to before ``starts[p + 1]``.
    documents : shape (n,)
        Numbers from 0; rising for each person.
    weights : shape (n,)
        Above 0.
    n_documents
        How many there are, those that nobody reacted to included.
    """

    starts: IntArray
    documents: IntArray
    weights: FloatArray
    n_documents: int

    @property
    def n_people(self) -> int:
        return len(self.starts) - 1

    def of(self, person: int) -> History:
        """What one of them reacted to."""
        rows = slice(self.starts[person], self.starts[person + 1])
        return History(self.documents[rows], self.weights[rows])

    def popularity(self) -> FloatArray:
        """The sum of the weights of each document, shape (n_documents,)."""
        sums = np.bincount(self.documents, self.weights, self.n_documents)
        return sums.astype(np.float64)

    def matrix(self) -> Any:
        """The same as a sparse matrix of SciPy (compressed rows), people by documents.

        Raises
        ------
        ImportError
            SciPy is not installed.
        """
        from scipy.sparse import csr_matrix

        shape = (self.n_people, self.n_documents)
        return csr_matrix((self.weights, self.documents, self.starts), shape=shape)


def preferences(
    people: IntArray, documents: IntArray, weights: FloatArray, n_documents: int
) -> Preferences:
    """Preferences of rows in any order, at most one for a person and a document.

    Parameters
    ----------
    people, documents, weights : shape (n,)
        People are numbered from 0 without a gap.

    Examples
    --------
    >>> two = preferences(np.array([1, 0, 1]), np.array([2, 0, 1]), np.array([1.0, 2.0, 3.0]), 3)
    >>> two.of(1).documents.tolist(), two.popularity().tolist()
    ([1, 2], [2.0, 3.0, 1.0])
    """
    order = np.lexsort((documents, people))
    counts = np.bincount(people)
    return Preferences(
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        documents=documents[order].astype(np.int64),
        weights=weights[order].astype(np.float64),
        n_documents=n_documents,
    )


class RecommendingModel(Protocol):
    """What was learned; it takes NumPy and no other library to ask it."""

    n_documents: int

    def scores(self, history: History) -> FloatArray:
        """How well each document fits a person, shape (n_documents,); larger is better.

        Scores of different people are not on one scale. A history without documents gets zeros.
        """
        ...

    def similar(self, document: int) -> FloatArray:
        """How alike each document is to one, shape (n_documents,); 1 at most, itself included."""
        ...

    def reasons(self, history: History, document: int) -> FloatArray:
        """What each document of a history adds to the score of one, shape (n,).

        They sum to the score, up to rounding.
        """
        ...

    def arrays(self) -> Arrays:
        """The parameters; the method's ``load`` makes the model of them again."""
        ...


class RecommendingMethod(Protocol):
    """How a model is learned. Frozen; its fields are its priors."""

    def fit(
        self,
        preferences: Preferences,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> RecommendingModel:
        """Learn.

        Raises
        ------
        ImportError
            SciPy is not installed.
        """
        ...

    def load(self, arrays: Arrays) -> RecommendingModel:
        """A model of its arrays.

        Raises
        ------
        ValueError
            They are not those of a model of this method.
        """
        ...
