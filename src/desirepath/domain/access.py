"""API keys: what they look like, what each kind may do, and how one is recognised."""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from enum import StrEnum

from msgspec import Struct

__all__ = ["Access", "Key", "KeyKind", "allowed", "hash_token", "is_mistyped", "make_token"]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH = 30  # 30 of 62 characters: 178 bits
_CHECKSUM_LENGTH = 6
_TOKEN = re.compile(rf"dp_(admin|server|read|public)_([0-9A-Za-z]{{{_SECRET_LENGTH}}})(\w{{6}})")


class KeyKind(StrEnum):
    """What a key is for."""

    ADMIN = "admin"
    SERVER = "server"
    READ = "read"
    PUBLIC = "public"


class Access(StrEnum):
    """What an endpoint needs."""

    ADMIN = "admin"
    WRITE = "write"
    READ = "read"
    RECORD = "record"


_GRANTS: dict[KeyKind, frozenset[Access]] = {
    KeyKind.ADMIN: frozenset(Access),
    KeyKind.SERVER: frozenset({Access.WRITE, Access.READ, Access.RECORD}),
    KeyKind.READ: frozenset({Access.READ}),
    KeyKind.PUBLIC: frozenset(),
}


class Key(Struct, frozen=True, kw_only=True):
    """A key as it is stored: never the key itself.

    ``namespace`` is None for admin keys, which belong to the instance.
    """

    key_id: str
    kind: KeyKind
    namespace: int | None
    name: str
    created_at: int
    revoked_at: int | None = None


def allowed(kind: KeyKind, access: Access) -> bool:
    """
    >>> allowed(KeyKind.READ, Access.RECORD)
    False
    """
    return access in _GRANTS[kind]


def make_token(kind: KeyKind) -> str:
    """A new key: ``dp_<kind>_<30 random characters><checksum>``."""
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    return f"dp_{kind.value}_{secret}{_checksum(secret)}"


def hash_token(token: str) -> bytes:
    """What is stored of a key. A fast hash is right: the secret is random, not a password."""
    return hashlib.sha256(token.encode()).digest()


def is_mistyped(token: str) -> bool:
    """Whether a token looks like one of ours and its checksum is wrong: no look-up needed."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return token.startswith("dp_")
    return _checksum(match.group(2)) != match.group(3)


def _checksum(secret: str) -> str:
    number = zlib.crc32(secret.encode())
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
