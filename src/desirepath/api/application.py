"""The ASGI application: from a request to a declared endpoint and back.

Written on bare ASGI because every recorded interaction passes here; paths with parameters are
matched by Starlette's router, the two hottest by hand.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence, Sized
from typing import Any

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route, Router

from desirepath.api.endpoint import Answer, ApiRules, Call, Endpoint, header_map
from desirepath.api.errors import MethodNotAllowed, answer_of, code_of, envelope
from desirepath.api.limits import Limits
from desirepath.api.metrics import Metrics, Sample
from desirepath.api.system import Readiness
from desirepath.api.threads import Threads
from desirepath.domain.access import Key, KeyKind, allowed
from desirepath.domain.plain_json import encode_json
from desirepath.engine.bootstrap import DEFAULT_NAMESPACE
from desirepath.engine.engine import Engine
from desirepath.errors import (
    DesirepathError,
    Forbidden,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    StorageError,
    Unauthenticated,
    UnsupportedMediaType,
)
from desirepath.storage.base import Namespace

__all__ = ["Application"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger("desirepath.access")
_errors = logging.getLogger("desirepath")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._\-]{1,64}")
_PROCESS = os.urandom(6).hex().encode()
_counter = itertools.count()  # a system call for each request's id would cost more than its parsing
_HOT_CREATE = "/v1/retrievers/interactions"
_HOT_GET = "/v1/retrievers/interactions/"
_MAX_TOKEN_BYTES = 256
_NO_KEY = Key(key_id="", kind=KeyKind.PUBLIC, namespace=None, name="", created_at=0)
_NO_NAMESPACE = Namespace(number=0, namespace_id="", name="", created_at=0)
_ID, _SERVED, _TEMPLATE = "desirepath.id", "desirepath.served", "desirepath.template"  # in a scope
_UNKNOWN = "unknown"


class Application:
    """Serves declared endpoints over one engine.

    Parameters
    ----------
    engine
        What to serve; closed when the server stops.
    endpoints
        What there is to call.
    rules
        The settings of HTTP.
    metrics, limits, readiness
        Figures to add to, what may be asked for how often, and whether to say that this process is
        ready.
    pages
        Starlette routes of the first page, served beside the endpoints.
    on_shutdown
        Called before the engine closes.
    """

    def __init__(
        self,
        engine: Engine,
        endpoints: Sequence[Endpoint],
        rules: ApiRules,
        *,
        metrics: Metrics,
        limits: Limits,
        readiness: Readiness,
        pages: Sequence[BaseRoute] = (),
        on_shutdown: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine = engine
        self.endpoints = endpoints
        self.rules = rules
        self.metrics = metrics
        self.readiness = readiness
        self.limits = limits
        self.threads = Threads(rules.max_waiting_requests)
        self.connections: Sized = ()  # a server's own
        self._active = 0
        self._on_shutdown = on_shutdown
        metrics.sampler = self._sample
        engine.on_commit = metrics.committed
        by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        self._hot_create = by_path[_HOT_CREATE]["POST"]
        self._hot_get = by_path[_HOT_GET + "{interaction_id}"]["GET"]
        self._beside_hot_get = {
            path[len(_HOT_GET) :] for path in by_path if path.startswith(_HOT_GET)
        }
        # One whose last part takes slashes would take what others end in: it comes last.
        ordered = sorted(by_path, key=lambda path: (path.count("{"), path.endswith(":path}"), path))
        # A document or an execution may be called like a word of a path.
        free = {_parent(path) for path in by_path if path.endswith(":path}")}
        routes = [
            _route(path, _Path(self, path, by_path[path]), falls_through=_parent(path) in free)
            for path in ordered
        ]
        self._pages = {getattr(page, "path", "") for page in pages}
        self._router = Router([*routes, *pages], default=self._not_found, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        self._active += 1
        try:
            await self._dispatch(scope, receive, send)
        finally:
            self._active -= 1

    async def turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a connection that there is no room for."""
        del receive
        if scope["type"] == "http":
            self.metrics.overloaded("connections")
            status, body, extra = answer_of(Overloaded())
            headers = _headers(_request_id(header_map(scope)), {**extra, "Connection": "close"})
            await _send(send, status, body, headers)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        scope["app"] = self
        if method == "POST" and path == _HOT_CREATE:
            await self.serve(self._hot_create, scope, receive, send)
        elif method == "GET" and path.startswith(_HOT_GET) and path.count("/") == 4:
            interaction_id = path[len(_HOT_GET) :]
            if interaction_id in self._beside_hot_get:
                await self._route(scope, receive, send)
                return
            scope["path_params"] = {"interaction_id": interaction_id}
            await self.serve(self._hot_get, scope, receive, send)
        else:
            await self._route(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The other endpoints, the pages, and what is not there."""
        started = time.perf_counter()
        headers = header_map(scope)
        request_id = scope[_ID] = _request_id(headers)
        if self.limits.is_secure(scope, headers):
            scope["scheme"] = "https"
        watch = _Watch(send, request_id)
        try:
            await self._router(scope, receive, watch)
        except HTTPException as error:  # of the router, which knows nothing of our envelope
            allowed = (error.headers or {}).get("Allow", "")
            refusal = MethodNotAllowed(", ".join(sorted(allowed.split(", "))))
            status, body, extra = answer_of(refusal)
            await _send(watch, status, body, _headers(request_id, extra))
        except Exception as error:
            _errors.error("%s", _error_line(error, request_id))
            status, body, _ = answer_of(DesirepathError("Something went wrong on our side."))
            await _send(watch, status, body, _headers(request_id))
        if _SERVED not in scope:
            path = scope["path"]
            route = scope.get(_TEMPLATE) or (path if path in self._pages else _UNKNOWN)
            self._note(scope["method"], route, watch.status, started, request_id)

    def _note(
        self, method: str, route: str, status: int, started: float, request_id: bytes
    ) -> None:
        """Count a request that was answered, and write it into the log."""
        seconds = time.perf_counter() - started
        self.metrics.observe(method, route, status, seconds)
        if self.rules.access_log:
            _log.info("%s", _log_line(method, route, status, seconds, request_id))

    def _sample(self) -> Sample:
        figures = self.engine.storage.figures()
        n_waiting, oldest_seconds = self.engine.queue()
        return Sample(
            active_requests=self._active,
            connections=len(self.connections),
            queue_depth=n_waiting,
            oldest_pending_seconds=oldest_seconds,
            pool_in_use=figures.connections_in_use,
            wal_bytes=figures.wal_bytes,
            disk_free_bytes=figures.free_bytes,
        )

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                self._on_shutdown()
                await run_sync(self.engine.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = str(scope["path"])
        message = "There is nothing at this path; the API is described at /docs."
        if not path.startswith("/v1/") and self._router_matches(scope, "/v1" + path):
            message = f"There is nothing at this path: did you mean /v1{_shown(path)}?"
        body = envelope(404, message, "NotFoundError", "unknown_path", {"resource": "path"})
        await _send(send, 404, body, _headers(scope[_ID]))

    def _router_matches(self, scope: Scope, path: str) -> bool:
        twin = {**scope, "path": path}
        return any(route.matches(twin)[0].value for route in self._router.routes)

    # One request

    async def serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to one endpoint, whatever happens."""
        started = time.perf_counter()
        headers = header_map(scope)
        request_id = scope.get(_ID) or _request_id(headers)
        scope[_SERVED] = True
        extra: dict[str, str] = {}
        try:
            answer = await self._answer(endpoint, scope, headers, receive, extra)
            status, body = answer.status, answer.body
            extra.update(answer.headers)
        except DesirepathError as error:
            status, body, more = answer_of(error)
            extra.update(more)
            if isinstance(error, StorageError):
                self.metrics.storage_failed(code_of(error))
            elif isinstance(error, Overloaded):
                self.metrics.overloaded("threads")
        except Exception as error:
            _errors.error("%s", _error_line(error, request_id))
            status, body, _ = answer_of(DesirepathError("Something went wrong on our side."))
        await _send(send, status, body, _headers(request_id, extra))
        self._note(endpoint.method, endpoint.path, status, started, request_id)

    async def _answer(
        self,
        endpoint: Endpoint,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        extra: dict[str, str],
    ) -> Answer:
        key, namespace = _NO_KEY, _NO_NAMESPACE
        if endpoint.access is not None:
            address = self.limits.address_of(scope, headers)
            key = await self._authenticate(headers, address)
            self.limits.spend(key, address, extra)
            if not allowed(key.kind, endpoint.access):
                raise Forbidden()
            namespace = await self._namespace(key, headers)
        body = b""
        if endpoint.method in ("POST", "PUT", "PATCH") or endpoint.body is not None:
            limit = self.rules.max_batch_body_bytes if endpoint.batch else self.rules.max_body_bytes
            body = await _read_body(headers, receive, limit)
        call = Call(
            engine=self.engine,
            rules=self.rules,
            metrics=self.metrics,
            threads=self.threads,
            key=key,
            namespace=namespace,
            route=endpoint.path,
            path=scope.get("path_params", {}),
            query_string=scope["query_string"],
            headers=headers,
            body=body,
        )
        if endpoint.blocking and endpoint.access is None:  # is asked for when all threads are busy
            result = await run_sync(endpoint.handler, call)
        elif endpoint.blocking:
            result = await self.threads.run(endpoint.handler, call)
        else:
            result = await endpoint.handler(call)
        if isinstance(result, Answer):
            return result
        return Answer(encode_json(result), status=endpoint.status)

    async def _authenticate(self, headers: Mapping[bytes, bytes], address: str) -> Key:
        header = headers.get(b"authorization")
        token = _token(header)
        directory = self.engine.directory
        if token is not None:
            known = directory.peek_key(token)
            key = known[0] if known is not None else await run_sync(directory.key, token)
            if key is not None:
                return key
        reason = "missing" if header is None else "malformed" if token is None else "unknown"
        self.limits.fail_login(address, reason)
        raise Unauthenticated()

    async def _namespace(self, key: Key, headers: Mapping[bytes, bytes]) -> Namespace:
        """The key's own namespace; the one that the header names for an admin key."""
        directory = self.engine.directory
        raw = headers.get(b"x-namespace")
        named: Namespace | None = None
        if raw is not None or key.namespace is None:
            name = DEFAULT_NAMESPACE if raw is None else raw.decode("latin-1")
            found = directory.peek_namespace(name)
            named = found[0] if found is not None else await run_sync(directory.namespace, name)
            if named is None or key.namespace not in (None, named.number):
                raise NotFound("namespace", name)
            return named
        own = directory.peek_namespace_of(key.namespace)
        named = own[0] if own is not None else await run_sync(directory.namespace_of, key.namespace)
        if named is None:
            raise Unauthenticated()
        return named


class _Watch:
    """Sends, and remembers the status; an answer that says no id of its request gets it."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._id = (b"x-request-id", request_id)
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._id not in message["headers"]:
                message["headers"] = [*message["headers"], self._id]
        await self._send(message)


class _Path:
    """The endpoints of one path, by method."""

    def __init__(
        self, application: Application, path: str, by_method: Mapping[str, Endpoint]
    ) -> None:
        self._application = application
        self._path = path
        self.by_method = by_method
        self._allowed = ", ".join(sorted(by_method))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self.by_method.get(scope["method"])
        if endpoint is not None:
            await self._application.serve(endpoint, scope, receive, send)
            return
        scope[_TEMPLATE] = self._path
        status, body, extra = answer_of(MethodNotAllowed(self._allowed))
        await _send(send, status, body, _headers(scope[_ID], extra))


def _route(path: str, app: _Path, *, falls_through: bool) -> Route:
    """A route that takes every method and answers 405 itself, unless others may match later."""
    route = Route(path, endpoint=app)
    route.methods = set(app.by_method) if falls_through else None
    return route


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _token(header: bytes | None) -> str | None:
    if header is None or len(header) > _MAX_TOKEN_BYTES:
        return None
    scheme, _, token = header.partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token or not token.isascii():
        return None
    return token.decode()


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """The whole body, refused as soon as it is known to be too large."""
    length = headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
    message = await _receive(receive)
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await _receive(receive)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
        body = b"".join(parts)
    if len(body) > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
    if body:
        _check_media(headers)
    return body


async def _receive(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise UnsupportedMediaType("The body ended early.")
    return message


def _check_media(headers: Mapping[bytes, bytes]) -> None:
    encoding = headers.get(b"content-encoding", b"identity")
    media, _, parameters = headers.get(b"content-type", b"application/json").partition(b";")
    media = media.strip().lower()
    charset = parameters.replace(b" ", b"").replace(b'"', b"").lower()
    if (
        encoding.lower() != b"identity"
        or not (media == b"application/json" or media.endswith(b"+json"))
        or (b"charset=" in charset and b"charset=utf-8" not in charset)
    ):
        raise UnsupportedMediaType()


def _request_id(headers: Mapping[bytes, bytes]) -> bytes:
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return b"%s%08x" % (_PROCESS, next(_counter))


_JSON = (b"content-type", b"application/json")
_NOSNIFF = (b"x-content-type-options", b"nosniff")


def _headers(
    request_id: bytes, extra: Mapping[str, str] | None = None
) -> list[tuple[bytes, bytes]]:
    headers = [_JSON, _NOSNIFF, (b"x-request-id", request_id)]
    if extra:
        for name, value in extra.items():
            pair = (name.lower().encode("latin-1"), value.encode("latin-1"))
            if pair[0] == b"content-type":
                headers[0] = pair
            else:
                headers.append(pair)
    return headers


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    if status != 204:  # has no content, and may not say how long it is
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _shown(path: str) -> str:
    return path if re.fullmatch(r"/[A-Za-z0-9/_\-.:]{0,200}", path) else "/…"


def _error_line(error: Exception, request_id: bytes) -> str:
    """What failed where, without the error's own words: a driver's may hold what was sent."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"request {request_id.decode()} failed: {kind}\n{frames}"


def _log_line(method: str, route: str, status: int, seconds: float, request_id: bytes) -> str:
    """One JSON line: the route and never the path, so that no id of a person is in it."""
    return json.dumps(
        {
            "event": "request",
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "request_id": request_id.decode(),
        }
    )
