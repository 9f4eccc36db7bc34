"""How far draws stray from what is believed: less with experience, but never not at all."""

from __future__ import annotations

__all__ = ["effective_exploration"]


def effective_exploration(
    n_interactions: int, *, bonus: float, decay: float, floor: float
) -> float:
    """``max(floor, bonus · decay^n)``: the factor on the variance of draws.

    Examples
    --------
    >>> effective_exploration(0, bonus=1.0, decay=0.99, floor=0.1)
    1.0
    >>> effective_exploration(1_000, bonus=1.0, decay=0.99, floor=0.1)
    0.1
    """
    return max(floor, bonus * decay**n_interactions)
