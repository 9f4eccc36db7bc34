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
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route, Router

from desirepath.api.endpoint import Answer, ApiRules, Call, Endpoint
from desirepath.api.errors import MethodNotAllowed, answer_of, envelope
from desirepath.api.limits import Limits
from desirepath.api.metrics import Metrics
from desirepath.api.system import Readiness
from desirepath.domain.access import Key, KeyKind, allowed
from desirepath.domain.plain_json import encode_json
from desirepath.engine.engine import Engine
from desirepath.errors import (
    DesirepathError,
    Forbidden,
    NotFound,
    PayloadTooLarge,
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
DEFAULT_NAMESPACE = "default"


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
    metrics, readiness
        Figures to add to, and whether to say that this process is ready.
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
        readiness: Readiness,
        pages: Sequence[BaseRoute] = (),
        on_shutdown: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine = engine
        self.endpoints = endpoints
        self.rules = rules
        self.metrics = metrics
        self.readiness = readiness
        self.limits = Limits(rules)
        self._on_shutdown = on_shutdown
        by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        self._hot_create = by_path[_HOT_CREATE]["POST"]
        self._hot_get = by_path[_HOT_GET + "{interaction_id}"]["GET"]
        self._beside_hot_get = {
            path[len(_HOT_GET) :] for path in by_path if path.startswith(_HOT_GET)
        }
        ordered = sorted(by_path, key=lambda path: (path.count("{"), path))
        # A document or an execution may be called like a word of a path.
        free = {_parent(path) for path in by_path if path.endswith(":path}")}
        routes = [
            _route(path, _Path(self, by_path[path]), falls_through=_parent(path) in free)
            for path in ordered
        ]
        self._router = Router([*routes, *pages], default=self._not_found, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
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
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:  # of the router, which knows nothing of our envelope
            allowed = (error.headers or {}).get("Allow", "")
            refusal = MethodNotAllowed(", ".join(sorted(allowed.split(", "))))
            status, body, extra = answer_of(refusal)
            await _send(send, status, body, _headers(_request_id(_header_map(scope)), extra))
        except Exception as error:
            request_id = _request_id(_header_map(scope))
            _errors.error("%s", _error_line(error, request_id))
            status, body, _ = answer_of(DesirepathError("Something went wrong on our side."))
            await _send(send, status, body, _headers(request_id))

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
        await _send(send, 404, body, _headers(_request_id(_header_map(scope))))

    def _router_matches(self, scope: Scope, path: str) -> bool:
        twin = {**scope, "path": path}
        return any(route.matches(twin)[0].value for route in self._router.routes)

    # One request

    async def serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to one endpoint, whatever happens."""
        started = time.perf_counter()
        headers = _header_map(scope)
        request_id = _request_id(headers)
        extra: dict[str, str] = {}
        try:
            answer = await self._answer(endpoint, scope, headers, receive, extra)
            status, body = answer.status, answer.body
            extra.update(answer.headers)
        except DesirepathError as error:
            status, body, more = answer_of(error)
            extra.update(more)
        except Exception as error:
            _errors.error("%s", _error_line(error, request_id))
            status, body, _ = answer_of(DesirepathError("Something went wrong on our side."))
        await _send(send, status, body, _headers(request_id, extra))
        seconds = time.perf_counter() - started
        self.metrics.observe(endpoint, status, seconds)
        if self.rules.access_log:
            _log.info("%s", _log_line(endpoint, status, seconds, request_id))

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
        if endpoint.method in ("POST", "PUT", "PATCH"):
            limit = self.rules.max_batch_body_bytes if endpoint.batch else self.rules.max_body_bytes
            body = await _read_body(headers, receive, limit)
        call = Call(
            engine=self.engine,
            rules=self.rules,
            key=key,
            namespace=namespace,
            route=endpoint.path,
            path=scope.get("path_params", {}),
            query_string=scope["query_string"],
            headers=headers,
            body=body,
        )
        if endpoint.blocking:
            result = await run_sync(endpoint.handler, call)
        else:
            result = await endpoint.handler(call)
        return result if isinstance(result, Answer) else Answer(encode_json(result))

    async def _authenticate(self, headers: Mapping[bytes, bytes], address: str) -> Key:
        token = _token(headers.get(b"authorization"))
        directory = self.engine.directory
        if token is not None:
            known = directory.peek_key(token)
            key = known[0] if known is not None else await run_sync(directory.key, token)
            if key is not None:
                return key
        self.metrics.failed_login()
        self.limits.spend_failed_login(address)
        raise Unauthenticated()

    async def _namespace(self, key: Key, headers: Mapping[bytes, bytes]) -> Namespace:
        """The key's own namespace; the one that the header names for an admin key."""
        directory = self.engine.directory
        raw = headers.get(b"x-namespace")
        named: Namespace | None = None
        if raw is not None or key.namespace is None:
            name = DEFAULT_NAMESPACE if raw is None else raw.decode("latin-1")
            if "\x00" in name:
                raise NotFound("namespace")
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


class _Path:
    """The endpoints of one path, by method."""

    def __init__(self, application: Application, by_method: Mapping[str, Endpoint]) -> None:
        self._application = application
        self.by_method = by_method

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self.by_method.get(scope["method"])
        if endpoint is not None:
            await self._application.serve(endpoint, scope, receive, send)
            return
        refusal = MethodNotAllowed(", ".join(sorted(self.by_method)))
        status, body, extra = answer_of(refusal)
        await _send(send, status, body, _headers(_request_id(_header_map(scope)), extra))


def _route(path: str, app: _Path, *, falls_through: bool) -> Route:
    """A route that takes every method and answers 405 itself, unless others may match later."""
    route = Route(path, endpoint=app)
    route.methods = set(app.by_method) if falls_through else None
    return route


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _header_map(scope: Scope) -> dict[bytes, bytes]:
    """Headers by name; a repeated one is joined by commas, as HTTP says."""
    pairs = scope["headers"]
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


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
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise UnsupportedMediaType("The body ended early.")
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


def _log_line(endpoint: Endpoint, status: int, seconds: float, request_id: bytes) -> str:
    """One JSON line: the route and never the path, so that no id of a person is in it."""
    return json.dumps(
        {
            "event": "request",
            "method": endpoint.method,
            "route": endpoint.path,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "request_id": request_id.decode(),
        }
    )
