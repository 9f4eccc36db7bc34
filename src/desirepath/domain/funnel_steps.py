"""The steps of a funnel."""

from __future__ import annotations

from desirepath.domain.interaction import INTERACTION_TYPES, QUERY_LEVEL_TYPES
from desirepath.errors import InvalidQuery

__all__ = ["DEFAULT_STEPS", "read_steps"]

DEFAULT_STEPS = ("impression", "click", "add_to_cart", "purchase")
_MOST = 10


def read_steps(text: str | None) -> tuple[str, ...]:
    """Comma-separated interaction types, the first of the funnel first.

    Raises
    ------
    InvalidQuery
        There are not 2 to 10, one is repeated, or one is no type of what is done with documents.

    Examples
    --------
    >>> read_steps("click, purchase")
    ('click', 'purchase')
    """
    if text is None:
        return DEFAULT_STEPS
    steps = tuple(step.strip() for step in text.split(",") if step.strip())
    known = [type for type in INTERACTION_TYPES if type not in QUERY_LEVEL_TYPES]
    if not 2 <= len(set(steps)) == len(steps) <= _MOST or not set(steps) <= set(known):
        raise InvalidQuery(f"steps are 2 to {_MOST} different ones of {', '.join(known)}.")
    return steps
