"""Health, metrics and the description of the API."""

from __future__ import annotations

import time

from msgspec import Struct

from desirepath.api.endpoint import Answer, Call, Endpoint, endpoint
from desirepath.api.metrics import CONTENT_TYPE, Metrics
from desirepath.domain.plain_json import encode_json
from desirepath.engine.engine import Engine
from desirepath.errors import StorageError

__all__ = ["Readiness", "system_endpoints"]

TAG = "System"
_CACHED_SECONDS = 1.0
_LEAST_FREE_BYTES = 64 << 20


class Status(Struct, frozen=True, kw_only=True):
    """A health answer."""

    status: str


class Readiness:
    """Whether this process should get traffic; asked of the database at most once a second."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._answer = ""
        self._until = 0.0
        self.draining = False

    def reason(self) -> str:
        """Why not; empty when ready."""
        if self.draining:
            return "draining"
        if time.monotonic() >= self._until:
            self._answer = self._look()
            self._until = time.monotonic() + _CACHED_SECONDS
        return self._answer

    def _look(self) -> str:
        try:
            with self._engine.storage.write():
                pass
            free = self._engine.storage.health().free_bytes
        except StorageError:
            return "storage"
        return "disk" if free is not None and free < _LEAST_FREE_BYTES else ""


@endpoint("GET", "/livez", access=None, tag=TAG, response=Status, blocking=False)
async def livez(call: Call) -> object:
    """Whether the process runs; asks nobody else."""
    del call
    return Status(status="ok")


def system_endpoints(readiness: Readiness, metrics: Metrics) -> tuple[Endpoint, ...]:
    """The endpoints that need to know more than a request."""

    @endpoint("GET", "/readyz", access=None, tag=TAG, response=Status, unready="Status says why.")
    def readyz(call: Call) -> object:
        """Whether the process should get traffic: it can write, and is not shutting down."""
        del call
        reason = readiness.reason()
        if reason:
            return Answer(encode_json(Status(status=reason)), status=503)
        return Status(status="ok")

    @endpoint("GET", "/metrics", access=None, tag=TAG)
    def read_metrics(call: Call) -> object:
        """Figures in Prometheus' text format. Keep this path inside your network."""
        del call
        return Answer(metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return (livez, readyz, read_metrics)
