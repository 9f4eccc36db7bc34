"""One order for all JSON values, so that anything can be sorted by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from desirepath.domain.plain_json import canonical_json

__all__ = ["order_key", "sorted_by"]

T = TypeVar("T")


def order_key(value: object) -> tuple[int, Any] | None:
    """Booleans before numbers, times, texts and the rest; None for null, which has no place.

    >>> sorted([{"a": 1}, "b", 2, True, 0.5], key=order_key)
    [True, 0.5, 2, 'b', {'a': 1}]
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return (0, int(value))
    if isinstance(value, int | float):
        return (1, value)
    if isinstance(value, datetime):
        return (2, value)
    if isinstance(value, str):
        return (3, value)
    return (4, canonical_json(value))


def sorted_by(
    items: Iterable[T], value_of: Callable[[T], object], *, descending: bool
) -> tuple[list[T], list[T]]:
    """Items with a value in order, and those without; equal ones stay as they came.

    >>> sorted_by([3, None, 5], lambda item: item, descending=True)
    ([5, 3], [None])
    """
    keyed = [(order_key(value_of(item)), item) for item in items]
    present = [(key, item) for key, item in keyed if key is not None]
    present.sort(key=lambda pair: pair[0], reverse=descending)
    return [item for _, item in present], [item for key, item in keyed if key is None]
