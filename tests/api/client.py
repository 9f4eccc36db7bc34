"""An application in this process, a namespace of its own to call it in, and keys of each kind."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import httpx
from anyio.from_thread import BlockingPortal

from desirepath.api.application import Application
from desirepath.domain.access import Key, KeyKind, hash_token, make_token
from desirepath.engine.bootstrap import create_namespace, ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.server.wiring import build_application, embedder_of, recording_rules
from desirepath.settings import load_settings
from desirepath.storage.base import Namespace, Storage
from desirepath.testing.clock import ClockedStorage, TestingClock

__all__ = [
    "CLICK",
    "INTERACTIONS",
    "Api",
    "Backend",
    "Keys",
    "Request",
    "click",
    "done",
    "pairs",
    "send_to",
]

INTERACTIONS = "/v1/retrievers/interactions"
_PATIENT = {"list_seconds": 100.0}  # however busy the machine is that tests run on
CLICK: dict[str, Any] = {"feature_id": "doc_1", "interaction_type": ["click"], "position": 0}

Headers = Mapping[str, str] | Sequence[tuple[bytes, bytes]]


def click(**changes: Any) -> dict[str, Any]:
    """A click on the first document as it is sent; a field that is set to ``...`` is left out."""
    return {key: value for key, value in (CLICK | changes).items() if value is not ...}


class Keys(NamedTuple):
    """A key of each kind; all but the admin's belong to one namespace."""

    admin: str
    server: str
    read: str
    public: str


class Request(NamedTuple):
    """A request to be sent; the key may be none."""

    method: str
    path: str
    json: Any = None
    key: str | None = None
    headers: Headers = ()
    content: bytes | None = None
    address: str = "127.0.0.1"


class _Borrowed(ClockedStorage):
    """A storage that outlives the engines that use it."""

    def close(self) -> None:
        pass


class Backend:
    """An open database, and one application over it for each choice of settings.

    Parameters
    ----------
    name
        ``"sqlite"`` or ``"postgres"``.
    storage
        Migrated; closed with the back end.
    portal
        Runs the applications.
    """

    def __init__(self, name: str, storage: Storage, portal: BlockingPortal) -> None:
        self.name = name
        self.clock = TestingClock()
        self.portal = portal
        self._storage = storage
        self._applications: dict[tuple[tuple[str, Any], ...], Application] = {}
        self._numbers = itertools.count(1)

    def application(self, **settings: Any) -> Application:
        """The application with these settings; the same one for the same settings."""
        chosen = tuple(sorted(settings.items()))
        if chosen not in self._applications:
            loaded = load_settings(_PATIENT | settings, {})
            storage = _Borrowed(self._storage, self.clock)
            engine = Engine(storage, self.clock, recording_rules(loaded), embedder_of(loaded))
            ensure_defaults(engine)
            self._applications[chosen] = build_application(loaded, engine)
        return self._applications[chosen]

    def api(self, name: str | None = None, **settings: Any) -> Api:
        """A way to call the application in a new namespace, with new keys."""
        application = self.application(**settings)
        engine = application.engine
        number = next(self._numbers)
        kinds = (KeyKind.ADMIN, KeyKind.SERVER, KeyKind.READ, KeyKind.PUBLIC)
        keys = Keys(*map(make_token, kinds))
        with engine.storage.write() as session:
            namespace = create_namespace(engine, session, name or f"tenant-{number}")
            for kind, token in zip(kinds, keys, strict=True):
                key = Key(
                    key_id=f"key_{number}_{kind.value}",
                    kind=kind,
                    namespace=None if kind is KeyKind.ADMIN else namespace.number,
                    name="test",
                    created_at=session.now(),
                )
                session.catalog.add_key(key, hash_token(token))
        return Api(self, application, namespace, keys)

    def close(self) -> None:
        """End each application as a server does, then close the database."""
        for application in self._applications.values():
            self.portal.call(_end, application)
        self._storage.close()


class Api:
    """Calls an application in one namespace, by default with its server key."""

    def __init__(
        self, backend: Backend, application: Application, namespace: Namespace, keys: Keys
    ) -> None:
        self.backend = backend
        self.clock = backend.clock
        self.application = application
        self.engine = application.engine
        self.namespace = namespace
        self.keys = keys

    def under(self, **settings: Any) -> Api:
        """The same namespace and keys under other settings."""
        application = self.backend.application(**settings)
        return Api(self.backend, application, self.namespace, self.keys)

    def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: str | None = "server",
        headers: Headers = (),
        content: bytes | None = None,
        address: str = "127.0.0.1",
    ) -> httpx.Response:
        """Send one request and wait for the answer.

        Parameters
        ----------
        key
            The kind of this namespace's key, a key, or None.
        content
            The body as bytes, instead of ``json``.
        """
        request = Request(method, path, json, self.token(key), headers, content, address)
        return self.send(request)[0]

    def send(self, *requests: Request) -> list[httpx.Response]:
        """Send requests at the same time."""
        return self.backend.portal.call(_send_all, self.application, requests)

    def token(self, kind: str | None) -> str | None:
        """The key of a kind; anything else is itself."""
        return getattr(self.keys, kind) if kind in Keys._fields else kind

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.call("POST", path, json, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.call("DELETE", path, **options)

    # What most tests begin with

    def record(self, **changes: Any) -> dict[str, Any]:
        """Record a click, changed by field; the answer."""
        return done(self.post(INTERACTIONS, click(**changes)))

    def read(self, interaction_id: str) -> dict[str, Any]:
        return done(self.get(f"{INTERACTIONS}/{interaction_id}"))

    def list(self, query: str = "", **body: Any) -> dict[str, Any]:
        """List interactions; ``query`` is what follows the question mark."""
        return done(self.post(f"{INTERACTIONS}/list?{query}", body))

    def retriever(self, name: str = "products") -> str:
        """The id of a new retriever."""
        answer = done(self.post("/v1/retrievers", {"retriever_name": name}))
        return str(answer["retriever_id"])

    def execution(self, retriever: str, *document_ids: str, **changes: Any) -> dict[str, Any]:
        """Log a search that showed these documents; the answer."""
        body = {"documents": [{"document_id": id} for id in document_ids], **changes}
        return done(self.post(f"/v1/retrievers/{retriever}/executions", body))


def done(answer: httpx.Response) -> dict[str, Any]:
    """The body of an answer that is expected to be 200."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    return body


async def _send_all(application: Application, requests: Iterable[Request]) -> list[httpx.Response]:
    return await asyncio.gather(*(send_to(application, request) for request in requests))


async def send_to(application: Application, request: Request) -> httpx.Response:
    """Send one request, from the event loop of the applications."""
    headers = httpx.Headers(pairs(request.headers))
    if request.key is not None:
        headers.setdefault("Authorization", f"Bearer {request.key}")
    if request.content is not None:
        headers.setdefault("Content-Type", "application/json")
    transport = httpx.ASGITransport(application, client=(request.address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(
            request.method,
            request.path,
            json=request.json,
            content=request.content,
            headers=headers,
        )


def pairs(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as they go over the wire."""
    if isinstance(headers, Mapping):
        return [(name.encode(), value.encode()) for name, value in headers.items()]
    return list(headers)


async def _end(application: Application) -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        assert message["type"].endswith(".complete")

    await application({"type": "lifespan"}, receive, send)
