"""Alternating least squares: people and documents as points, near to each other where they fit."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct

from desirepath.methods.levels import FloatArray
from desirepath.methods.recommending.base import (
    Arrays,
    History,
    Preferences,
    Progress,
    RecommendingModel,
)
from desirepath.methods.recommending.library import implicit_module

__all__ = ["AlternatingLeastSquares", "DocumentFactors"]


class AlternatingLeastSquares(Struct, frozen=True, kw_only=True):
    """Factors of implicit preferences.

    Minimises ``Σ w (1 − x·y)²`` over what people reacted to, plus ``Σ (x·y)²`` over all that they
    did not react to, plus ``regularization · (Σ|x|² + Σ|y|²)``.

    Parameters
    ----------
    factors
        Numbers that describe a person or a document.
    regularization
        How much evidence it takes to move a point; large values come near to popularity.
    confidence
        What weights are multiplied with.
    iterations
        Rounds over people and documents.

    References
    ----------
    Hu, Koren & Volinsky (2008), Collaborative Filtering for Implicit Feedback Datasets. Differs:
    the confidence of a reaction is its weight and not 1 + α·weight, so that what decays becomes
    unknown and does not stay a reaction. Steps by conjugate gradients as in Takács, Pilászy & Tikk
    (2011) where the library ``implicit`` is installed, and exact ones where it is not.
    """

    factors: int = 32
    regularization: float = 10.0
    confidence: float = 1.0
    iterations: int = 15

    def fit(
        self,
        preferences: Preferences,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> DocumentFactors:
        library = implicit_module("cpu.als")
        seed = int(rng.integers(1 << 31))
        if library is None:
            found = self._exact(preferences, np.random.default_rng(seed), progress)
        else:
            found = self._by_library(library, preferences, seed, progress)
        return DocumentFactors(found, self.regularization, self.confidence)

    def load(self, arrays: Arrays) -> RecommendingModel:
        factors = arrays.get("factors")
        if factors is None or factors.ndim != 2 or factors.dtype != np.float32:
            raise ValueError("factors is a matrix of 32-bit floats")
        return DocumentFactors(factors, self.regularization, self.confidence)

    def _by_library(
        self, library: Any, preferences: Preferences, seed: int, progress: Progress | None
    ) -> Any:
        from threadpoolctl import threadpool_limits

        def told(iteration: int, *_: object) -> None:
            if progress is not None:
                progress(iteration + 1, self.iterations)

        # It has threads of its own, and those of a BLAS beside them make it slow.
        with threadpool_limits(1, "blas"):
            model = library.AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=self.confidence,
                iterations=self.iterations,
                random_state=seed,
            )
            matrix = preferences.matrix().astype(np.float32)
            model.fit(matrix, show_progress=False, callback=told)
        return np.asarray(model.item_factors, dtype=np.float32)

    def _exact(
        self, preferences: Preferences, rng: np.random.Generator, progress: Progress | None
    ) -> Any:
        by_person = preferences.matrix() * self.confidence
        by_document = by_person.T.tocsr()
        people = np.zeros((preferences.n_people, self.factors))
        documents = rng.random((preferences.n_documents, self.factors)) * 0.01
        for iteration in range(self.iterations):
            self._solve(by_person, people, documents)
            self._solve(by_document, documents, people)
            if progress is not None:
                progress(iteration + 1, self.iterations)
        return documents.astype(np.float32)

    def _solve(self, matrix: Any, points: FloatArray, others: FloatArray) -> None:
        """Move every point to where it fits best; the others stay."""
        gram = _gram(others, self.regularization)
        for row in range(len(points)):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            weights = matrix.data[part]
            points[row] = _best_point(gram, others[matrix.indices[part]], weights)


class DocumentFactors:
    """The points of documents; that of a person is worked out when asked.

    Parameters
    ----------
    factors : shape (n_documents, factors)
        32-bit floats.
    regularization, confidence
        As they were learned with.
    """

    def __init__(self, factors: Any, regularization: float, confidence: float) -> None:
        self.n_documents = len(factors)
        self._factors = factors
        self._regularization = regularization
        self._confidence = confidence

    def scores(self, history: History) -> FloatArray:
        if not len(history.documents):
            return np.zeros(self.n_documents)
        near = self._factors[history.documents].astype(np.float64)
        person = _best_point(self._gram, near, history.weights * self._confidence)
        scores: FloatArray = (self._factors @ person.astype(np.float32)).astype(np.float64)
        return scores

    def similar(self, document: int) -> FloatArray:
        """The cosine of their points."""
        cosines = self._directions @ self._directions[document]
        return np.asarray(np.minimum(cosines.astype(np.float64), 1.0))

    def reasons(self, history: History, document: int) -> FloatArray:
        """See Hu, Koren & Volinsky (2008), section 5."""
        near = self._factors[history.documents].astype(np.float64)
        weights = history.weights * self._confidence
        system = self._gram + (near.T * (weights - 1)) @ near
        along = np.linalg.solve(system, self._factors[document].astype(np.float64))
        return np.asarray(weights * (near @ along))

    def arrays(self) -> Arrays:
        return {"factors": self._factors}

    @cached_property
    def _gram(self) -> FloatArray:
        return _gram(self._factors.astype(np.float64), self._regularization)

    @cached_property
    def _directions(self) -> Any:
        lengths = np.linalg.norm(self._factors, axis=1, keepdims=True)
        return self._factors / np.where(lengths > 0, lengths, 1)


def _gram(points: FloatArray, regularization: float) -> FloatArray:
    return points.T @ points + regularization * np.eye(points.shape[1])


def _best_point(gram: FloatArray, near: FloatArray, weights: FloatArray) -> FloatArray:
    """Where the loss is least: what was not reacted to weighs 1, and is in ``gram`` for all."""
    system = gram + (near.T * (weights - 1)) @ near
    return np.asarray(np.linalg.solve(system, near.T @ weights), dtype=np.float64)
