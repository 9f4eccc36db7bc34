"""Time as the engine sees it: integers of microseconds, and who says what time it is."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

__all__ = [
    "MICROSECONDS",
    "Clock",
    "SystemClock",
    "format_time",
    "from_datetime",
    "parse_time",
    "to_datetime",
]

MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAP_SECOND = re.compile(r"^(.{11}\d\d:\d\d):60")
_LONGEST = 40  # characters; the longest ISO 8601 time anyone writes is shorter


class Clock(Protocol):
    """Says what time it is, so that tests can."""

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> int:
        return time.time_ns() // 1000


def from_datetime(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC; a naive time is UTC.

    Raises
    ------
    ValueError
        The time lies outside years 1 to 9999 in UTC.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    try:
        to_datetime(microseconds)  # e.g. 0001-01-01T00:00+14:00 has no UTC time
    except OverflowError as error:
        raise ValueError("time out of range") from error
    return microseconds


def to_datetime(microseconds: int) -> datetime:
    """The aware UTC time."""
    return _EPOCH + timedelta(microseconds=microseconds)


def parse_time(text: str) -> int:
    """Read an ISO 8601 time; naive is UTC, a bare date is its midnight, a leap second is :59.

    Examples
    --------
    >>> parse_time("1970-01-01T00:00:01Z")
    1000000
    >>> parse_time("1970-01-01T01:00:01+01:00") == parse_time("1970-01-01T00:00:01")
    True

    Raises
    ------
    ValueError
        Not ISO 8601, or outside years 1 to 9999 in UTC.
    """
    if len(text) > _LONGEST:
        raise ValueError("not an ISO 8601 time")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.fromisoformat(_LEAP_SECOND.sub(r"\1:59", text))
    return from_datetime(moment)


def format_time(microseconds: int) -> str:
    """ISO 8601 in UTC with microseconds.

    >>> format_time(1_000_000)
    '1970-01-01T00:00:01.000000Z'
    """
    seconds, rest = divmod(microseconds, MICROSECONDS)
    return f"{_format_second(seconds)}.{rest:06d}Z"


@lru_cache(maxsize=4096)
def _format_second(seconds: int) -> str:
    """Times that are written together mostly share their second."""
    return to_datetime(seconds * MICROSECONDS).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
