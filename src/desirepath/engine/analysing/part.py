"""The part of the log that a question is about."""

from __future__ import annotations

from typing import Any

from ibis import _
from ibis.expr.types import Table
from msgspec import Struct

from desirepath.analysis.engines import AnalysisEngine
from desirepath.analysis.log import Log, identity_of
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.analysing.flagging import Flagged, as_table, find_flagged

__all__ = ["Part", "part_of"]


class Part(Struct, frozen=True, kw_only=True, eq=False):
    """What is asked, without the identities that look like robots if they are to be left out.

    Parameters
    ----------
    n_flagged
        How many identities were left out.
    flagged_share
        Which share of the interactions were theirs; 0 where nobody was left out.
    whole
        All of the log, robots included; None: ``log`` is that.
    """

    log: Log
    engine: AnalysisEngine
    n_flagged: int = 0
    flagged_share: float = 0.0
    whole: Log | None = None

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Work out an expression, row by row; for short answers."""
        found: list[dict[str, Any]] = self.engine.arrow(table).to_pylist()
        return found


def part_of(opened: OpenLog, scope: Scope) -> Part:
    """The part of an open log that a question is about.

    Who looks like a robot is seen in the whole log, whatever part of it is asked for.
    """
    log, engine = opened.log.within(scope), opened.engine
    flagged = find_flagged(opened.log, engine).identities if scope.exclude_flagged else ()
    if not flagged:
        return Part(log=log, engine=engine, whole=opened.log)
    n_flagged, share = _amount(log, engine, flagged)
    return Part(
        log=log.without(as_table(flagged)),
        engine=engine,
        n_flagged=n_flagged,
        flagged_share=share,
        whole=opened.log,
    )


def _amount(log: Log, engine: AnalysisEngine, flagged: tuple[Flagged, ...]) -> tuple[int, float]:
    """How many of the flagged are in a part of the log, with which share of its interactions."""
    identities = identity_of(log.interactions)
    names = [one.identity for one in flagged]
    is_theirs = identities.isin(names).fill_null(False)
    counted = log.interactions.mutate(identity=identities, is_theirs=is_theirs).aggregate(
        n=_.count(),
        n_theirs=_.count(where=_.is_theirs),
        n_identities=_.identity.nunique(where=_.is_theirs),
    )
    (row,) = engine.arrow(counted).to_pylist()
    return row["n_identities"], row["n_theirs"] / row["n"] if row["n"] else 0.0
