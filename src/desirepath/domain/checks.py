"""Checks that several kinds of drafts share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from desirepath.domain import clock, ids
from desirepath.domain.plain_json import MAX_INTEGER
from desirepath.errors import InvalidInput

__all__ = [
    "MAX_ID_BYTES",
    "Count",
    "Id",
    "below",
    "check_id",
    "check_plain_id",
    "check_time",
    "convert",
    "drop_foreign",
    "is_storable",
    "refuse_unknown",
]

MAX_ID_BYTES = 256

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
"""An identifier of the sender's: 1 to 256 bytes of UTF-8, compared byte by byte."""
Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]

T = TypeVar("T")

_PATH = re.compile(r" - at (?:`key` in )?`\$(?P<path>.*)`$")
_ANY_KEY = "[...]"
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")


def convert(values: object, kind: type[T], error: type[InvalidInput]) -> T:
    """Turn plain values into a checked one.

    Raises
    ------
    InvalidInput
        Of the given class. The message names types and limits, never what was sent.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as problem:
        message = str(problem)
        path = _PATH.search(message)
        location: tuple[str | int, ...] = ()
        if path:
            message = message[: path.start()]
            location = tuple(
                name or int(index)
                for name, index in _STEP.findall(path.group("path").partition(_ANY_KEY)[0])
            )
        if message.startswith("Invalid enum value"):
            message = "Not one of the allowed values"
        if message.startswith("Object contains unknown field"):  # and then its name
            message = "Unknown key"
        raise error(f"{message}.", location) from problem


@contextmanager
def below(*place: str | int) -> Iterator[None]:
    """Let what breaks a rule within this say where it lies, from further out."""
    try:
        yield
    except InvalidInput as error:
        error.location = (*place, *error.location)
        raise


def check_id(value: str | None, field: str, error: type[InvalidInput]) -> None:
    """Refuse an identifier that is blank or longer than 256 bytes (characters are not bytes)."""
    if value is None:
        return
    if not value.isascii() and len(value.encode()) > MAX_ID_BYTES:
        raise error(f"{field} is longer than {MAX_ID_BYTES} bytes.", (field,))
    if value.isspace():
        raise error(f"{field} is blank.", (field,))


def check_plain_id(value: str, field: str, error: type[InvalidInput]) -> None:
    """Refuse what no record can have as an identifier: of a text that nothing has checked yet."""
    if not is_storable(value) or not 0 < len(value.encode()) <= MAX_ID_BYTES:
        raise error(f"{field} is 1 to {MAX_ID_BYTES} bytes of UTF-8 without NUL.", (field,))
    check_id(value, field, error)


def is_storable(text: str) -> bool:
    """Whether a database can have a text at all: no NUL, no half of a character."""
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False


def check_time(value: str, field: str, error: type[InvalidInput]) -> int:
    """Read a time, in microseconds since 1970.

    Raises
    ------
    InvalidInput
        Of the given class, when it is not ISO 8601 or has no place in years 1 to 9999.
    """
    try:
        return clock.parse_time(value)
    except (ValueError, OverflowError) as problem:
        raise error(
            f"{field} is not an ISO 8601 time such as 2026-01-31T12:00:00Z.", (field,)
        ) from problem


def refuse_unknown(
    values: dict[str, Any], known: tuple[str, ...], error: type[InvalidInput], lenient: bool
) -> tuple[str, ...]:
    """Remove keys that are not known (lenient), or refuse them, naming the known ones.

    Returns
    -------
    tuple of str
        The names of the keys that were ignored.
    """
    if not values.keys() - known:
        return ()
    unknown = [key for key in values if key not in known]
    named = unknown[0] if ids.is_plain_id(unknown[0]) else ""
    if not lenient:
        raise error(
            f"Unknown key{' ' * bool(named)}{named}; the keys are {', '.join(known)}.",
            (named,) if named else (),
        )
    for key in unknown:
        del values[key]
    return tuple(key if ids.is_plain_id(key) else "(unprintable)" for key in unknown)


def drop_foreign(
    values: dict[str, Any],
    foreign: Mapping[str, tuple[object, ...]],
    error: type[InvalidInput],
    at: tuple[str | int, ...] = (),
) -> None:
    """Remove keys of the Mixpeek SDK that mean nothing here, as long as they say nothing.

    Parameters
    ----------
    foreign
        Name to the values that say nothing; null and empty ones never do.

    Raises
    ------
    InvalidInput
        Of the given class: one of them asks for something that is not there.
    """
    for name in foreign.keys() & values:
        value = values[name]
        if value is not None and value not in ({}, [], *foreign[name]):
            raise error(f"{name} is not available here; leave it out.", (*at, name))
        del values[name]
