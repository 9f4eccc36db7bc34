"""How often each document of a query was returned, and clicked, at each rank."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.groups import with_group
from desirepath.analysis.impressions import is_clicked
from desirepath.domain.grouping import Grouping

__all__ = ["LENGTHS", "rank_counts"]

LENGTHS = ((5, "1 to 5 results"), (10, "6 to 10 results"), (20, "11 to 20 results"))
"""Bands of the length of a list: the most results, and what it is called; then there are more."""


def rank_counts(counted: Table, grouping: Grouping | None, *, by_length: bool = False) -> Table:
    """Cells: ``retriever_id``, ``group``, ``query``, ``document_id``, ``rank``, ``n``, ``c``.

    Parameters
    ----------
    counted
        Impressions that rates are of.
    grouping
        What lists are told apart by, beside their retriever.
    by_length
        Whether by the band of their length instead.
    """
    rows = with_group(counted, grouping)
    if by_length:
        rows = rows.mutate(group=_length(rows.n_documents))
    return rows.group_by(
        "retriever_id", "group", "query", "document_id", rank=_.position.cast("int64") + 1
    ).agg(n=_.count(), c=is_clicked(rows).sum())


def _length(n_documents: Any) -> Any:
    cases = [(n_documents <= most, name) for most, name in LENGTHS]
    return ibis.cases(*cases, else_="more than 20 results")
