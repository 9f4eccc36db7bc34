"""Prometheus metrics: names after OpenTelemetry, labels that never hold a person or a query."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable

from msgspec import Struct
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

__all__ = ["CONTENT_TYPE", "Metrics", "Sample"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_OTHER_METHOD = "_OTHER"  # OpenTelemetry's word for what anybody may make up
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_GROUPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Sample(Struct, frozen=True, kw_only=True):
    """How things stand at this moment; None where it does not apply."""

    active_requests: int
    connections: int
    queue_depth: int
    oldest_pending_seconds: float
    pool_in_use: int | None
    wal_bytes: int | None
    disk_free_bytes: int | None


class Metrics:
    """The figures of this process; of all workers where there are several.

    Parameters
    ----------
    version
        Of Desirepath.
    database
        Which back end.
    n_namespaces
        How many namespaces have a label of their own; the rest counts as ``other``.
    """

    def __init__(self, version: str, database: str, n_namespaces: int) -> None:
        self._registry = CollectorRegistry()
        self._n_namespaces = n_namespaces
        self._namespaces: set[str] = set()
        self._requests: dict[tuple[str, str, int], Histogram] = {}
        self._results: dict[tuple[str, str, str], Counter] = {}
        self.sampler: Callable[[], Sample] | None = None
        """Asked before the figures are told, and now and then by a server of several processes."""
        self._make_counters()
        self._make_histograms()
        self._make_gauges()
        build = Gauge(
            "desirepath_build_info",
            "Always 1; the labels say what runs.",
            ("version", "python_version", "database"),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        build.labels(version, platform.python_version(), database).set(1)

    def _make_counters(self) -> None:
        self._kind_to_results = {
            kind: self._counter(
                f"desirepath_{kind}s_total",
                f"{kind.title()}s that were sent.",
                "namespace",
                "result",
            )
            for kind in ("interaction", "execution")
        }
        self._rejected = self._counter(
            "desirepath_rejected_items_total", "Items that were refused.", "kind", "reason"
        )
        self._failed_logins = self._counter(
            "desirepath_auth_failures_total", "Requests without a good key.", "reason"
        )
        self._limited = self._counter(
            "desirepath_ratelimited_total", "Requests over a rate limit.", "policy"
        )
        self._overloaded = self._counter(
            "desirepath_overloaded_total", "Requests refused because there was no room.", "what"
        )
        self._storage_errors = self._counter(
            "desirepath_storage_errors_total", "Requests that the database failed.", "code"
        )

    def _make_histograms(self) -> None:
        self._seconds = Histogram(
            "http_server_request_duration_seconds",
            "How long requests took.",
            ("http_request_method", "http_route", "http_response_status_code"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._commit_seconds = Histogram(
            "desirepath_commit_seconds",
            "How long commits took to reach the disk.",
            buckets=_COMMIT_SECONDS,
            registry=self._registry,
        )
        self._commit_requests = Histogram(
            "desirepath_commit_requests",
            "How many requests shared a commit.",
            buckets=_GROUPS,
            registry=self._registry,
        )

    def _make_gauges(self) -> None:
        self._gauges = {
            "active_requests": self._gauge(
                "http_server_active_requests", "Requests under way.", "livesum"
            ),
            "connections": self._gauge(
                "desirepath_connections", "Connections of clients.", "livesum"
            ),
            "queue_depth": self._gauge(
                "desirepath_queue_depth", "Requests waiting to be recorded.", "livesum"
            ),
            "oldest_pending_seconds": self._gauge(
                "desirepath_oldest_pending_seconds", "Age of the oldest of them.", "livemax"
            ),
            "pool_in_use": self._gauge(
                "desirepath_db_pool_in_use", "Database connections in use.", "livesum"
            ),
            "wal_bytes": self._gauge(
                "desirepath_wal_bytes", "Size of SQLite's write-ahead log.", "livemostrecent"
            ),
            "disk_free_bytes": self._gauge(
                "desirepath_disk_free_bytes", "Room where the file is.", "livemostrecent"
            ),
        }

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(name, help, labels, registry=self._registry)

    def _gauge(self, name: str, help: str, mode: str) -> Gauge:
        return Gauge(name, help, registry=self._registry, multiprocess_mode=mode)  # type: ignore[arg-type]

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered; ``route`` is a template, never a path."""
        name = (method, route, status)
        series = self._requests.get(name)
        if series is None:
            shown = method if method in _METHODS else _OTHER_METHOD
            series = self._seconds.labels(shown, route, str(status))
            if shown == method:
                self._requests[name] = series
        series.observe(seconds)

    def count(self, kind: str, namespace: str, result: str, n: int = 1) -> None:
        """Count interactions or executions by what became of them."""
        name = (kind, namespace, result)
        series = self._results.get(name)
        if series is None:
            label = self._label_of(namespace)
            series = self._kind_to_results[kind].labels(label, result)
            if label != OTHER:
                self._results[name] = series
        series.inc(n)

    def _label_of(self, namespace: str) -> str:
        if namespace not in self._namespaces:
            if len(self._namespaces) >= self._n_namespaces:
                return OTHER
            self._namespaces.add(namespace)
        return namespace

    def reject(self, kind: str, reason: str) -> None:
        """Count something refused; ``reason`` is the code of an error."""
        self._rejected.labels(kind, reason).inc()

    def failed_login(self, reason: str) -> None:
        """Count a request without a good key."""
        self._failed_logins.labels(reason).inc()

    def limited(self, policy: str) -> None:
        """Count a request over a rate limit."""
        self._limited.labels(policy).inc()

    def overloaded(self, what: str) -> None:
        """Count a request that there was no room for."""
        self._overloaded.labels(what).inc()

    def storage_failed(self, code: str) -> None:
        """Count a request that the database failed; ``code`` is that of an error."""
        self._storage_errors.labels(code).inc()

    def committed(self, seconds: float, n_requests: int) -> None:
        """Count a commit."""
        self._commit_seconds.observe(seconds)
        self._commit_requests.observe(n_requests)

    def sample(self) -> None:
        """Look at how things stand."""
        if self.sampler is None:
            return
        sample = self.sampler()
        for name, gauge in self._gauges.items():
            value = getattr(sample, name)
            gauge.set(math.nan if value is None else value)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        self.sample()
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self._registry)
