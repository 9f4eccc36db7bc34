"""A comparison in words, for who has to decide."""

from __future__ import annotations

from desirepath.methods.interleaving.comparing import Comparison, Outcome

__all__ = ["interleaved_in_words", "split_in_words"]

_OUTCOME_TO_WORDS = {
    Outcome.CHALLENGER: "The challenger is ahead",
    Outcome.LIVE: "The live retriever is ahead",
    Outcome.ALIKE: "They do not differ by as much as matters",
    Outcome.OPEN: "Nobody is surely ahead",
}


def interleaved_in_words(comparison: Comparison) -> str:
    """Say who earns more of the credit that sessions gave.

    Examples
    --------
    >>> from desirepath.methods.interleaving.comparing import compare_interleaved
    >>> import numpy as np
    >>> said = interleaved_in_words(compare_interleaved(np.array([1.0, 1.0, -1.0, 1.0] * 25)))
    >>> print(said.replace(", by", ",\\nby"))
    The challenger is ahead: it earns 75.0 % of the credit (95 % interval 58.2 % to 87.5 %),
    by 100 of 100 sessions. You may stop.
    """
    c = comparison
    if not c.n:
        return _nothing(c, "sessions")
    share, low, high = (f"{50 * (1 + end):.1f} %" for end in (c.difference, c.low, c.high))
    subject = "it" if c.outcome is Outcome.CHALLENGER else "the challenger"
    return (
        f"{_OUTCOME_TO_WORDS[c.outcome]}: {subject} earns {share} of the credit "
        f"({100 * c.level:g} % interval {low} to {high}), by {c.n:,} of {c.n_all:,} sessions. "
        f"{_advice(c, 'sessions')}"
    )


def split_in_words(comparison: Comparison) -> str:
    """Say whose users earn more, in units of reward."""
    c = comparison
    if not c.n:
        return _nothing(c, "users")
    subject = "its" if c.outcome is Outcome.CHALLENGER else "the challenger's"
    return (
        f"{_OUTCOME_TO_WORDS[c.outcome]}: {subject} users earn {c.difference:+.4f} "
        f"({100 * c.level:g} % interval {c.low:+.4f} to {c.high:+.4f}) beside those of the live "
        f"retriever, by {c.n:,} users. {_advice(c, 'users')}"
    )


def _nothing(comparison: Comparison, units: str) -> str:
    return f"Nothing is known yet: none of {comparison.n_all:,} {units} has an opinion."


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
