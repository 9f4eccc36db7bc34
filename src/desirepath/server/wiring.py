"""From settings to an engine and an application."""

from __future__ import annotations

import hashlib
import os
from functools import cache, partial
from pathlib import Path
from typing import Any

from desirepath.api import (
    adhoc,
    analytics_bias,
    analytics_event_health,
    analytics_queries,
    analytics_relevance,
    analytics_sessions,
    benchmarks,
    document_batches,
    document_paths,
    documents,
    evaluation_runs,
    evaluations,
    execute,
    execution_lists,
    executions,
    experiments,
    gate,
    interactions,
    learned_fusion,
    models,
    namespaces,
    recommendations,
    retrievers,
    scoring,
    stages,
    tasks,
    users,
    what_if,
)
from desirepath.api.application import Application
from desirepath.api.endpoint import ApiRules, Endpoint
from desirepath.api.in_process import Desirepath
from desirepath.api.limits import Limits, read_networks
from desirepath.api.metrics import Metrics
from desirepath.api.openapi import openapi_document
from desirepath.api.system import Readiness, system_endpoints
from desirepath.dashboard.routes import page_routes
from desirepath.domain.clock import SystemClock
from desirepath.engine.analysis_rules import AnalysisRules
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.embedding.base import Embedder
from desirepath.engine.embedding.endpoint import EndpointEmbedder
from desirepath.engine.embedding.http import read_address
from desirepath.engine.embedding.memory import RememberingEmbedder
from desirepath.engine.engine import Engine
from desirepath.engine.housekeeping import Housekeeper
from desirepath.engine.recording import RecordingRules
from desirepath.errors import InvalidSetting
from desirepath.settings import Settings, load_settings
from desirepath.storage.open import IN_MEMORY, open_storage

__all__ = [
    "build_application",
    "embedder_of",
    "open_engine",
    "open_in_process",
]

_SECOND = 1_000_000
VERSION = "0.1.0"


def open_engine(
    settings: Settings, *, migrate: bool | None = None, embedder: Embedder | None = None
) -> Engine:
    """Open the database of the settings, ready to use; ``embedder`` instead of theirs.

    Raises
    ------
    InvalidSetting
        The database URL, or that of the embedder, cannot be used.
    StorageError
        The database cannot be opened, or has another schema.
    """
    clock = SystemClock()
    embedder = embedder_of(settings, embedder)
    storage = open_storage(settings.database, clock, migrate=migrate)
    engine = Engine(storage, clock, recording_rules(settings), embedder, analysis_rules(settings))
    ensure_defaults(engine)
    return engine


def open_in_process(database: str, embedder: Embedder | None = None, **settings: Any) -> Desirepath:
    """What ``desirepath.open`` returns."""
    loaded = load_settings({"database": database, **settings}, {}, as_flag=str)
    return Desirepath(open_engine(loaded, migrate=True, embedder=embedder))


def embedder_of(settings: Settings, own: Embedder | None = None) -> Embedder | None:
    """What makes vectors of texts, with a memory: the caller's own, or that of the settings.

    Raises
    ------
    InvalidSetting
        The URL or the key cannot be used.
    """
    embedder = own or _endpoint_of(settings)
    return embedder and RememberingEmbedder(embedder, settings.embedder_cache_bytes)


def _endpoint_of(settings: Settings) -> EndpointEmbedder | None:
    if not settings.embedder_url:
        return None
    key = settings.embedder_key or ""
    if not (key.isascii() and key.isprintable()):
        raise InvalidSetting("embedder_key is printable ASCII.", ("embedder_key",))
    return EndpointEmbedder(
        read_address(settings.embedder_url, "embedder_url"),
        settings.embedder_key,
        settings.embedder_seconds,
        settings.embedder_batch,
    )


