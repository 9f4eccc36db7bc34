"""Listen, serve with one process or several, and stop without losing anything."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from typing import Any

import uvicorn
from prometheus_client import multiprocess

from desirepath.errors import InvalidSetting
from desirepath.server.http_server import HttpServer, TimedProtocol
from desirepath.server.wiring import api_rules, build_application, open_engine
from desirepath.server.working import TaskWorker
from desirepath.settings import Settings

__all__ = ["listen", "serve"]

_GRACE_SECONDS = 8
_METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's
_BACKLOG = 2048
_LAST_PORT = 65_535
_OTHER_FILES = 400  # databases, those that are turned away, and what else is open


def serve(settings: Settings, listener: socket.socket, when_ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it.

    Parameters
    ----------
    settings
        What to serve.
    listener
        Where, from :func:`listen`.
    when_ready
        Called with the address as soon as requests are answered.
    """
    host, port = listener.getsockname()[:2]
    address = f"http://{'[' + host + ']' if ':' in host else host}:{port}"
    with TaskWorker(settings):
        if settings.workers == 1:
            _run(settings, listener, lambda: when_ready(address))
        else:
            _Workers(settings, listener).run(lambda: when_ready(address))


def listen(settings: Settings) -> socket.socket:
    """Take the port, before a key is made that nobody would see if it cannot be had.

    Raises
    ------
    InvalidSetting
        The port is taken, the address is not ours, or another setting cannot be used.
    """
    api_rules(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    other = settings.port + 1 if settings.port < _LAST_PORT else settings.port - 1
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        message = f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}."
        if error.errno == errno.EADDRINUSE:
            message += f" Choose another port: make run PORT={other} (or --port {other})."
        raise InvalidSetting(message, ("port",)) from error
    return listener


def _write_log() -> None:
    """Our lines on standard error, each whole: JSON has its own time, level and words."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("desirepath")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def _room_for(connections: int) -> int:
    """As many connections as are wanted, or as this process may have files.

    Beyond that limit nothing could be accepted and nobody would get an answer.
    """
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (sys.maxsize if one == resource.RLIM_INFINITY else one for one in limits)
    wanted = connections + _OTHER_FILES
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, limits[1]))
    if soft >= wanted:
        return connections
    room = max(1, soft - _OTHER_FILES)
    logging.getLogger("desirepath").warning(
        "max_connections is lowered to %d: this process may have %d open files", room, soft
    )
    return room


def _run(settings: Settings, listener: socket.socket, when_ready: Callable[[], None]) -> None:
    """Serve in this process."""
    _write_log()
    application = build_application(settings, open_engine(settings))
    protocol: Any = partial(
        TimedProtocol,
        most_connections=_room_for(settings.max_connections),
        turn_away=application.turn_away,
    )
    config = uvicorn.Config(
        application,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=protocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    HttpServer(
        config,
        application,
        request_seconds=settings.request_seconds,
        drain_seconds=settings.drain_seconds,
        when_ready=when_ready,
    ).run(sockets=[listener])


def _run_worker(settings: Settings, listener: socket.socket, ready: Event) -> None:
    """A worker process; the parent forwards the signals that should end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _run(settings, listener, ready.set)


class _Workers:
    """Several processes on one listening socket; one that dies is replaced."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._context = multiprocessing.get_context("spawn")
        self._stopping = threading.Event()

    def run(self, when_ready: Callable[[], None]) -> None:
        # Workers keep their figures in one folder, so that any of them can tell all.
        with tempfile.TemporaryDirectory(prefix="desirepath-metrics-") as folder:
            os.environ[_METRICS_FOLDER] = folder
            self._supervise(when_ready)

    def _supervise(self, when_ready: Callable[[], None]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        workers = [self._start() for _ in range(self._settings.workers)]
        for process, ready in workers:
            while not ready.wait(0.1):
                if self._stopping.is_set() or not process.is_alive():
                    break
        if all(ready.is_set() for _, ready in workers):
            when_ready()
        elif not self._stopping.is_set():
            self._stopping.set()
        while not self._stopping.wait(0.5):
            for index, (process, _) in enumerate(workers):
                if not process.is_alive():
                    multiprocess.mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
                    workers[index] = self._start()
        self._end([process for process, _ in workers])

    def _start(self) -> tuple[SpawnProcess, Event]:
        ready = self._context.Event()
        process = self._context.Process(
            target=_run_worker, args=(self._settings, self._listener, ready)
        )
        process.start()
        return process, ready

    def _stop(self, number: int, frame: Any) -> None:
        self._stopping.set()

    def _end(self, processes: list[SpawnProcess]) -> None:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(self._settings.drain_seconds + _GRACE_SECONDS + 2)
            if process.is_alive():
                process.kill()
        if any(process.exitcode not in (0, -signal.SIGTERM) for process in processes):
            sys.exit(1)
