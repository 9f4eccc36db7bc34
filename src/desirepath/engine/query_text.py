"""How a query is named where people read of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["first_text"]


def first_text(inputs: Mapping[str, Any]) -> str | None:
    """The text that was searched for: ``query``, ``q`` or ``text``, else the first there is.

    >>> first_text({"limit": 10, "terms": " red shoes"})
    'red shoes'
    """
    texts = (inputs.get(key) for key in ("query", "q", "text"))
    for value in (*texts, *inputs.values()):
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None
