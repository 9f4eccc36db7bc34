"""Figures in words, as charts and their titles say them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from desirepath.engine.analysing.relevance import Coverage

__all__ = ["counted", "elapsed", "percent", "shortened", "told_of"]

_BASIS = {
    "shown": "documents shown",
    "returned": "documents returned (no impressions are sent)",
    "mixed": "documents shown, or returned where no impressions are sent",
    "none": "documents",
}


def percent(share: float) -> str:
    """A share, as exact as one reads it.

    >>> percent(0.1234), percent(0.0123), percent(0.0004), percent(0.0), percent(1.0)
    ('12%', '1.2%', 'under 0.1%', '0%', '100%')
    """
    if share in (0, 1) or share >= 0.1:
        return f"{min(share, 0.99 if share < 1 else share):.0%}"
    return "under 0.1%" if share < 0.001 else f"{share:.1%}"


def counted(n: int, noun: str) -> str:
    """A count and what it counts.

    >>> counted(1, "search"), counted(1200, "search")
    ('1 search', '1,200 searches')
    """
    plural = "queries" if noun == "query" else noun + ("es" if noun.endswith("ch") else "s")
    return f"{n:,} {noun if n == 1 else plural}"


def elapsed(seconds: float) -> str:
    """A time as people say it.

    >>> elapsed(0.4), elapsed(12.0), elapsed(200.0), elapsed(4000.0), elapsed(200_000.0)
    ('0.4 s', '12 s', '3 min', '1 h 7 min', '2 d 7 h')
    """
    if seconds < 1:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def shortened(text: str, length: int) -> str:
    """A text that somebody sent, on one line of so many letters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def told_of(coverage: Coverage) -> Iterator[str]:
    """What a chart is made from, line by line, and what to know before reading it."""
    line = (
        f"{coverage.impressions:,} {_BASIS[coverage.basis]}, {coverage.clicked:,} of them clicked"
    )
    line += f", in {counted(coverage.executions, 'search')}" if coverage.executions else ""
    if coverage.first_at is not None and coverage.last_at is not None:
        line += f"; {_day(coverage.first_at)} – {_day(coverage.last_at)} (UTC)"
    yield line + "."
    if coverage.n_flagged:
        yield (
            f"Without {coverage.n_flagged:,} identities that look like robots: "
            f"{percent(coverage.flagged_share)} of the interactions."
        )
    yield from coverage.notes


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"
