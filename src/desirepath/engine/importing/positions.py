"""What a source calls the first position: 0 or 1."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["PositionStats"]

_ENOUGH = 10
"""Clicks of which none was on the first result before that says something about the base."""


class PositionStats(Struct):
    """What is known of a source's positions.

    Nobody writes which base they count from, but somebody always acts on the first result: a
    source with a 0 counts from 0, and one whose lowest position is 1 counts from 1, provided that
    what was shown is listed (lists begin at the top) or that there are enough clicks.

    Parameters
    ----------
    n
        How many positions were seen.
    lowest
        The lowest of them.
    shown_first
        Whether a result that was *shown* stood at position 1.

    Examples
    --------
    >>> PositionStats(n=3, lowest=1, shown_first=True).guess()
    1
    >>> PositionStats(n=3, lowest=1).guess()
    0
    """

    n: int = 0
    lowest: int | None = None
    shown_first: bool = False

    def add(self, position: int, *, shown: bool = False) -> None:
        self.n += 1
        if self.lowest is None or position < self.lowest:
            self.lowest = position
        if shown and position == 1:
            self.shown_first = True

    def guess(self) -> int:
        """The base; 0, which is ours, when in doubt."""
        if self.lowest != 1:
            return 0
        return 1 if self.shown_first or self.n >= _ENOUGH else 0
