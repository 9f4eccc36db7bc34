"""The routes of the pages: who is signed in, and what they see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from desirepath.dashboard.api_docs import render_api_docs
from desirepath.dashboard.pages import render_home, render_sign_in
from desirepath.dashboard.sign_in import make_cookie, read_cookie, read_link_token
from desirepath.domain.access import Access, Key, allowed, hash_token
from desirepath.engine.engine import Engine
from desirepath.engine.reporting import Report, report
from desirepath.errors import DesirepathError, LimitExceeded
from desirepath.storage.base import Namespace

__all__ = ["LOCAL", "page_routes"]

LOCAL = "local"
"""Who signed in by the one-time link printed where the service runs: may see everything."""

_COOKIE = "desirepath"
_COOKIE_SECONDS = 12 * 3600
_LARGEST_FORM = 4096
_REPORT_FRESH = 2_000_000  # microseconds
_REPORT_SECONDS = 30.0
_THREADS = 2  # a report may take as long as that; nothing else should wait for it
_STYLES = Path(__file__).with_name("static") / "desirepath.css"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Visitor(Struct, frozen=True):
    """Who is signed in: a key, or (None) somebody at this machine."""

    key: Key | None

    def may_see(self, namespace: Namespace) -> bool:
        return self.key is None or self.key.namespace in (None, namespace.number)


def page_routes(
    engine: Engine,
    openapi: Callable[[], Mapping[str, Any]],
    fail_sign_in: Callable[[Mapping[str, Any]], None],
) -> list[BaseRoute]:
    """The pages over one engine.

    Parameters
    ----------
    engine
        What to show.
    openapi
        Gives the description of the API, each time that it is asked for.
    fail_sign_in
        Told the ASGI scope of each request that failed to sign in; raises LimitExceeded when its
        address has failed too often.
    """
    pages = _Pages(engine, openapi, fail_sign_in)
    return [
        Route("/", _guarded(pages.home)),
        Route("/sign-in", _guarded(pages.sign_in), methods=["GET", "POST"]),
        Route("/sign-out", _guarded(pages.sign_out), methods=["POST"]),
        Route("/docs", _guarded(pages.docs)),
        Route("/openapi.json", _guarded(pages.openapi)),
        Route("/static/desirepath.css", _guarded(pages.styles)),
    ]


def _guarded(
    page: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """A page that shows our errors as a page, with the headers of every page."""

    async def answer(request: Request) -> Response:
        try:
            response = await page(request)
        except LimitExceeded as error:
            response = HTMLResponse(render_sign_in(error.message), status_code=429)
            response.headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
        except DesirepathError as error:
            response = HTMLResponse(render_sign_in(error.message), status_code=503)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return answer


class _Pages:
    def __init__(
        self,
        engine: Engine,
        openapi: Callable[[], Mapping[str, Any]],
        fail_sign_in: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._engine = engine
        self._openapi = openapi
        self._fail_sign_in = fail_sign_in
        self._threads = CapacityLimiter(_THREADS)
        self._reports: dict[int, tuple[int, Report]] = {}
        self._cookie_secret: bytes | None = None

    async def home(self, request: Request) -> Response:
        visitor = await run_sync(self._visitor, request)
        if visitor is None:
            return HTMLResponse(render_sign_in(""))
        wanted = request.query_params.get("namespace")
        address = str(request.base_url).rstrip("/")
        page = await run_sync(self._render_home, visitor, wanted, address, limiter=self._threads)
        return HTMLResponse(page)

    def _render_home(self, visitor: Visitor, wanted: str | None, address: str) -> str:
        with self._engine.storage.read() as session:
            now = session.now()
            seen = [one for one in session.catalog.namespaces() if visitor.may_see(one)]
        if not seen:
            return render_sign_in("The namespace of this key is gone.")
        current = next((one for one in seen if wanted in (one.name, one.namespace_id)), seen[0])
        return render_home(self._report(current, now), seen, current, address=address)

    def _report(self, namespace: Namespace, now: int) -> Report:
        """The figures as they were at most a moment ago: they cost a look at the whole log."""
        found = self._reports.get(namespace.number)
        if found is None or now - found[0] > _REPORT_FRESH:
            made = report(self._engine, namespace, now, seconds=_REPORT_SECONDS)
            found = self._reports[namespace.number] = (now, made)
        return found[1]

    async def sign_in(self, request: Request) -> Response:
        if request.method == "GET":
            nonce = request.query_params.get("token", "")
            first_time = await run_sync(self._spend_link, nonce)
            if first_time:
                return self._welcome(request, LOCAL)
            if not nonce:
                return HTMLResponse(render_sign_in(""))
            self._fail_sign_in(request.scope)
            return HTMLResponse(
                render_sign_in("This link was used before, or is older than ten minutes.")
            )
        token = await _form_value(request, "key")
        key = await run_sync(self._engine.directory.key, token) if token else None
        if key is None or not allowed(key.kind, Access.READ):
            self._fail_sign_in(request.scope)
            return HTMLResponse(
                render_sign_in("This key is unknown, or may not read."), status_code=401
            )
        return self._welcome(request, hash_token(token).hex())

    async def sign_out(self, request: Request) -> Response:
        del request
        response = RedirectResponse("/", status_code=303)
        response.delete_cookie(_COOKIE)
        return response

    async def docs(self, request: Request) -> Response:
        address = str(request.base_url).rstrip("/")
        openapi = await run_sync(self._openapi, limiter=self._threads)
        return HTMLResponse(render_api_docs(openapi, address=address))

    async def openapi(self, request: Request) -> Response:
        del request
        return JSONResponse(await run_sync(self._openapi, limiter=self._threads))

    async def styles(self, request: Request) -> Response:
        del request
        return FileResponse(
            _STYLES, media_type="text/css", headers={"Cache-Control": "max-age=300"}
        )

    def _secret(self) -> bytes:
        if self._cookie_secret is None:
            with self._engine.storage.read() as session:
                self._cookie_secret = session.catalog.secret("cookie")
        return self._cookie_secret

    def _visitor(self, request: Request) -> Visitor | None:
        value = request.cookies.get(_COOKIE, "")
        now = self._engine.clock.now() // 1_000_000
        subject = read_cookie(self._secret(), value, now)
        if subject is None:
            return None
        if subject == LOCAL:
            return Visitor(None)
        with self._engine.storage.read() as session:
            key = session.catalog.find_key(bytes.fromhex(subject))
        return None if key is None else Visitor(key)

    def _spend_link(self, token: str) -> bool:
        now = self._engine.clock.now() // 1_000_000
        subject = read_link_token(self._secret(), token, now)
        if subject is None:
            return False
        with self._engine.storage.write() as session:
            first = session.receipts.claim_key(0, subject, b"", session.now())
        return first is None

    def _welcome(self, request: Request, subject: str) -> Response:
        now = self._engine.clock.now() // 1_000_000
        cookie = make_cookie(self._secret(), subject, now, _COOKIE_SECONDS)
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            _COOKIE,
            cookie,
            max_age=_COOKIE_SECONDS,
            httponly=True,
            secure=request.url.scheme == "https",
            samesite="strict",
        )
        return response


async def _form_value(request: Request, name: str) -> str:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            return ""
    try:
        return parse_qs(body.decode(), max_num_fields=10).get(name, [""])[0].strip()
    except (UnicodeDecodeError, ValueError):
        return ""
