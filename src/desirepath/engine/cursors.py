"""Cursors: where the next page of a list starts, signed so that only we make them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TypeVar

import msgspec
from msgspec import Struct

from desirepath.domain.plain_json import canonical_json
from desirepath.errors import InvalidCursor

__all__ = ["list_digest", "read_cursor", "write_cursor"]

_SIGNATURE_BYTES = 12

T = TypeVar("T", bound=Struct)


def list_digest(listed: object) -> str:
    """What a cursor remembers of the list it belongs to."""
    return hashlib.sha256(canonical_json(listed)).hexdigest()[:16]


def write_cursor(secret: bytes, cursor: Struct) -> str:
    payload = msgspec.msgpack.encode(cursor)
    return base64.urlsafe_b64encode(_sign(secret, payload) + payload).decode().rstrip("=")


def read_cursor(secret: bytes, text: str, kind: type[T]) -> T:
    """
    Raises
    ------
    InvalidCursor
        It was not made with this secret, or is one of another kind of list.
    """
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _sign(secret, payload)):
            raise InvalidCursor
        return msgspec.msgpack.decode(payload, type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidCursor() from error


def _sign(secret: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, payload, "sha256")[:_SIGNATURE_BYTES]
