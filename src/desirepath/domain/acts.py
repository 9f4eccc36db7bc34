"""What was done with a document, as bits: sets of interaction types that a database can unite."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from desirepath.domain.interaction import QUERY_LEVEL_TYPES, SHOWN_TYPES, InteractionType

__all__ = [
    "ABOUT_QUERY",
    "CLICKED",
    "LEFT_AGAIN",
    "SAID_SHOWN",
    "SKIPPED",
    "TYPE_TO_BIT",
    "bits_of",
    "types_of",
]

TYPE_TO_BIT = {type.value: 1 << place for place, type in enumerate(InteractionType)}
"""The places of the enumeration are for ever: files hold these bits."""


@lru_cache(maxsize=4096)
def bits_of(types: str) -> int:
    """The bits of comma-joined types.

    >>> types_of(bits_of("click,view"))
    ('view', 'click')
    """
    return _united(types.split(","))


def types_of(bits: int) -> tuple[str, ...]:
    """The types of bits, in the order of the enumeration."""
    return tuple(type for type, bit in TYPE_TO_BIT.items() if bits & bit)


def _united(types: Iterable[str]) -> int:
    bits = 0
    for type in types:
        bits |= TYPE_TO_BIT[type]
    return bits


CLICKED = TYPE_TO_BIT["click"]
SKIPPED = TYPE_TO_BIT["skip"]
LEFT_AGAIN = TYPE_TO_BIT["return_to_results"]
SAID_SHOWN = _united(SHOWN_TYPES)
ABOUT_QUERY = _united(QUERY_LEVEL_TYPES)
