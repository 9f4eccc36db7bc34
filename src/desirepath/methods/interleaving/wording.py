"""A comparison in words, for who has to decide."""

from __future__ import annotations

from enum import StrEnum

from desirepath.methods.interleaving.comparing import Comparison, ExperimentOutcome

__all__ = ["Unit", "in_words"]


class Unit(StrEnum):
    """What a comparison counts: sessions that see both, or users who see one of both."""

    SESSION = "session"
    USER = "user"


_OUTCOME_TO_WORDS = {
    ExperimentOutcome.CHALLENGER: "The challenger is ahead.",
    ExperimentOutcome.LIVE: "The live retriever is ahead.",
    ExperimentOutcome.ALIKE: "They do not differ by as much as matters.",
    ExperimentOutcome.OPEN: "Nobody is surely ahead.",
}
_UNIT_TO_SUBJECT = {
    Unit.SESSION: "In a session with an opinion the challenger's results earn",
    Unit.USER: "A user of the challenger earns",
}


def in_words(comparison: Comparison, unit: Unit) -> str:
    """Say who is ahead, by how much, and whether one may stop.

    Examples
    --------
    >>> from desirepath.methods.interleaving.comparing import compare_interleaved
    >>> import numpy as np
    >>> compared = compare_interleaved(np.array([1.0, 1.0, -1.0, 1.0] * 25))
    >>> print(in_words(compared, Unit.SESSION).replace(". ", ".\\n"))
    The challenger is ahead.
    In a session with an opinion the challenger's results earn 0.500 more (95 % interval \
+0.071 to +0.917), by 100 of 100 sessions.
    You may stop.
    """
    c = comparison
    units = f"{unit}s"
    if not c.n:
        return f"Nothing is known yet: none of {c.n_all:,} {units} has an opinion."
    counted = f"{c.n:,} of {c.n_all:,}" if unit is Unit.SESSION else f"{c.n:,}"
    return (
        f"{_OUTCOME_TO_WORDS[c.outcome]} {_UNIT_TO_SUBJECT[unit]} {abs(c.difference):.3f} "
        f"{'less' if c.difference < 0 else 'more'} ({100 * c.level:g} % interval {c.low:+.3f} to "
        f"{c.high:+.3f}), by {counted} {units}. {_advice(c, units)}"
    )


def _advice(comparison: Comparison, units: str) -> str:
    if comparison.may_stop:
        return "You may stop."
    if comparison.n_more is None:
        return "Do not stop yet; so far they look so alike that no number of more would tell."
    return (
        f"Do not stop yet; about {_rounded(comparison.n_more):,} more {units} would tell, if the "
        "difference stays as it looks."
    )


def _rounded(count: int) -> int:
    """To two digits: more would be made up."""
    return int(float(f"{count:.1e}"))
