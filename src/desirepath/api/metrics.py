"""Prometheus metrics: names after OpenTelemetry, labels that never hold a person or a query."""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

from desirepath.api.endpoint import Endpoint

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The figures of this process; of all workers where there are several."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "http_server_request_duration_seconds",
            "How long requests took.",
            ("http_request_method", "http_route", "http_response_status_code"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._failed_logins = Counter(
            "desirepath_auth_failures_total",
            "Requests without a good key.",
            registry=self._registry,
        )
        self._series: dict[tuple[str, str, int], Histogram] = {}

    def observe(self, endpoint: Endpoint, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        name = (endpoint.method, endpoint.path, status)
        series = self._series.get(name)
        if series is None:
            series = self._series[name] = self._seconds.labels(*map(str, name))
        series.observe(seconds)

    def failed_login(self) -> None:
        """Count a request without a good key."""
        self._failed_logins.inc()

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self._registry)
