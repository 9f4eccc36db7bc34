"""Which identities look like robots, so that questions leave them out."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table
from msgspec import Struct

from desirepath.analysis import robots
from desirepath.analysis.engines import AnalysisEngine
from desirepath.analysis.log import Log

__all__ = ["BY_TIME", "LEAST_CROWD", "Flagged", "as_table", "flagged_identities"]

BY_TIME = frozenset({"clicks_at_once", "inhuman_rate", "regular_clicks"})
"""Marks that mean something only where the log has the times of people."""

LEAST_CROWD = 20
_FEW = 0.1


class Flagged(Struct, frozen=True, kw_only=True):
    """An identity (a user, or a session of no user) that no person is, and what marks it."""

    identity: str
    marks: tuple[str, ...]


def flagged_identities(log: Log, engine: AnalysisEngine) -> tuple[Flagged, ...]:
    """The identities of a whole log that look like robots.

    A mark that is common says something about the log, and nothing about anybody: one that over a
    tenth of all who click have marks nobody. So does one by time where over a tenth of the others
    click lists in no time, and any mark where fewer than twenty others click.

    Parameters
    ----------
    log
        All of it, rather than what a question is about.
    """
    names = engine.arrow(robots.busiest(log)).column("identity").to_pylist()
    if not names:
        return ()
    rows = engine.arrow(robots.marks(log, names)).to_pylist()
    if not rows:
        return ()
    mark_to_names: dict[str, set[str]] = {}
    for row in rows:
        mark_to_names.setdefault(row["mark"], set()).add(row["identity"])
    (crowd,) = engine.arrow(robots.crowd(log)).to_pylist()
    quick = mark_to_names.get("clicks_at_once", set())
    others, quick_others = crowd["n_timed"] - len(quick), crowd["n_in_no_time"] - len(quick)
    name_to_marks: dict[str, list[str]] = {}
    for mark, marked in sorted(mark_to_names.items()):
        is_common = len(marked) > _FEW * crowd["n"]
        is_doubtful = mark in BY_TIME and (
            others < LEAST_CROWD or quick_others > _FEW * others
        )
        if crowd["n"] - len(marked) >= LEAST_CROWD and not is_common and not is_doubtful:
            for name in marked:
                name_to_marks.setdefault(name, []).append(mark)
    return tuple(
        Flagged(identity=name, marks=tuple(marks)) for name, marks in sorted(name_to_marks.items())
    )


def as_table(flagged: tuple[Flagged, ...]) -> Table:
    """Their ``identity``, as an expression that both engines take as it is; there is at least one."""
    return ibis.array([one.identity for one in flagged]).unnest().name("identity").as_table()
