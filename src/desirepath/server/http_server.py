"""uvicorn with a word when it is ready, a deadline for requests, and a drain before it stops."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import socket
import sys
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from desirepath.api.application import Application
from desirepath.api.errors import MalformedRequest, answer_of

__all__ = ["HttpServer", "TimedProtocol"]

_SWEEP_SECONDS = 0.5
_STOPPING_SECONDS = 5.0  # for a request to arrive whole, once the server is to end
_TURNED_AWAY_SECONDS = 1.0  # for a request that is to be turned away
_TURNED_AWAY_AT_ONCE = 200  # connections that get an answer; more are only closed


class HttpServer(uvicorn.Server):
    """One process of the service.

    Parameters
    ----------
    config
        uvicorn's; its ``http`` is :class:`TimedProtocol`.
    application
        What answers.
    request_seconds
        A request must have arrived whole within this time.
    drain_seconds
        How long to answer, saying "not ready", before stopping.
    when_ready
        Called when requests are answered.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        application: Application,
        *,
        request_seconds: float,
        drain_seconds: float,
        when_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._application = application
        self._readiness = application.readiness
        application.connections = self.server_state.connections
        self._request_seconds = request_seconds
        self._drain_seconds = drain_seconds
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        # What is alive now lives until the end: the collector need not look at it again. With its
        # defaults, its full passes over long-lived objects are the slowest requests of all.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 1_000)
        self._when_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say "not ready" at once; stop after the drain, or at a second signal.

        Not uvicorn's own, which would raise the signal again in the end: a stop that was asked for
        and went well ends with exit code 0.
        """
        if not self._readiness.draining and self._drain_seconds > 0:
            self._readiness.draining = True
            timer = threading.Timer(self._drain_seconds, self._stop)
            timer.daemon = True
            timer.start()
            return
        self._readiness.draining = True
        self.force_exit = self.should_exit
        self._stop()

    def _stop(self) -> None:
        self.should_exit = True

    async def _sweep(self) -> None:
        """Close connections that are too slow, and look at the figures.

        With several workers a figure is told by whichever is asked, so each writes down its own.
        """
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self._application.metrics.sample()
            patience = self._request_seconds
            if self.should_exit:
                patience = min(patience, _STOPPING_SECONDS)
            for connection in list(self.server_state.connections):
                if isinstance(connection, TimedProtocol):
                    connection.close_if_slow(time.monotonic(), patience)


class TimedProtocol(HttpToolsProtocol):
    """HTTP that knows how long a request has been arriving, and when there are too many.

    uvicorn's own keep-alive timeout starts again with every byte, so that a client which sends one
    now and then would hold its connection for ever, and so would one that never reads its answer.
    Its own limit of connections is answered with a text that no client of ours expects.

    Parameters
    ----------
    most_connections
        More than these are turned away.
    turn_away
        The application that does so.
    """

    _began: float | None = None
    _is_turned_away = False
    _untaken_bytes = 0
    _taken_at = 0.0  # when the client was last seen to have taken some of an answer

    def __init__(self, *, most_connections: int, turn_away: Any, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._most_connections = most_connections
        self._turn_away = turn_away

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._began = time.monotonic()
        n_too_many = len(self.connections) - self._most_connections
        if n_too_many > _TURNED_AWAY_AT_ONCE:
            transport.abort()
        elif n_too_many > 0:
            self._is_turned_away = True
            self.app = self._turn_away

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._began = time.monotonic()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._began = None

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taken_at = time.monotonic()  # there may be as much to send again when somebody looks

    def close_if_slow(self, now: float, patience: float) -> None:
        """Close when a request does not arrive within so many seconds, or an answer is not taken.

        To be called now and then.
        """
        waits = _TURNED_AWAY_SECONDS if self._is_turned_away else patience
        untaken = _count_untaken(self.transport)
        if self._untaken_bytes == 0 or untaken < self._untaken_bytes:
            self._taken_at = now
        self._untaken_bytes = untaken
        begun_long_ago = self._began is not None and now - self._began > waits
        if begun_long_ago or (untaken and now - self._taken_at > patience):
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, in the one shape of every error."""
        status, body, _ = answer_of(MalformedRequest())
        head = f"HTTP/1.1 {status} Bad Request\r\ncontent-length: {len(body)}\r\n".encode()
        self.transport.write(
            head + b"content-type: application/json\r\nconnection: close\r\n\r\n" + body
        )
        self.transport.close()


def _count_untaken(transport: Any) -> int:
    """Bytes of answers that the client has not taken; 0 while the system has room for them all.

    The system holds a few megabytes, and takes more of us only now and then: a client that reads
    slowly is told from one that does not read by what the system holds.
    """
    unsent: int = transport.get_write_buffer_size()
    if unsent:
        held = bytearray(4)
        with suppress(OSError):
            fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, held)
        unsent += int.from_bytes(held, sys.byteorder)
    return unsent
