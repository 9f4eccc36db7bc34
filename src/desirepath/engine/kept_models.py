"""Models that a process has loaded: each once, and those that were asked last are kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from desirepath.domain.artifact import Artifact

__all__ = ["KeptModels"]

T = TypeVar("T")


class _Kept(Generic[T]):
    """A model, and when it was asked last."""

    def __init__(self, model: T) -> None:
        self.model = model
        self.asked_at = time.monotonic()


class KeptModels(Generic[T]):
    """For any thread; while one model is loaded, those that are loaded can be asked.

    Parameters
    ----------
    load
        Reads a version's files.
    most
        That are kept.
    """

    def __init__(self, load: Callable[[Artifact], T], most: int) -> None:
        self._load, self._most = load, most
        self._kept: dict[bytes, _Kept[T]] = {}
        self._loading = threading.Lock()

    def get(self, artifact: Artifact) -> T:
        """A version, loaded."""
        kept = self._kept.get(artifact.id)
        if kept is None:
            with self._loading:
                kept = self._kept.get(artifact.id) or self._keep(artifact)
        kept.asked_at = time.monotonic()
        return kept.model

    def asked_within(self, seconds: float) -> Iterator[T]:
        """Those that were asked so lately."""
        since = time.monotonic() - seconds
        return (kept.model for kept in self._kept.values() if kept.asked_at >= since)

    def _keep(self, artifact: Artifact) -> _Kept[T]:
        added = _Kept(self._load(artifact))
        others = sorted(self._kept.items(), key=lambda item: item[1].asked_at)
        # A new dictionary: threads that look into the old one are not disturbed.
        self._kept = dict([*others[max(len(others) - self._most + 1, 0) :], (artifact.id, added)])
        return added