def recording_rules(settings: Settings) -> RecordingRules:
    """The settings that recording follows."""
    return RecordingRules(
        dedup_window=settings.dedup_window_seconds * _SECOND,
        session_window=settings.session_window_minutes * 60 * _SECOND,
        require_execution_id=settings.require_execution_id,
        pool_window=settings.pool_days * 86_400 * _SECOND,
    )


def analysis_rules(settings: Settings) -> AnalysisRules:
    """The settings that analyses follow."""
    folder: Path | None = None
    if settings.analysis_folder:
        folder = Path(settings.analysis_folder)
    elif not settings.database.startswith("sqlite:"):
        digest = hashlib.sha256(settings.database.encode()).hexdigest()[:16]
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(cache) / "desirepath" / digest
    elif settings.database != IN_MEMORY:
        file = Path(settings.database.removeprefix("sqlite:///"))
        folder = file.with_name(file.name + ".analysis")
    return AnalysisRules(
        folder=folder,
        memory_bytes=settings.analysis_memory_bytes,
        threads=settings.analysis_threads,
    )


def api_rules(settings: Settings) -> ApiRules:
    """The settings that HTTP follows.

    Raises
    ------
    InvalidSetting
        One cannot be used.
    """
    return ApiRules(
        lenient=settings.unknown_keys == "lenient",
        max_body_bytes=settings.max_body_bytes,
        max_batch_body_bytes=settings.max_batch_body_bytes,
        list_seconds=settings.list_seconds,
        key_requests_per_minute=settings.key_requests_per_minute,
        address_requests_per_minute=settings.address_requests_per_minute,
        failed_logins_per_minute=settings.failed_logins_per_minute,
        trusted_proxies=read_networks(settings.trusted_proxy),
        max_waiting_requests=settings.max_waiting_requests,
        access_log=settings.access_log,
    )


def all_endpoints(readiness: Readiness, metrics: Metrics) -> tuple[Endpoint, ...]:
    """Everything that can be called."""
    return (
        *interactions.ENDPOINTS,
        *executions.ENDPOINTS,
        *execution_lists.ENDPOINTS,
        *retrievers.ENDPOINTS,
        *stages.ENDPOINTS,
        *execute.ENDPOINTS,
        *experiments.ENDPOINTS,
        *adhoc.ENDPOINTS,
        *evaluations.ENDPOINTS,
        *evaluation_runs.ENDPOINTS,
        *scoring.ENDPOINTS,
        *gate.ENDPOINTS,
        *benchmarks.ENDPOINTS,
        *what_if.ENDPOINTS,
        *learned_fusion.ENDPOINTS,
        *namespaces.ENDPOINTS,
        *documents.ENDPOINTS,
        *document_paths.ENDPOINTS,
        *document_batches.ENDPOINTS,
        *analytics_event_health.ENDPOINTS,
        *analytics_queries.ENDPOINTS,
        *analytics_sessions.ENDPOINTS,
        *users.ENDPOINTS,
        *tasks.ENDPOINTS,
        *models.ENDPOINTS,
        *recommendations.ENDPOINTS,
        *analytics_relevance.ENDPOINTS,
        *analytics_bias.ENDPOINTS,
        *system_endpoints(readiness, metrics),
    )


def build_application(settings: Settings, engine: Engine) -> Application:
    """The ASGI application over an open engine; it closes the engine when it shuts down."""
    rules = api_rules(settings)
    readiness = Readiness(engine)
    metrics = Metrics(VERSION, settings.database.partition(":")[0], settings.metrics_namespaces)
    limits = Limits(rules, metrics)
    endpoints = all_endpoints(readiness, metrics)
    housekeeper = Housekeeper(engine)
    # Worked out when somebody reads it: that takes longer than all the rest of a start.
    describe = cache(partial(openapi_document, endpoints, VERSION))
    return Application(
        engine,
        endpoints,
        rules,
        metrics=metrics,
        limits=limits,
        readiness=readiness,
        pages=page_routes(engine, describe, limits.fail_sign_in),
        on_shutdown=housekeeper.stop,
    )
