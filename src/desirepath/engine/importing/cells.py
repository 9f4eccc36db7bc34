"""Cells of foreign tables as the values our fields take: every format writes them differently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from desirepath.domain.plain_json import decode_json
from desirepath.errors import InvalidInput

__all__ = [
    "as_flag",
    "as_integer",
    "as_list",
    "as_number",
    "as_numbers",
    "as_object",
    "as_text",
    "is_missing",
    "plain",
]

_TRUE = frozenset({"1", "1.0", "true", "t", "yes", "y"})
_FALSE = frozenset({"0", "0.0", "false", "f", "no", "n"})


def is_missing(value: object) -> bool:
    """Whether a cell says nothing: null, an empty text, or a table tool's NaN."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def as_text(value: object, field: str) -> str | None:
    """An identifier; numbers are written out, since many tables hold ids as numbers."""
    if isinstance(value, str):
        return value or None
    if is_missing(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    raise InvalidInput(f"{field} is not a text.", (field,))


def as_integer(value: object, field: str) -> int | None:
    if is_missing(value):
        return None
    number = as_number(value, field)
    if number is None or not float(number).is_integer():
        raise InvalidInput(f"{field} is not a whole number.", (field,))
    return int(number)


def as_number(value: object, field: str) -> float | None:
    """A finite number, also one that is written as a text."""
    if is_missing(value):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        number: float = value
    else:
        try:
            text = str(value).strip()
            number = int(text) if text.lstrip("+-").isdecimal() else float(text)
        except ValueError as error:
            raise InvalidInput(f"{field} is not a number.", (field,)) from error
    if isinstance(number, float) and not math.isfinite(number):
        raise InvalidInput(f"{field} is not a finite number.", (field,))
    return number


def as_flag(value: object, field: str) -> bool:
    """Whether something happened; a number says how often."""
    if is_missing(value):
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return value > 0
    text = str(value).strip().casefold()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    number = as_number(text, field)
    return number is not None and number > 0


def as_object(value: object, field: str) -> dict[str, Any] | None:
    """An object, also one that is written as JSON in a cell."""
    if is_missing(value):
        return None
    value = _from_json(value, field)
    if isinstance(value, list) and all(isinstance(pair, tuple) for pair in value):
        value = dict(value)  # how Arrow gives a map
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{field} is not an object.", (field,))
    return {str(name): plain(item) for name, item in value.items()}


def as_list(value: object, field: str) -> list[Any] | None:
    """A list, also one that is written as JSON in a cell."""
    if is_missing(value):
        return None
    value = _from_json(value, field)
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{field} is not a list.", (field,))
    return list(value)


def as_numbers(value: object, field: str) -> dict[str, float] | None:
    """Numbers by name; names without one are left out."""
    values = as_object(value, field)
    if not values:
        return None
    numbers = {name: as_number(item, field) for name, item in values.items()}
    return {name: number for name, number in numbers.items() if number is not None} or None


def plain(value: Any) -> Any:
    """A cell's value in JSON's types."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _from_json(value: object, field: str) -> object:
    if not isinstance(value, str):
        return value
    try:
        return decode_json(value.encode())
    except (InvalidInput, UnicodeEncodeError) as error:
        raise InvalidInput(f"{field} is not JSON.", (field,)) from error
