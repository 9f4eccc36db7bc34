"""One POST, within a time and a size, to an address that the operator chose.

No redirect is followed and no proxy is taken from the environment: what is sent goes where the
setting says and nowhere else.
"""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from msgspec import Struct

from desirepath.errors import InvalidSetting

__all__ = ["Address", "HttpAnswer", "post", "read_address"]

_CHUNK = 1 << 16


class Address(Struct, frozen=True, kw_only=True):
    """Where to post."""

    is_secure: bool
    host: str
    port: int | None
    path: str


class HttpAnswer(Struct, frozen=True, kw_only=True):
    """What came back; ``retry_after_seconds`` if the server said so."""

    status: int
    body: bytes
    retry_after_seconds: float | None = None


def read_address(url: str, setting: str) -> Address:
    """Read the URL of a setting.

    Raises
    ------
    InvalidSetting
        It is no plain http or https URL.

    Examples
    --------
    >>> read_address("http://127.0.0.1:11434/v1", "embedder_url").path
    '/v1'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not host or not is_plain or not url.isascii():
        raise InvalidSetting(
            f"{setting} is a URL such as http://127.0.0.1:11434/v1, without user and query.",
            (setting,),
        )
    return Address(
        is_secure=parts.scheme == "https", host=host, port=port, path=parts.path.rstrip("/")
    )


def post(
    address: Address, path: str, body: bytes, key: str | None, seconds: float, most_bytes: int
) -> HttpAnswer:
    """Post JSON, and read the answer.

    Parameters
    ----------
    path
        What follows the address's own.
    key
        Sent as a bearer token, if there is one.
    seconds
        How long it may take in all, connecting included.
    most_bytes
        The largest answer to read.

    Raises
    ------
    OSError
        It cannot be reached, or not in time.
    HTTPException
        It does not speak HTTP, or answers with too much.
    """
    deadline = time.monotonic() + seconds
    make = HTTPSConnection if address.is_secure else HTTPConnection
    connection = make(address.host, address.port, timeout=seconds)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection.connect()
        socket = connection.sock
        socket.settimeout(_left(deadline))
        connection.request("POST", address.path + path, body, headers)
        socket.settimeout(_left(deadline))
        response = connection.getresponse()
        parts: list[bytes] = []
        size = 0
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > most_bytes:
                raise HTTPException("too much")
            socket.settimeout(_left(deadline))
        return HttpAnswer(
            status=response.status,
            body=b"".join(parts),
            retry_after_seconds=_seconds(response.headers.get("Retry-After")),
        )
    finally:
        connection.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
