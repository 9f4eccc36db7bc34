"""From a source's event names to interaction types."""

from __future__ import annotations

from collections.abc import Mapping

from desirepath.domain.interaction import INTERACTION_TYPES

__all__ = ["QUERY_FEATURE", "EventNames"]

QUERY_FEATURE = "_query"
"""The feature_id of what is about the query and not about a document."""

_TYPES = frozenset(INTERACTION_TYPES)


class EventNames:
    """Knows the names it was given and, in any case and with spaces or hyphens, our own.

    Parameters
    ----------
    type_map
        The source's name to an interaction type; it beats our own names. The empty name stands
        for rows that name no event: ``{"": "click"}`` reads a log of nothing but clicks.

    Examples
    --------
    >>> names = EventNames({"buy": "purchase"})
    >>> names.type_of("buy"), names.type_of("Add-To-Cart"), names.type_of("hover")
    ('purchase', 'add_to_cart', None)
    """

    def __init__(self, type_map: Mapping[str, str]) -> None:
        self._type_map = type_map

    def type_of(self, name: str) -> str | None:
        """The type; None when the name means nothing here."""
        mapped = self._type_map.get(name)
        if mapped is not None:
            return mapped
        own = name.strip().casefold().replace(" ", "_").replace("-", "_")
        return own if own in _TYPES else None
