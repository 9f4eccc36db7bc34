"""What an embedder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from desirepath.errors import EmbedderFailed

__all__ = ["Embedder", "NoEmbedder", "Vector"]

Vector = Sequence[float]


class Embedder(Protocol):
    """Makes vectors of texts; may be called from any thread.

    Wrappers over the same protocol add what is not a model's business, such as a memory.
    """

    def embed(self, model: str, texts: Sequence[str]) -> list[Vector]:
        """The vector of each text, in order; all of a model's have the same length.

        Raises
        ------
        EmbedderUnavailable
            It does not answer now; it may later.
        EmbedderFailed
            It will not make these vectors, however often it is asked.
        """
        ...


class NoEmbedder:
    """What there is as long as none is set up."""

    def embed(self, model: str, texts: Sequence[str]) -> list[Vector]:
        """Refuse."""
        raise EmbedderFailed("No embedder is set up: see the setting embedder_url.")
