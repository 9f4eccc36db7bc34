"""Queries, and what came of their searches."""

from __future__ import annotations

from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.groups import with_group
from desirepath.analysis.log import Log
from desirepath.analysis.searches import searches
from desirepath.domain.grouping import Grouping

__all__ = ["NO_TEXT", "query_counts"]

NO_TEXT = ""
"""The query of searches without a text."""


def query_counts(log: Log, grouping: Grouping | None = None) -> Table:
    """Counts of each query.

    Returns
    -------
    Table
        ``group``, ``query``, and of its searches: ``searches``, ``found_nothing``, ``known``,
        ``refined`` (of the known ones), ``with_results`` (of which it would be known if nobody
        had acted), and of these ``clicked``, ``abandoned``, ``skipped``, ``left``; ``impressions``
        and ``clicks`` that rates count; ``refinements`` (events); ``documents_clicked``, and the
        sums of their ``ranks`` and ``ranks_squared``; ``waits``, and the sums of the ``seconds``
        and ``seconds_squared`` to the first click.
    """
    rows = with_group(searches(log), grouping)
    rows = rows.mutate(
        query=rows["query"].fill_null(NO_TEXT),
        has_results=rows.is_observed & (rows.n_results.fill_null(1) > 0),
        seconds=rows.wait / 1e6,
    )
    return rows.group_by("group", "query").agg(
        searches=rows.count(),
        found_nothing=(rows.n_results.fill_null(1) == 0).sum(),
        known=rows.is_known.sum(),
        refined=(rows.n_refinements.fill_null(0) > 0).sum(),
        refinements=rows.n_refinements.sum().fill_null(0),
        with_results=rows.has_results.sum(),
        clicked=(rows.has_results & (rows.n_documents_clicked > 0)).sum(),
        abandoned=(rows.has_results & (rows.n_documents_acted == 0)).sum(),
        skipped=(rows.has_results & (rows.n_documents_skipped > 0)).sum(),
        left=(rows.has_results & (rows.n_documents_left > 0)).sum(),
        impressions=rows.n_impressions.sum(),
        clicks=rows.n_clicked.sum(),
        documents_clicked=rows.n_documents_clicked.sum(),
        ranks=rows.clicked_ranks.sum(),
        ranks_squared=rows.clicked_ranks_squared.sum(),
        waits=rows.wait.count(),
        seconds=rows.seconds.sum().fill_null(0.0),
        seconds_squared=(_.seconds * _.seconds).sum().fill_null(0.0),
    )
