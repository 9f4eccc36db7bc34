"""What a visit can come to."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["OUTCOMES", "VisitOutcome"]

VisitOutcome = Literal["purchase", "add_to_cart", "click", "found_nothing", "no_click", "no_search"]

OUTCOMES: tuple[VisitOutcome, ...] = get_args(VisitOutcome)
"""The most first; a visit is the first of them that is true of it."""
