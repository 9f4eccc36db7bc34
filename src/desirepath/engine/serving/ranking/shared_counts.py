"""The counts that the searches of a process share, kept up with the log.

They are as of the last full minute that is 5 s past: by then whatever was recorded before it is in
the database, so that every process, and whoever extracts features from the log later, counts the
same. Whoever comes first after a minute has passed reads what is left of the log up to it, a
second's worth where somebody reads ahead, and the others wait: searches with the counts of a minute
ago would not have been served what the log says.
"""

from __future__ import annotations

import threading
import time

from desirepath.domain.ids import first_id_at
from desirepath.domain.ranking_features import SETTLE, STEP
from desirepath.domain.ranking_features import boundary as boundary_at
from desirepath.engine.serving.ranking.counts import FAR, NOTHING, Counts, Tally, unite
from desirepath.engine.serving.ranking.tail import LogTail, id_before
from desirepath.storage.base import Session, Storage

__all__ = ["SharedCounts"]

_TURN_SECONDS = 0.1  # for which somebody reads who is not in a hurry


class SharedCounts:
    """Counts for one model; any thread may ask.

    Parameters
    ----------
    counts
        As of some moment; nothing that came to the log since is in them.
    tail
        Reads on from there.
    """

    def __init__(self, counts: Counts, tail: LogTail) -> None:
        # The last one, and the one before it for searches that began before it.
        self._generations: tuple[Counts, ...] = (counts,)
        self._tail = tail
        self._ahead: Tally = NOTHING
        self._read = id_before(first_id_at(counts.boundary))
        self._reading = threading.Lock()
        self._is_behind = False

    @property
    def n_bytes(self) -> int:
        """Of memory."""
        return self._generations[0].n_bytes

    def at(self, session: Session, now: int, patience_seconds: float) -> Counts | None:
        """The counts for a search.

        Parameters
        ----------
        session
            That of the search, so that it sees all that was recorded by its time.
        now
            When the search began, microseconds since 1970.
        patience_seconds
            How long it may take to read what is left.

        Returns
        -------
        Counts or None
            None: too much came to the log since anybody asked; it is read by :meth:`keep_up`.
        """
        boundary = boundary_at(now)
        found = self._generation(boundary)
        if found is not None or self._is_behind or boundary < self._generations[0].boundary:
            return found
        deadline = time.monotonic() + patience_seconds
        if self._reading.acquire(timeout=patience_seconds):
            try:
                self._advance(session, boundary, deadline)
            finally:
                self._reading.release()
        found = self._generation(boundary)
        self._is_behind = found is None
        return found

    def keep_up(self, storage: Storage, stopped: threading.Event) -> None:
        """Read on, as far as everything is there by now, however long it takes."""
        is_done = False
        while (
            not is_done and not stopped.is_set()
        ):  # no session is open for long, nor is a search kept waiting
            with self._reading, storage.read() as session:
                now, deadline = session.now(), time.monotonic() + _TURN_SECONDS
                is_done = self._advance(session, boundary_at(now), deadline) and self._read_to(
                    session, now - SETTLE, deadline
                )
        self._is_behind = not is_done

    def _generation(self, boundary: int) -> Counts | None:
        return next((one for one in self._generations if one.boundary == boundary), None)

    def _advance(self, session: Session, boundary: int, deadline: float) -> bool:
        """Count up to a later moment; whether that was done in time."""
        last = self._generations[0]
        while last.boundary < boundary:
            farthest = last.boundary + max(STEP, int(FAR * last.half_life) // STEP * STEP)
            step = min(boundary, farthest)
            if not self._read_to(session, step, deadline):
                return False
            before, last = last, last.advanced(step, self._ahead)
            self._ahead = NOTHING
            self._tail = self._tail.since(last.epoch)
            self._generations = (last, before)
        return True

    def _read_to(self, session: Session, moment: int, deadline: float) -> bool:
        """Read what was recorded before a moment; whether that was done in time."""
        end = first_id_at(moment)
        while self._read < id_before(end):
            if time.monotonic() > deadline:
                return False
            tally, self._read = self._tail.read(session, self._read, end)
            self._ahead = unite(self._ahead, tally)
        return True
