"""Work on tasks beside a server, in a process of its own: training takes no time from requests.

The process is there only while there is something to do, and ends with its parent, however that
ends.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from desirepath.domain.clock import SystemClock
from desirepath.engine.engine import Engine
from desirepath.engine.tasks.running import Hands, has_work, work
from desirepath.errors import DesirepathError, StorageError
from desirepath.server.wiring import open_engine
from desirepath.settings import Settings
from desirepath.storage.open import IN_MEMORY, open_storage

__all__ = ["TaskWorker"]

_LOOK_SECONDS = 1.0
_JOIN_SECONDS = 5.0
_NICER = 10  # than requests, where both want the same core
_log = logging.getLogger("desirepath")


class TaskWorker:
    """Looks for tasks once a second, and starts a process when there are some.

    Parameters
    ----------
    settings
        Whose tasks; a database in memory belongs to one process and has none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._context = multiprocessing.get_context("spawn")

    def __enter__(self) -> TaskWorker:
        if self._settings.task_worker and self._settings.database != IN_MEMORY:
            self._thread = threading.Thread(target=self._run, name="tasks", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2 * _JOIN_SECONDS)

    def _run(self) -> None:
        storage = None  # an engine would have threads of its own, for nothing
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                storage = storage or open_storage(self._settings.database, SystemClock())
                if has_work(storage):
                    self._work()
            except DesirepathError as error:
                _log.warning("tasks wait: %s", error)
            except Exception:
                _log.exception("tasks wait")
        if storage is not None:
            storage.close()

    def _work(self) -> None:
        """Let a process work until there is nothing to do."""
        ours, theirs = self._context.Pipe()
        process: SpawnProcess = self._context.Process(
            target=_work_in_child, args=(self._settings, theirs), daemon=True
        )
        process.start()
        theirs.close()
        while process.is_alive() and not self._stopping.is_set():
            process.join(0.2)
        if process.is_alive():
            with suppress(OSError):  # it has just ended
                ours.send(None)
            process.join(_JOIN_SECONDS)
        if process.is_alive():
            process.kill()  # what it had begun is tried again, once its lease ends
            process.join(_JOIN_SECONDS)
        ours.close()


def _work_in_child(settings: Settings, parent: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICER)
    try:
        with closing(open_engine(settings)) as engine:
            hands = Hands()
            threading.Thread(target=_end_with, args=(parent, engine, hands), daemon=True).start()
            work(engine, lambda: False, until_idle=True, hands=hands)
    except StorageError as error:  # the database went away meanwhile
        _log.warning("tasks wait: %s", error)


def _end_with(parent: Connection, engine: Engine, hands: Hands) -> None:
    """End when the parent says so, with nothing in hand; at once when it is gone.

    Where it is gone, its end of the pipe is closed.
    """
    try:
        parent.recv()
        hands.put_down(engine)
    except EOFError:
        pass
    except StorageError as error:
        _log.warning("a task waits for its lease to end: %s", error)
    os._exit(1)
