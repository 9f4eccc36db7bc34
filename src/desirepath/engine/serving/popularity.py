"""How many people reacted to each document lately, counted once a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from desirepath.storage.base import Session

__all__ = ["FRESH_SECONDS", "MOST_COUNTED", "Popularity"]

FRESH_SECONDS = 60.0
MOST_COUNTED = 50_000
"""Interactions that are counted, the newest of the window: about 0.1 s of a database's time."""
_MAX_ENTRIES = 100
_DAY = 86_400_000_000

Counts = Mapping[str, int]
_Key = tuple[int, tuple[str, ...], int]


class Popularity:
    """Counts by document, kept for a minute; while one search counts anew others take the old.

    They need not be exact: nobody sees a click more or less, and a search must not wait for a walk
    through the log.
    """

    def __init__(self) -> None:
        self._entries: dict[_Key, tuple[float, Counts]] = {}
        self._counting = threading.Lock()

    def counts(
        self, session: Session, namespace: int, types: Sequence[str], window_days: int, now: int
    ) -> Counts:
        """How many identities reacted to each document within the window.

        Parameters
        ----------
        now
            Microseconds since 1970.
        """
        key = (namespace, tuple(sorted(types)), window_days)
        old = self._entries.get(key)
        if old is not None and (old[0] > time.monotonic() or self._counting.locked()):
            return old[1]
        with self._counting:
            known = self._entries.get(key)
            if known is not None and known is not old:
                return known[1]
            counts = session.summaries.interaction_counts(
                namespace, key[1], now - window_days * _DAY, MOST_COUNTED
            )
            if len(self._entries) >= _MAX_ENTRIES:
                self._entries.clear()
            self._entries[key] = (time.monotonic() + FRESH_SECONDS, counts)
            return counts
