"""Signed values for the browser: who is signed in and until when, and links that sign in once.

A value is readable by whoever holds it and can be made only with the secret. A cookie is not a
link, nor the other way round, though both are signed with the same secret.
"""

from __future__ import annotations

import base64
import hmac

import msgspec

__all__ = ["make_cookie", "make_link_token", "read_cookie", "read_link_token"]

_LONGEST = 2048  # characters of a value that is worth looking at
_COOKIE, _LINK = b"cookie", b"link"
_decode = msgspec.json.Decoder(tuple[str, int]).decode


def make_cookie(secret: bytes, subject: str, now: int, seconds: int) -> str:
    """A value that says ``subject`` until ``now + seconds``.

    Parameters
    ----------
    secret
        Of this instance.
    subject
        Who is signed in: the digest of a key, or a word of the caller's.
    now
        Seconds since 1970.
    seconds
        How long it is good for.

    Examples
    --------
    >>> read_cookie(b"secret", make_cookie(b"secret", "me", now=0, seconds=60), now=59)
    'me'
    """
    return _seal(secret, _COOKIE, subject, now + seconds)


def read_cookie(secret: bytes, value: str, now: int) -> str | None:
    """The subject of a cookie; None when it was not made with this secret, or is too old.

    >>> read_cookie(b"secret", make_cookie(b"other", "me", now=0, seconds=60), now=0) is None
    True
    """
    return _unseal(secret, _COOKIE, value, now)


def make_link_token(secret: bytes, subject: str, now: int, seconds: int) -> str:
    """A token for a link, as :func:`make_cookie`.

    That it is used once is for the caller to see to: ``subject`` is a random id to strike off.
    """
    return _seal(secret, _LINK, subject, now + seconds)


def read_link_token(secret: bytes, value: str, now: int) -> str | None:
    """The subject of a link's token, as :func:`read_cookie`."""
    return _unseal(secret, _LINK, value, now)


def _seal(secret: bytes, purpose: bytes, subject: str, expiry: int) -> str:
    payload = _encode(msgspec.json.encode((subject, expiry)))
    return f"{payload}.{_sign(secret, purpose, payload)}"


def _unseal(secret: bytes, purpose: bytes, value: str, now: int) -> str | None:
    payload, _, signature = value.partition(".")
    if not value.isascii() or len(value) > _LONGEST:
        return None
    if not hmac.compare_digest(signature, _sign(secret, purpose, payload)):
        return None
    subject, expiry = _decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return subject if now < expiry else None


def _sign(secret: bytes, purpose: bytes, payload: str) -> str:
    return _encode(hmac.digest(secret, purpose + b"\x00" + payload.encode(), "sha256"))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
