"""The files of a recommender: NumPy arrays and JSON, nothing that runs."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from desirepath.domain.plain_json import encode_json
from desirepath.errors import InvalidFile
from desirepath.methods.array_files import pack_arrays, unpack_arrays
from desirepath.methods.levels import FloatArray
from desirepath.methods.recommending.als import AlternatingLeastSquares
from desirepath.methods.recommending.base import (
    Preferences,
    RecommendingMethod,
    RecommendingModel,
)
from desirepath.methods.recommending.neighbours import NearestNeighbours

__all__ = [
    "RECOMMENDER",
    "Method",
    "People",
    "RecommenderConstants",
    "RecommenderParts",
    "read_recommender",
    "write_recommender",
]

RECOMMENDER = "recommender"
"""The kind of model."""

_CONSTANTS, _DOCUMENTS, _MODEL = "constants.json", "documents.json", "model.npz"
_PEOPLE, _PREFERENCES = "people.json", "preferences.npz"
_BAD = "These are not the files of a recommender."

Method = AlternatingLeastSquares | NearestNeighbours


class RecommenderConstants(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What serving has to do as training did.

    Parameters
    ----------
    method
        ``cosine``, ``bm25`` or ``als``.
    half_life_days
        A reaction so much older than the person's last one counts half.
    most
        That the reactions to one document come to.
    popularity_share
        See :func:`~desirepath.methods.recommending.mixing.mixed`.
    learned_before
        All that was learned from happened before this moment; microseconds since 1970.
    regularization, confidence
        Of ``als``.
    """

    method: str
    half_life_days: float
    most: float
    popularity_share: float
    learned_before: int
    regularization: float = 0.0
    confidence: float = 1.0

    @property
    def learner(self) -> RecommendingMethod:
        """The method, to load its arrays with."""
        if self.method == "als":
            return AlternatingLeastSquares(
                regularization=self.regularization, confidence=self.confidence
            )
        return NearestNeighbours()


class People(Struct, frozen=True, kw_only=True, eq=False):
    """Who was learned from, where that is kept: ids in the order of the preferences."""

    ids: Sequence[str]
    preferences: Preferences


class RecommenderParts(Struct, frozen=True, kw_only=True, eq=False):
    """A recommender as it is trained and served.

    Parameters
    ----------
    document_ids
        By number.
    popularity : shape (n_documents,)
        The sum of weights.
    people
        None: nobody is kept.
    """

    constants: RecommenderConstants
    document_ids: Sequence[str]
    popularity: FloatArray
    model: RecommendingModel
    people: People | None = None


def write_recommender(parts: RecommenderParts) -> dict[str, bytes]:
    """File by name."""
    files = {
        _CONSTANTS: msgspec.json.encode(parts.constants, order="deterministic"),
        _DOCUMENTS: encode_json(list(parts.document_ids)),
        _MODEL: pack_arrays({"popularity": parts.popularity, **parts.model.arrays()}),
    }
    if parts.people is not None:
        known = parts.people.preferences
        files[_PEOPLE] = encode_json(list(parts.people.ids))
        files[_PREFERENCES] = pack_arrays(
            {
                "starts": known.starts,
                "documents": known.documents.astype(np.int32),
                "weights": known.weights.astype(np.float32),
            }
        )
    return files


def read_recommender(names: Mapping[str, Any], read: Callable[[str], bytes]) -> RecommenderParts:
    """Read the files back.

    Parameters
    ----------
    names
        The files there are.
    read
        What is in one.

    Raises
    ------
    InvalidFile
        They are not those of a recommender.
    """
    try:
        constants = msgspec.json.decode(read(_CONSTANTS), type=RecommenderConstants)
        document_ids = msgspec.json.decode(read(_DOCUMENTS), type=list[str])
        arrays = unpack_arrays(read(_MODEL))
        popularity = arrays.pop("popularity")
        model = constants.learner.load(arrays)
        people = _read_people(read, len(document_ids)) if _PEOPLE in names else None
    except (msgspec.MsgspecError, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InvalidFile(_BAD) from error
    if not len(document_ids) == len(popularity) == model.n_documents:
        raise InvalidFile(_BAD)
    return RecommenderParts(
        constants=constants,
        document_ids=document_ids,
        popularity=popularity,
        model=model,
        people=people,
    )


def _read_people(read: Callable[[str], bytes], n_documents: int) -> People:
    ids = msgspec.json.decode(read(_PEOPLE), type=list[str])
    arrays = unpack_arrays(read(_PREFERENCES))
    known = Preferences(
        starts=arrays["starts"],
        documents=arrays["documents"].astype(np.int64),
        weights=arrays["weights"].astype(np.float64),
        n_documents=n_documents,
    )
    if known.n_people != len(ids):
        raise ValueError("as many ids as people")
    return People(ids=ids, preferences=known)
