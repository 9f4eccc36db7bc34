"""Which identities look like robots, so that questions leave them out."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
from ibis.expr.types import Table
from msgspec import Struct

from desirepath.analysis import robots
from desirepath.analysis.engines import AnalysisEngine
from desirepath.analysis.log import Log

__all__ = ["BY_TIME", "LEAST_CROWD", "Flagged", "Flags", "as_table", "find_flagged"]

BY_TIME = frozenset({"clicks_at_once", "inhuman_rate", "regular_clicks"})
"""Marks that mean something only where the log has the times of people."""

LEAST_CROWD = 20
_FEW = 0.1


class Flagged(Struct, frozen=True, kw_only=True):
    """An identity (a user, or a session of no user) that no person is, and what marks it."""

    identity: str
    marks: tuple[str, ...]


class Flags(Struct, frozen=True, kw_only=True):
    """Who looks like a robot in a log.

    Parameters
    ----------
    identities
        By name.
    mark_to_doubt
        Marks that somebody had and that count for nothing in this log, and why.
    """

    identities: tuple[Flagged, ...] = ()
    mark_to_doubt: dict[str, str] = {}


def find_flagged(log: Log, engine: AnalysisEngine) -> Flags:
    """The identities of a whole log that look like robots.

    A mark that is common says something about the log, and nothing about anybody: one that over a
    tenth of all who click have marks nobody. Nor does one by time where over a tenth of the others
    click their lists in no time, or any mark where fewer than twenty others click.

    Parameters
    ----------
    log
        All of it, rather than what a question is about.
    """
    names = engine.arrow(robots.busiest(log)).column("identity").to_pylist()
    rows = engine.arrow(robots.marks(log, names)).to_pylist() if names else []
    if not rows:
        return Flags()
    mark_to_names: dict[str, set[str]] = {}
    for row in rows:
        mark_to_names.setdefault(row["mark"], set()).add(row["identity"])
    (crowd,) = engine.arrow(robots.crowd(log)).to_pylist()
    n_at_once = len(mark_to_names.get("clicks_at_once", ()))
    mark_to_doubt = {
        mark: doubt
        for mark, marked in mark_to_names.items()
        if (doubt := _doubt(mark, len(marked), n_at_once, crowd)) is not None
    }
    name_to_marks: dict[str, list[str]] = {}
    for mark in sorted(mark_to_names.keys() - mark_to_doubt.keys()):
        for name in mark_to_names[mark]:
            name_to_marks.setdefault(name, []).append(mark)
    return Flags(
        identities=tuple(
            Flagged(identity=name, marks=tuple(marks))
            for name, marks in sorted(name_to_marks.items())
        ),
        mark_to_doubt=mark_to_doubt,
    )


def _doubt(mark: str, n_marked: int, n_at_once: int, crowd: Mapping[str, int]) -> str | None:
    """Why a mark counts for nothing; None: it counts."""
    if crowd["n"] <= LEAST_CROWD:
        return f"It takes {LEAST_CROWD} others who click, to compare with."
    if n_marked > _FEW * crowd["n"]:
        return "Over a tenth of all who click do it, so that it sets nobody apart."
    others = crowd["n_timed"] - n_at_once
    quick = crowd["n_in_no_time"] - n_at_once
    if mark in BY_TIME and (others < LEAST_CROWD or quick > _FEW * others):
        return (
            "It takes the times of people: here too few lists have times, or over a tenth of all "
            "click them in no time, as where a log is replayed, simulated or recorded in batches."
        )
    return None


def as_table(flagged: tuple[Flagged, ...]) -> Table:
    """Their ``identity``, as an expression that both engines take; there is at least one."""
    return ibis.array([one.identity for one in flagged]).unnest().name("identity").as_table()
