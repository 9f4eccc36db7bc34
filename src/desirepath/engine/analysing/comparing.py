"""A part of the log, and the one that it is compared with."""

from __future__ import annotations

from collections.abc import Sequence

from ibis.expr.types import Table
from msgspec import Struct

from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.analysing.part import Part, part_of

__all__ = ["Compared", "compared", "with_before"]

BEFORE = "before_"


class Compared(Struct, frozen=True, kw_only=True, eq=False):
    """What is asked of, and what is compared with, if anything is."""

    part: Part
    earlier: Part | None = None


def compared(opened: OpenLog, scope: Scope, earlier: Scope | None = None) -> Compared:
    """Two parts of an open log."""
    return Compared(
        part=part_of(opened, scope),
        earlier=None if earlier is None else part_of(opened, earlier),
    )


def with_before(table: Table, earlier: Table, keys: Sequence[str]) -> Table:
    """Rows with the columns of their like in an earlier period, named ``before_…``.

    What is missing there is null. Keys have no null.
    """
    renamed = earlier.rename(
        {f"{BEFORE}{name}": name for name in earlier.columns if name not in keys}
    )
    joined = table.left_join(renamed, list(keys))
    return joined.drop(*(f"{key}_right" for key in keys))
