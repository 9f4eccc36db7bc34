"""Times as files write them: ISO 8601, or a number since 1970 whose unit its size gives away."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from desirepath.domain import clock

__all__ = ["parse_iso", "read_time"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 40
_UNITS = ((1e11, "s", 1_000_000), (1e14, "ms", 1_000), (1e17, "us", 1))
_NANOSECOND = "ns"


def parse_iso(text: str) -> int:
    """:func:`~desirepath.domain.clock.parse_time`, quicker for the times that files are full of.

    >>> parse_iso("1970-01-01T00:00:01Z")
    1000000

    Raises
    ------
    ValueError
        Not ISO 8601, or outside years 1 to 9999 in UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return clock.parse_time(text)
    if moment.tzinfo is None or not 1 < moment.year < 9999 or len(text) > _LONGEST:
        return clock.parse_time(text)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def read_time(value: object) -> tuple[int, str]:
    """A time in microseconds since 1970, and how it was written.

    A number below 10¹¹ is seconds, below 10¹⁴ milliseconds, below 10¹⁷ microseconds, else
    nanoseconds: each unit is told from the others for times from 1973 to 5138.

    Examples
    --------
    >>> read_time("1636993839000")
    (1636993839000000, 'ms')
    >>> read_time(1636993839)
    (1636993839000000, 's')
    >>> read_time("2021-11-15T16:30:39Z")
    (1636993839000000, 'iso')

    Raises
    ------
    ValueError
        It is no time.
    """
    if isinstance(value, datetime):
        return clock.from_datetime(value), "iso"
    if isinstance(value, date):
        return clock.parse_time(value.isoformat()), "iso"
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a time")
    return _from_number(value)


def _read_text(text: str) -> tuple[int, str]:
    text = text.strip()
    digits = text.removeprefix("-")
    if digits.isdecimal() and digits.isascii() and len(digits) != len("20260131"):
        return _from_number(int(text))
    if digits.replace(".", "", 1).isdecimal() and digits.isascii() and "." in digits:
        return _from_number(float(text))
    return parse_iso(text), "iso"


def _from_number(number: float) -> tuple[int, str]:
    found = next(((unit, factor) for limit, unit, factor in _UNITS if abs(number) < limit), None)
    if found is None:
        unit, microseconds = _NANOSECOND, round(number) // 1000
    else:
        unit, microseconds = found[0], round(number * found[1])
    try:
        clock.to_datetime(microseconds)
    except OverflowError as error:
        raise ValueError("time out of range") from error
    return microseconds, unit
