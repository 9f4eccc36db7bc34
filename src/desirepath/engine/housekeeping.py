"""What runs by itself, now and then: forgetting, retention, unfinished deletions and rebuilds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from desirepath.domain.ids import first_id_at
from desirepath.engine.deleting import apply_retention, finish_deletions
from desirepath.engine.engine import Engine
from desirepath.engine.learning.rebuilding import finish_rebuilds
from desirepath.engine.trimming import trim_pools
from desirepath.errors import StorageError

__all__ = ["Housekeeper", "keep_house"]

_SECOND = 1_000_000
_KEY_SECONDS = 24 * 3600
_REJECTION_SECONDS = 7 * 24 * 3600
_MOST_REJECTIONS = 100_000  # of one namespace: at most 800 MB, as a rule far less
_PAUSE_SECONDS = 60.0

_log = logging.getLogger("desirepath")


def keep_house(engine: Engine, is_stopped: Callable[[], bool] = lambda: False) -> None:
    """Do it all once; safe beside other processes doing the same.

    Parameters
    ----------
    is_stopped
        Asked between the parts of a rebuild, whether to leave the rest to another time.
    """
    with engine.storage.write() as session:
        now = session.now()
        session.receipts.expire(now - engine.rules.dedup_window, now - _KEY_SECONDS * _SECOND)
        oldest = first_id_at(now - _REJECTION_SECONDS * _SECOND)
        session.rejections.expire(oldest, _MOST_REJECTIONS)
    finish_deletions(engine)
    apply_retention(engine)
    trim_pools(engine)
    engine.storage.tidy(now)
    finish_rebuilds(engine.storage, engine.shard, is_stopped)


class Housekeeper:
    """A thread that keeps house once a minute until it is stopped."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._called = threading.Event()
        self._is_stopped = False
        engine.call_housekeeper = self._called.set
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop before the engine closes."""
        self._is_stopped = True
        self._called.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            self._called.wait(_PAUSE_SECONDS)
            self._called.clear()
            if self._is_stopped:
                return
            try:
                keep_house(self._engine, lambda: self._is_stopped)
            except StorageError as error:
                _log.warning("housekeeping is put off: %s", error)
            except Exception:
                _log.exception("housekeeping failed")
