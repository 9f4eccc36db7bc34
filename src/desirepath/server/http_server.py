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

from desirepath.api.system import Readiness

__all__ = ["HttpServer", "TimedProtocol"]

_SWEEP_SECONDS = 0.5
_STOPPING_SECONDS = 5.0  # for a request to arrive whole, once the server is to end


class HttpServer(uvicorn.Server):
    """One process of the service.

    Parameters
    ----------
    config
        uvicorn's; its ``http`` is :class:`TimedProtocol`.
    readiness
        What ``/readyz`` says.
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
        readiness: Readiness,
        *,
        request_seconds: float,
        drain_seconds: float,
        when_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._readiness = readiness
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
        """Close connections whose request does not arrive in time."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            patience = self._request_seconds
            if self.should_exit:
                patience = min(patience, _STOPPING_SECONDS)
            oldest = time.monotonic() - patience
            for connection in list(self.server_state.connections):
                if isinstance(connection, TimedProtocol):
                    connection.close_if_begun_before(oldest)


class TimedProtocol(HttpToolsProtocol):
    """HTTP that knows how long a request has been arriving.

    uvicorn's own keep-alive timeout starts again with every byte, so that a client which sends one
    now and then would hold its connection for ever.
    """

    _began: float | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._began = time.monotonic()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._began = time.monotonic()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._began = None

    def close_if_begun_before(self, moment: float) -> None:
        """Close when a request was begun, or the connection made, before a moment."""
        if self._began is not None and self._began < moment:
            self.transport.abort()
