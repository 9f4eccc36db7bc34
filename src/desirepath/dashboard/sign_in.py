"""Signed values for the browser: who is signed in, and until when."""

from __future__ import annotations

import base64
import hmac

__all__ = ["make_cookie", "read_cookie"]

_SIGNATURE_BYTES = 32


def make_cookie(secret: bytes, subject: str, now: int, seconds: int) -> str:
    """A value that says ``subject`` until ``now + seconds`` (seconds since 1970).

    >>> read_cookie(b"s", make_cookie(b"s", "me", now=0, seconds=60), now=59)
    'me'
    """
    payload = f"{now + seconds}.{subject}".encode()
    return base64.urlsafe_b64encode(_sign(secret, payload) + payload).decode().rstrip("=")


def read_cookie(secret: bytes, value: str, now: int) -> str | None:
    """The subject of a value; None when it was not made with this secret, or is too old.

    >>> read_cookie(b"s", make_cookie(b"other", "me", now=0, seconds=60), now=0) is None
    True
    """
    try:
        raw = base64.urlsafe_b64decode(value.encode("ascii") + b"=" * (-len(value) % 4))
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _sign(secret, payload)):
            return None
        expiry, _, subject = payload.decode().partition(".")
        return subject if now < int(expiry) else None
    except ValueError:
        return None


def _sign(secret: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, payload, "sha256")
