"""The part of the log that a question is about."""

from __future__ import annotations

from typing import Any

from ibis.expr.types import Table
from msgspec import Struct

from desirepath.analysis.engines import AnalysisEngine
from desirepath.analysis.log import Log
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import OpenLog

__all__ = ["Part", "part_of"]


class Part(Struct, frozen=True, kw_only=True, eq=False):
    """What is asked, without the identities that look like robots if they are to be left out.

    Parameters
    ----------
    n_flagged
        How many identities were left out.
    flagged_share
        Which share of the interactions were theirs; 0 where nobody was left out.
    """

    log: Log
    engine: AnalysisEngine
    n_flagged: int = 0
    flagged_share: float = 0.0

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Work out an expression, row by row; for short answers."""
        found: list[dict[str, Any]] = self.engine.arrow(table).to_pylist()
        return found


def part_of(opened: OpenLog, scope: Scope) -> Part:
    """The part of an open log that a question is about."""
    return Part(log=opened.log.within(scope), engine=opened.engine)
