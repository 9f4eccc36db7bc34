"""What an endpoint is: declared once, served, documented and tested from the declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Struct

from desirepath.api.metrics import Metrics
from desirepath.api.threads import Threads
from desirepath.domain.access import Access, Key
from desirepath.domain.plain_json import check_plain, decode_json
from desirepath.engine.engine import Engine
from desirepath.errors import DesirepathError, InvalidQuery, MalformedJSON
from desirepath.storage.base import Namespace

__all__ = [
    "Answer",
    "ApiRules",
    "Call",
    "Endpoint",
    "endpoint",
    "header_map",
    "page_link",
    "read_query",
]


class ApiRules(Struct, frozen=True, kw_only=True):
    """The settings that HTTP follows; see ``settings.py`` for what each means."""

    lenient: bool = False
    max_body_bytes: int = 1 << 20
    max_batch_body_bytes: int = 16 << 20
    list_seconds: float = 5.0
    key_requests_per_minute: int = 0
    address_requests_per_minute: int = 0
    failed_logins_per_minute: int = 300
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    max_waiting_requests: int = 200
    access_log: bool = False


class Call(Struct, kw_only=True):
    """One request, as its handler sees it."""

    engine: Engine
    rules: ApiRules
    metrics: Metrics
    threads: Threads
    key: Key
    namespace: Namespace
    route: str
    path: Mapping[str, str]
    query_string: bytes
    headers: Mapping[bytes, bytes]
    body: bytes

    def json(self) -> Any:
        """The body; an absent one is an empty object."""
        return decode_json(self.body) if self.body else {}


class Answer(Struct, frozen=True):
    """A body that is already written, with its status and headers."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}


class Endpoint(Struct, frozen=True, kw_only=True):
    """A method on a path.

    Parameters
    ----------
    access
        What the key must be allowed; None needs no key.
    body, response, query
        Types of the request body, the answer and the query parameters (a Struct whose fields are
        their names).
    status
        Of the answer when all is well.
    batch
        Whether the larger body limit holds.
    blocking
        Whether the handler is an ordinary function that may wait, and runs in a thread.
    unready
        What it means that the answer, in its usual shape, comes with status 503.
    """

    method: str
    path: str
    handler: Callable[[Call], Any]
    access: Access | None
    tag: str
    summary: str
    description: str
    body: Any = None
    body_required: bool = True
    response: Any = None
    status: int = 200
    query: type[Struct] | None = None
    batch: bool = False
    blocking: bool = True
    idempotent_key: bool = False
    unready: str | None = None
    errors: tuple[type[DesirepathError], ...] = ()


def endpoint(
    method: str, path: str, *, access: Access | None, tag: str, **options: Any
) -> Callable[[Callable[[Call], Any]], Endpoint]:
    """Declare a handler; its docstring is the reference, first line the summary."""

    def declare(handler: Callable[[Call], Any]) -> Endpoint:
        summary, _, description = (handler.__doc__ or "").strip().partition("\n")
        lines = [line.strip() for line in description.strip().splitlines()]
        return Endpoint(
            method=method,
            path=path,
            handler=handler,
            access=access,
            tag=tag,
            summary=summary.rstrip("."),
            description="\n".join(lines),
            **options,
        )

    return declare


def read_query(query_string: bytes, kind: type[Struct]) -> Any:
    """Read query parameters into a Struct; unknown and empty ones are ignored.

    Raises
    ------
    InvalidQuery
        A parameter is not of its type or outside its limits.
    """
    try:
        pairs = parse_qsl(
            query_string.decode(), keep_blank_values=False, errors="strict", max_num_fields=100
        )
        values = {name: value for name, value in pairs if name in kind.__struct_fields__}
        check_plain(values)
        return msgspec.convert(values, kind, strict=False)
    except (msgspec.ValidationError, MalformedJSON, UnicodeError, ValueError) as error:
        message = str(error) if isinstance(error, msgspec.ValidationError) else ""
        name = message.partition("`$.")[2].rstrip("`")
        text = message.partition(" - at ")[0]
        if text.startswith("Invalid enum value"):  # and then the value
            text = "Not one of the allowed values"
        raise InvalidQuery(
            f"Query parameter {name or 'unknown'}: {text or 'cannot be read'}."
        ) from error


def page_link(call: Call, number: int | None, step: int) -> str | None:
    """Path and query of the page that many further on; None where pages have no numbers."""
    if number is None:
        return None
    pairs = [
        (k, v) for k, v in parse_qsl(call.query_string.decode()) if k not in ("page", "offset")
    ]
    return f"{call.route}?{urlencode([*pairs, ('page', number + step)])}"


def header_map(scope: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Headers by name; a repeated one is joined by commas, as HTTP says."""
    pairs = scope["headers"]
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers
