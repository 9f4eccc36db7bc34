"""Identifiers: a prefix and a UUIDv7, so that sorting by id is sorting by time.

The 60 bits of time after the prefix are milliseconds and 1/4096ths of one (RFC 9562, method 3 of
section 6.2), which makes the moment of recording part of the id: there is no second column that
could disagree with it, and "newest first" needs no index but the primary key.
"""

from __future__ import annotations

import os
import re
import struct
import threading

__all__ = ["NIL", "IdGenerator", "first_id_at", "format_id", "is_plain_id", "parse_id", "time_of"]

NIL = bytes(16)
_TICKS_PER_MS = 4096
_MAX_BACKWARD_TICKS = 10_000 * _TICKS_PER_MS
_RANDOM_BATCH = 512  # ids that a call to the operating system is good for
_HEX = re.compile(r"[0-9a-f]{32}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:\-]{1,80}")


class IdGenerator:
    """Makes UUIDv7s that rise within this process, thread-safe.

    A clock that slews back by less than ten seconds does not disturb the order. A larger step is
    somebody correcting the clock: ids follow it, because a timestamp that is wrong for a day is
    worse than an order that is.
    """

    def __init__(self) -> None:
        self._last = 0
        self._random = b""
        self._lock = threading.Lock()

    def next(self, now: int) -> bytes:
        """A new id for the moment ``now`` (microseconds since 1970), 16 bytes."""
        (id,) = self.take(now, 1)
        return id

    def take(self, now: int, count: int) -> list[bytes]:
        """Several new ids for one moment, rising."""
        ticks = now * _TICKS_PER_MS // 1000
        with self._lock:
            if self._last - _MAX_BACKWARD_TICKS < ticks <= self._last:
                ticks = self._last + 1
            self._last = ticks + count - 1
            missing = 8 * count - len(self._random)
            if missing > 0:
                self._random += os.urandom(missing + 8 * _RANDOM_BATCH)
            tails = struct.unpack_from(f">{count}Q", self._random)
            self._random = self._random[8 * count :]
        return [_pack(ticks + index, tail) for index, tail in enumerate(tails)]


def _pack(ticks: int, random: int) -> bytes:
    milliseconds, fraction = divmod(ticks, _TICKS_PER_MS)
    return (
        (milliseconds & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | fraction << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    ).to_bytes(16)


def time_of(id: bytes) -> int:
    """The moment in an id, in microseconds since 1970.

    >>> time_of(IdGenerator().next(1_700_000_000_123_456)) // 10
    170000000012345
    """
    milliseconds = int.from_bytes(id[:6])
    fraction = int.from_bytes(id[6:8]) & 0x0FFF
    return milliseconds * 1000 + (fraction * 1000 + _TICKS_PER_MS - 1) // _TICKS_PER_MS


def first_id_at(now: int) -> bytes:
    """The smallest id of a moment: ``id >= first_id_at(t)`` is "recorded at t or later"."""
    ticks = (max(now, 1) - 1) * _TICKS_PER_MS // 1000 + 1 if now > 0 else 0
    return _pack(min(ticks, (1 << 60) - 1), 0)


def format_id(prefix: str, id: bytes) -> str:
    """
    >>> format_id("int", NIL)
    'int_00000000000000000000000000000000'
    """
    return f"{prefix}_{id.hex()}"


def parse_id(prefix: str, text: str) -> bytes | None:
    """The 16 bytes of one of our ids; None when the text is none.

    >>> parse_id("int", "exec_00000000000000000000000000000000") is None
    True
    """
    head, _, tail = text.partition("_")
    if head != prefix or not _HEX.fullmatch(tail):
        return None
    return bytes.fromhex(tail)


def is_plain_id(text: str) -> bool:
    """Whether an id can be shown in a message without being somebody's prose or markup."""
    return _PLAIN.fullmatch(text) is not None
