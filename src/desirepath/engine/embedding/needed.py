"""Work that needs vectors of texts, which are made while no database session is open.

Which texts need one is known only inside a session; a model takes a thousand times as long as the
session should. So the work says what it lacks, ends, and is done again with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from msgspec import Struct

from desirepath.domain.document import VectorIndex, check_vector
from desirepath.engine.embedding.base import Embedder, Vector
from desirepath.errors import EmbedderError, EmbedderFailed, InvalidDocument

__all__ = ["KnownVectors", "Wanted", "with_vectors"]

T = TypeVar("T")


class Wanted(Struct, frozen=True):
    """A text to make a vector of, prefix included."""

    model: str
    text: str


class KnownVectors:
    """The vectors that a piece of work was given so far."""

    def __init__(self) -> None:
        self._known: dict[Wanted, Vector | EmbedderError] = {}

    def get(self, wanted: Sequence[tuple[VectorIndex, Wanted]]) -> list[Vector]:
        """The vectors of texts for their indexes.

        Raises
        ------
        VectorsNeeded
            Some have not been made yet: for :func:`with_vectors`.
        EmbedderError
            They could not be made, or do not fit their index.
        """
        self.need(wanted)
        return [_fitting(index, self._known[one]) for index, one in wanted]

    def need(self, wanted: Sequence[tuple[VectorIndex, Wanted]]) -> None:
        """Raise VectorsNeeded unless all were made, or could not be."""
        missing = [one for _, one in wanted if one not in self._known]
        if missing:
            raise VectorsNeeded(missing)

    def make(self, embedder: Embedder, wanted: Iterable[Wanted]) -> None:
        """Have vectors made, each text once; a failure is kept and raised where they are used."""
        model_to_texts: dict[str, list[str]] = {}
        for one in dict.fromkeys(wanted):
            model_to_texts.setdefault(one.model, []).append(one.text)
        for model, texts in model_to_texts.items():
            try:
                made: Sequence[Vector | EmbedderError] = embedder.embed(model, texts)
            except EmbedderError as error:
                made = [error] * len(texts)
            for text, vector in zip(texts, made, strict=True):
                self._known[Wanted(model, text)] = vector


class VectorsNeeded(Exception):
    """Vectors that the work cannot go on without."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        super().__init__("vectors needed")
        self.wanted = wanted


def with_vectors(embedder: Embedder, work: Callable[[KnownVectors], T]) -> T:
    """The result of work that needs vectors; it is done again each time it lacks some."""
    known = KnownVectors()
    while True:
        try:
            return work(known)
        except VectorsNeeded as needed:
            known.make(embedder, needed.wanted)


def _fitting(index: VectorIndex, made: Vector | EmbedderError) -> Vector:
    if isinstance(made, EmbedderError):
        raise made
    if len(made) != index.dimension:
        raise EmbedderFailed(
            f"The model's vectors have {len(made)} numbers, and those of the index "
            f"{index.dimension}."
        )
    try:
        check_vector(index, made)
    except InvalidDocument as error:
        raise EmbedderFailed("The embedder made a vector that cannot be compared.") from error
    return made
