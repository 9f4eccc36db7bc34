"""Speak to a running Desirepath over HTTP, from several threads."""

from __future__ import annotations

import json
import threading
import time
from copy import copy
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from desirepath.errors import DesirepathError

__all__ = ["Refused", "Service", "path_of"]

_SECONDS = 30.0
_ATTEMPTS = 5
_LATER = (429, 503)  # nothing was done, and the answer says when to come again


class Refused(Exception):
    """The service answered, and not with what was asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Connections:
    """One for each thread that asks, kept open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            self._address = parts.hostname or "", parts.port
        except ValueError:
            self._address = "", None
        if parts.scheme not in ("http", "https") or not self._address[0]:
            raise DesirepathError("The URL of a service looks like http://127.0.0.1:8000.")
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._path = parts.path
        self._of_thread = threading.local()
        self._all: list[HTTPConnection] = []

    def send(
        self, method: str, path: str, content: bytes | None, headers: dict[str, str]
    ) -> HTTPResponse:
        """Send on the thread's connection; on a new one if the service has closed it."""
        connection: HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if connection is not None:
            try:
                connection.request(method, self._path + path, content, headers)
                return connection.getresponse()
            except (OSError, HTTPException):
                connection.close()
        connection = self._kind(*self._address, timeout=_SECONDS)
        self._all.append(connection)
        self._of_thread.connection = connection
        connection.request(method, self._path + path, content, headers)
        return connection.getresponse()

    def close(self) -> None:
        for connection in self._all:
            connection.close()


class Service:
    """A service by its address; close it, or use it in a ``with``.

    Parameters
    ----------
    url
        ``http://host:port``, without ``/v1``.
    key
        An API key.
    """

    def __init__(self, url: str, key: str) -> None:
        self._key = key
        self._namespace: str | None = None
        self._connections = _Connections(url.rstrip("/"))

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *error: object) -> None:
        self._connections.close()

    def within(self, namespace: str) -> Service:
        """A namespace of the same service, over the same connections."""
        inside = copy(self)
        inside._namespace = namespace
        return inside

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """What it answers; told to come later, it does.

        Raises
        ------
        Refused
            With another status than 2xx.
        DesirepathError
            Nothing answers, or something that is no Desirepath.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            status, wait, answer = self._ask(method, path, body)
            if 200 <= status < 300:
                return answer
            if status not in _LATER or attempt == _ATTEMPTS:
                break
            time.sleep(wait)
        raise Refused(status, str(answer.get("error", {}).get("message", "")))

    def _ask(self, method: str, path: str, body: object) -> tuple[int, float, dict[str, Any]]:
        """Status, seconds to wait before asking again, answer."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        if self._namespace is not None:
            headers["X-Namespace"] = self._namespace
        content = None if body is None else json.dumps(body).encode()
        try:
            response = self._connections.send(method, path, content, headers)
            text = response.read()
        except (OSError, HTTPException) as error:
            raise DesirepathError(
                "Nothing answers at that URL. Start a service with `desirepath serve`, or name "
                "another with --url."
            ) from error
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise DesirepathError("What answers at that URL is no Desirepath.")
        return response.status, _seconds(response.headers.get("Retry-After")), answer


def _seconds(retry_after: str | None) -> float:
    """What a proxy says as a date is a second here."""
    try:
        return min(float(retry_after or 1), _SECONDS)
    except ValueError:
        return 1.0


def path_of(*parts: str) -> str:
    """A path of the API.

    >>> path_of("retrievers", "a shop", "execute")
    '/v1/retrievers/a%20shop/execute'
    """
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)
