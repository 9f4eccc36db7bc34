"""Rows of searches and impressions, told apart by one thing that their searches have."""

from __future__ import annotations

from typing import Any

import ibis
from ibis.expr.types import Table

from desirepath.analysis.log import metadata_text
from desirepath.domain.grouping import DAY, HOUR, Grouping

__all__ = ["NO_GROUP", "with_group"]

NO_GROUP = ""
"""The group of rows that lack what they are told apart by."""


def with_group(table: Table, grouping: Grouping | None) -> Table:
    """The rows with a text ``group``; days and hours are numbered from 1970 on."""
    return table.mutate(group=_group(table, grouping))


def _group(table: Table, grouping: Grouping | None) -> Any:
    if grouping is None:
        return ibis.literal(NO_GROUP)
    if grouping.path is not None:
        return metadata_text(table.metadata, grouping.path).fill_null(NO_GROUP)
    if grouping.by in ("day", "hour"):
        length = DAY if grouping.by == "day" else HOUR
        return (table.occurred_at / length).floor().cast("int64").cast("string")
    return table[grouping.by].cast("string").fill_null(NO_GROUP)
