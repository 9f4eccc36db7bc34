"""The recommenders of a process: found, loaded once, and replaced when another is deployed."""

from __future__ import annotations

from copy import copy

import numpy as np

from desirepath.domain.artifact import Artifact
from desirepath.engine.directory import Directory
from desirepath.engine.kept_models import KeptModels
from desirepath.engine.recommender_files import RECOMMENDER, RecommenderParts, read_recommender
from desirepath.errors import NotFound
from desirepath.methods.levels import FloatArray
from desirepath.methods.recommending.base import History
from desirepath.storage.base import Storage

__all__ = ["MOST_RECOMMENDERS", "LoadedRecommender", "Recommenders"]

MOST_RECOMMENDERS = 8
"""That a process holds at once, those that were asked last."""


class LoadedRecommender:
    """A version of a recommender, ready to be asked by any thread."""

    def __init__(self, artifact: Artifact, parts: RecommenderParts) -> None:
        self.artifact = artifact
        self.parts = parts
        self.number_of_document = {id: number for number, id in enumerate(parts.document_ids)}
        self.number_of_person = (
            {} if parts.people is None else {id: n for n, id in enumerate(parts.people.ids)}
        )
        self._person_of_row, self._lengths = _rows_of(parts)

    def known_as(self, artifact: Artifact) -> LoadedRecommender:
        """The same, with what is known of it by now: that it is stale, say."""
        if artifact == self.artifact:
            return self
        found = copy(self)
        found.artifact = artifact
        return found

    def alike(self, history: History) -> FloatArray:
        """The cosine of each person's weights with a history, shape (n_people,)."""
        assert self.parts.people is not None
        known = self.parts.people.preferences
        weights = np.zeros(known.n_documents)
        weights[history.documents] = history.weights
        products = np.bincount(
            self._person_of_row, known.weights * weights[known.documents], known.n_people
        )
        length = float(np.linalg.norm(history.weights))
        lengths = self._lengths * length
        return np.asarray(products / np.where(lengths > 0, lengths, 1.0), dtype=np.float64)


def _rows_of(parts: RecommenderParts) -> tuple[np.ndarray, FloatArray]:
    if parts.people is None:
        return np.empty(0, np.int64), np.empty(0)
    known = parts.people.preferences
    person_of_row = np.repeat(np.arange(known.n_people), np.diff(known.starts))
    squares = np.bincount(person_of_row, known.weights**2, known.n_people)
    return person_of_row, np.sqrt(squares)


class Recommenders:
    """Recommenders by name and version, for any thread."""

    def __init__(self, storage: Storage, directory: Directory) -> None:
        self._storage, self._directory = storage, directory
        self._kept = KeptModels(self._load, MOST_RECOMMENDERS)

    def get(self, namespace: int, name: str, version: int | None = None) -> LoadedRecommender:
        """A version, or the one that is deployed; as it was at most a second ago.

        Raises
        ------
        NotFound
            There is no such recommender, or none of this name is deployed.
        InvalidFile
            Its files cannot be read.
        """
        artifact = self._directory.model(namespace, name, version)
        if artifact is None or artifact.kind != RECOMMENDER:
            raise NotFound("recommender", name)
        return self._kept.get(artifact).known_as(artifact)

    def _load(self, artifact: Artifact) -> LoadedRecommender:
        with self._storage.read() as session:
            parts = read_recommender(
                artifact.files,
                lambda name: session.artifacts.file(artifact.namespace, artifact.id, name),
            )
        return LoadedRecommender(artifact, parts)
