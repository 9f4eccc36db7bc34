"""Remember the vectors of texts, up to so many bytes."""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence

from desirepath.engine.embedding.base import Embedder, Vector

__all__ = ["RememberingEmbedder"]

_ENTRY_BYTES = 260
"""What an entry takes beside its text and its numbers: measured on CPython 3.11."""

_Key = tuple[str, str]


class RememberingEmbedder:
    """Asks another embedder for what it does not remember; forgets what was not used longest.

    Parameters
    ----------
    inner
        Who makes the vectors.
    n_bytes
        How much memory to take, about. Numbers are kept as 32-bit floats, as documents' are.
    """

    def __init__(self, inner: Embedder, n_bytes: int) -> None:
        self._inner = inner
        self._n_bytes = n_bytes
        self._taken = 0
        self._lock = threading.Lock()
        self._vectors: OrderedDict[_Key, array[float]] = OrderedDict()

    def embed(self, model: str, texts: Sequence[str]) -> list[Vector]:
        """See :class:`Embedder`; a text that is given twice is asked for once."""
        known: dict[str, Vector] = {}
        with self._lock:
            for text in texts:
                if (model, text) in self._vectors:
                    self._vectors.move_to_end((model, text))
                    known[text] = self._vectors[model, text]
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            made = self._inner.embed(model, missing)
            for text, vector in zip(missing, made, strict=True):
                known[text] = self._keep(model, text, vector)
        return [known[text] for text in texts]

    def _keep(self, model: str, text: str, vector: Vector) -> Vector:
        kept = array("f", vector)
        with self._lock:
            if (model, text) not in self._vectors:
                self._taken += _size(text, kept)
            self._vectors[model, text] = kept
            while self._taken > self._n_bytes:
                (_, oldest), forgotten = self._vectors.popitem(last=False)
                self._taken -= _size(oldest, forgotten)
        return kept


def _size(text: str, vector: array[float]) -> int:
    return _ENTRY_BYTES + len(text.encode()) + 4 * len(vector)
