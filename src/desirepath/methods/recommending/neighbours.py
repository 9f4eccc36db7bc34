"""Nearest neighbours: documents are alike that the same people reacted to."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.recommending.base import (
    Arrays,
    History,
    Preferences,
    Progress,
    RecommendingModel,
)

__all__ = ["DocumentNeighbours", "NearestNeighbours"]

_BLOCK = 500  # documents that are compared with all at once
_K1, _B = 1.2, 0.75

Weighting = Literal["cosine", "bm25"]
_Part = tuple[IntArray, NDArray[np.int32], NDArray[np.float32]]


class NearestNeighbours(Struct, frozen=True, kw_only=True):
    """The neighbours of each document: ``a·b / (|a| |b| + shrinkage)`` over their columns.

    Parameters
    ----------
    neighbours
        How many of each are kept.
    shrinkage
        Evidence that pulls towards not alike: else two documents that one person reacted to and
        nobody else would be as alike as can be.
    weighting
        ``cosine`` takes weights as they are. ``bm25`` counts a person less the more they reacted
        to, and a second reaction less than a first.

    References
    ----------
    Sarwar, Karypis, Konstan & Riedl (2001), Item-Based Collaborative Filtering Recommendation
    Algorithms; the shrinkage is that of Bell & Koren (2007), in the form of Ferrari Dacrema,
    Cremonesi & Jannach (2019), Are We Really Making Much Progress?. The weights of ``bm25`` are
    those of Robertson & Zaragoza (2009), with k1 = 1.2 and b = 0.75: documents are its documents,
    people its words.
    """

    neighbours: int = 100
    shrinkage: float = 20.0
    weighting: Weighting = "cosine"

    def fit(
        self,
        preferences: Preferences,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> DocumentNeighbours:
        del rng  # nothing is left to chance
        columns = preferences.matrix().T.tocsr()
        if self.weighting == "bm25":
            columns = _bm25(columns)
        others = columns.T.tocsr()
        lengths = np.sqrt(np.bincount(others.indices, others.data**2, preferences.n_documents))
        parts = []
        for start in range(0, preferences.n_documents, _BLOCK):
            products = (columns[start : start + _BLOCK] @ others).tocoo()
            alike = products.data / (
                lengths[start + products.row] * lengths[products.col] + self.shrinkage
            )
            parts.append(_largest(start + products.row, products.col, alike, self.neighbours))
            if progress is not None:
                progress(min(start + _BLOCK, preferences.n_documents), preferences.n_documents)
        return _neighbours(parts, preferences.n_documents)

    def load(self, arrays: Arrays) -> RecommendingModel:
        try:
            starts, documents, alike = (arrays[name] for name in ("starts", "documents", "alike"))
        except KeyError as error:
            raise ValueError("arrays are starts, documents and alike") from error
        if len(documents) != len(alike) or len(starts) < 1 or starts[-1] != len(documents):
            raise ValueError("arrays of neighbours do not fit each other")
        return DocumentNeighbours(starts.astype(np.int64), documents, alike)


class DocumentNeighbours:
    """Neighbours document by document: compressed rows of a matrix whose diagonal is 1.

    Parameters
    ----------
    starts : shape (n_documents + 1,)
    documents : shape (n,)
        32-bit integers.
    alike : shape (n,)
        In (0, 1], 32-bit floats.
    """

    def __init__(
        self, starts: IntArray, documents: NDArray[np.int32], alike: NDArray[np.float32]
    ) -> None:
        self.n_documents = len(starts) - 1
        self._starts = starts
        self._documents = documents
        self._alike = alike

    def scores(self, history: History) -> FloatArray:
        """Sums of ``weight · likeness`` over what the person reacted to, those not neighbours 0."""
        scores = np.zeros(self.n_documents)
        for document, weight in zip(history.documents, history.weights, strict=True):
            rows = self._rows(document)
            scores[self._documents[rows]] += weight * self._alike[rows]
        return scores

    def similar(self, document: int) -> FloatArray:
        found = np.zeros(self.n_documents)
        rows = self._rows(document)
        found[self._documents[rows]] = self._alike[rows]
        found[document] = 1.0
        return found

    def reasons(self, history: History, document: int) -> FloatArray:
        added = np.zeros(len(history.documents))
        for place, other in enumerate(history.documents):
            rows = self._rows(other)
            here = self._documents[rows] == document
            added[place] = history.weights[place] * float(self._alike[rows][here].sum())
        return added

    def arrays(self) -> Arrays:
        return {"starts": self._starts, "documents": self._documents, "alike": self._alike}

    def _rows(self, document: int) -> slice:
        return slice(self._starts[document], self._starts[document + 1])


def _bm25(matrix: Any) -> Any:
    n_documents = matrix.shape[0]
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    n_of_person = np.bincount(matrix.indices, minlength=matrix.shape[1])
    rarity = np.log1p((n_documents - n_of_person + 0.5) / (n_of_person + 0.5))
    mean = sizes.mean() or 1.0
    size_of_row = np.repeat(sizes, np.diff(matrix.indptr))
    weighted = matrix.copy()
    norm = _K1 * (1 - _B + _B * size_of_row / mean)
    weighted.data = matrix.data * (_K1 + 1) / (norm + matrix.data) * rarity[matrix.indices]
    return weighted


def _largest(rows: IntArray, columns: IntArray, alike: FloatArray, most: int) -> _Part:
    """The largest of each row, itself left out, in order of row and column."""
    kept = rows != columns
    rows, columns, alike = rows[kept], columns[kept], alike[kept]
    order = np.lexsort((columns, -alike, rows))
    first = np.searchsorted(rows[order], rows[order])
    kept = order[np.arange(len(order)) - first < most]
    kept = kept[np.lexsort((columns[kept], rows[kept]))]
    return rows[kept], columns[kept].astype(np.int32), alike[kept].astype(np.float32)


def _neighbours(parts: list[_Part], n_documents: int) -> DocumentNeighbours:
    rows, columns, alike = (np.concatenate(part) for part in zip(*parts, strict=True))
    counts = np.bincount(rows, minlength=n_documents)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return DocumentNeighbours(starts, columns, alike)
