"""The query adapters of a process: found, loaded, and applied to what is searched with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from desirepath.domain.artifact import Artifact
from desirepath.engine.adapter_files import (
    MAP,
    QUERY_ADAPTER,
    VectorSpace,
    read_map,
    read_space,
)
from desirepath.engine.directory import Directory
from desirepath.engine.kept_models import KeptModels
from desirepath.errors import InvalidModel, NotFound
from desirepath.methods.adapters.linear import adapted
from desirepath.methods.levels import FloatArray
from desirepath.storage.base import Storage

__all__ = ["Adapters", "LoadedAdapter"]

MOST_ADAPTERS = 16
"""That a process holds at once, those that were asked last: 2 MB each for 512 numbers."""


class LoadedAdapter(Struct, frozen=True, kw_only=True, eq=False):
    """A version of a query adapter, ready to be applied by any thread.

    Parameters
    ----------
    space
        Which vectors it turns.
    matrix : shape (d, d)
    """

    artifact: Artifact
    space: VectorSpace
    matrix: FloatArray

    def apply(self, vector: Sequence[float]) -> list[float]:
        """The direction to search in, of length 1, in place of a vector of d numbers.

        A vector that the map takes to nothing stays as it is.
        """
        (found,) = adapted(np.asarray(vector, np.float64)[None], self.matrix)
        turned: list[float] = found.tolist()
        return turned if found.any() else list(vector)


class Adapters:
    """Query adapters by name and version, for any thread."""

    def __init__(self, storage: Storage, directory: Directory) -> None:
        self._storage, self._directory = storage, directory
        self._kept = KeptModels(self._load, MOST_ADAPTERS)

    def get(self, namespace: int, name: str, version: int | None) -> LoadedAdapter:
        """A version of an adapter, or the one that is deployed; not within a session.

        Raises
        ------
        InvalidModel
            There is no such adapter, or it cannot be read.
        """
        artifact = self._directory.model(namespace, name, version)
        if artifact is None or artifact.kind != QUERY_ADAPTER:
            which = "deployed" if version is None else "of this version"
            raise InvalidModel(f"No query adapter of this name is {which}.")
        return self._kept.get(artifact)

    def _load(self, artifact: Artifact) -> LoadedAdapter:
        with self._storage.read() as session:
            try:
                data = session.artifacts.file(artifact.namespace, artifact.id, MAP)
            except NotFound as error:
                raise InvalidModel("The query adapter was deleted a moment ago.") from error
        space, matrix = read_space(artifact.manifest), read_map(data)
        if len(matrix) != space.dimension:
            raise InvalidModel("The query adapter has another dimension than it says.")
        return LoadedAdapter(artifact=artifact, space=space, matrix=matrix)
