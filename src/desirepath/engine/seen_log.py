"""What of the log is seen by what is made of it, so that deletions can mark it as stale."""

from __future__ import annotations

from collections.abc import Mapping

from desirepath.domain.ids import time_of
from desirepath.engine.engine import Engine
from desirepath.storage.base import Session

__all__ = ["end_of_log", "log_changes"]


def log_changes(engine: Engine, namespace: int) -> Mapping[int, int]:
    """How often the log was deleted from: to be asked before it is read."""
    with engine.storage.read() as session:
        return session.extracts.changes(namespace)


def end_of_log(session: Session, namespace: int) -> int:
    """A moment that all of the log was recorded before; a process's ids may run ahead of time."""
    last = [time_of(id) for id in session.extracts.last_ids(namespace) if id is not None]
    return max(last, default=session.now()) + 1
