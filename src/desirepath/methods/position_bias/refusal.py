"""When counts cannot answer, and how much more would.

Three things can be missing. Ranks that share no document, or none that was clicked, cannot be
compared at all. What comes from a handful of queries has no interval. And an interval may be wider
than what was asked for; it shrinks with the square root of the traffic, so the traffic that it
takes can be told.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from desirepath.errors import NotEnoughData
from desirepath.methods.position_bias.base import BoolArray, Propensities
from desirepath.methods.position_bias.tables import RankTable

__all__ = ["check_intervals", "check_ranks_compare"]

_FEWEST_DEGREES = 1.0


def check_ranks_compare(table: RankTable, *, precision: float, level: float) -> None:
    """Refuse counts by which some rank cannot be compared with rank 1.

    Each rank must be tied to every other by documents that were clicked at one and shown at the
    other, both ways, perhaps over ranks between them. Then, and only then, there is one answer.

    Raises
    ------
    NotEnoughData
        What is missing.

    References
    ----------
    Ford (1957), Solution of a Ranking Problem from Binary Comparisons (the condition).
    """
    needed = _clicks_needed(precision, level)
    n_pairs, n_ranks = table.n.shape
    moved = (table.n > 0.0).sum(axis=1) > 1
    if n_pairs == 0:
        raise _missing("Nothing was shown.", needed)
    if n_ranks == 1:
        raise _missing("Everything was shown at rank 1.", needed)
    if not table.c.any():
        raise _missing(f"None of {int(table.n.sum()):,} impressions was clicked.", needed)
    if not moved.any():
        why = (
            f"Each of {n_pairs:,} documents always stood at one rank, so nothing tells the rank"
            " from the document. Let results change places, by sampled weights or another ranker."
        )
        raise _missing(why, needed)
    apart = np.flatnonzero(~_tied_to_first(table))
    if apart.size:
        why = (
            f"Rank {apart[0] + 1} cannot be compared with rank 1: too few clicked documents stood"
            " at both, or between them. Ask for fewer ranks, or let results change places more."
        )
        raise _missing(why, needed, found=int(table.c[moved, apart[0]].sum()))


def check_intervals(found: Propensities, table: RankTable, *, precision: float) -> None:
    """Refuse what rests on too few queries, or is less sure than was asked for.

    Raises
    ------
    NotEnoughData
        What is missing.
    """
    freedom = found.degrees_of_freedom.min()
    if freedom < _FEWEST_DEGREES:
        raise NotEnoughData(
            "queries that tell as much as each other",
            needed=2,
            found=1,
            why="Too few queries tell ranks apart to say how sure that is.",
        )
    widest = int(np.argmax(found.half_widths))
    width = float(found.half_widths[widest])
    if width > precision:
        why = (
            f"The propensity of rank {widest + 1} is known to ±{_short(width)}, not ±{precision:g}."
        )
        reach = float(np.log(found.upper[widest] / found.values[widest]) * found.values[widest])
        more = _rounded_up(table.n_lists * max((reach / precision) ** 2, 1.05))
        what = "searches whose results move as now"
        raise NotEnoughData(what, needed=more, found=table.n_lists, why=why)


def _missing(why: str, needed: int, found: int = 0) -> NotEnoughData:
    what = "clicks at each rank on documents that were also shown at another"
    return NotEnoughData(what, needed=needed, found=found, why=why)


def _tied_to_first(table: RankTable) -> BoolArray:
    """Which ranks can be reached from the first and back, shape (K,)."""
    step = (table.c > 0.0).T.astype(np.float64) @ (table.n > 0.0) + np.eye(table.n.shape[1])
    reach = step > 0.0
    for _ in range(max(1, math.ceil(math.log2(len(reach))))):
        reach = reach.astype(np.float64) @ reach > 0.0
    return np.asarray(reach[0] & reach[:, 0])


def _clicks_needed(precision: float, level: float) -> int:
    """Clicks at each of two ranks for a ratio near 1: its variance is 1/clicks + 1/clicks."""
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    return _rounded_up(2.0 * (z / precision) ** 2)


def _rounded_up(count: float) -> int:
    """Up to two digits, as no more are known."""
    unit: int = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return math.ceil(count / unit) * unit


def _short(width: float) -> str:
    return f"{width:.2g}" if width < 1.0 else "1 or more"
