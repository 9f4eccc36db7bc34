"""uvicorn with a word when it is ready, a deadline for requests, and a drain before it stops."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Callable
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
        """Close connections whose request does not arrive in time, and look at the figures.

        With several workers a figure is told by whichever is asked, so each writes down its own.
        """
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self._application.metrics.sample()
            patience = self._request_seconds
            if self.should_exit:
                patience = min(patience, _STOPPING_SECONDS)
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, TimedProtocol):
                    connection.close_if_begun_before(now - patience, now - _TURNED_AWAY_SECONDS)


class TimedProtocol(HttpToolsProtocol):
    """HTTP that knows how long a request has been arriving, and when there are too many.

    uvicorn's own keep-alive timeout starts again with every byte, so that a client which sends one
    now and then would hold its connection for ever. Its own limit of connections is answered with a
    text that no client of ours expects.

    Parameters
    ----------
    most_connections
        More than these are turned away.
    turn_away
        The application that does so.
    """

    _began: float | None = None
    _is_turned_away = False

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

    def close_if_begun_before(self, moment: float, turned_away: float) -> None:
        """Close when a request was begun, or the connection made, before a moment.

        ``turned_away`` is the moment for a connection that is one too many.
        """
        latest = turned_away if self._is_turned_away else moment
        if self._began is not None and self._began < latest:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, in the one shape of every error."""
        status, body, _ = answer_of(MalformedRequest())
        head = f"HTTP/1.1 {status} Bad Request\r\ncontent-length: {len(body)}\r\n".encode()
        self.transport.write(
            head + b"content-type: application/json\r\nconnection: close\r\n\r\n" + body
        )
        self.transport.close()
