"""Queries beside what was clicked for them, and what was passed over on the way to a click."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.impressions import is_clicked
from desirepath.analysis.result_lists import normal
from desirepath.domain.acts import TYPE_TO_BIT

__all__ = ["clicked_after_failing", "last_inputs", "listed_cells", "skipped_above", "wordings"]

_LONG_VIEW = TYPE_TO_BIT["long_view"]


def listed_cells(counted: Table, satisfied_ms: float | None) -> Table:
    """What became of documents at each position: ``impressions``, ``clicks`` and ``chosen``.

    Parameters
    ----------
    counted
        See :attr:`~desirepath.analysis.log.Log.counted`.
    satisfied_ms
        ``chosen`` counts clicks with a stay as long as this, or a long_view; None: all clicks.

    Returns
    -------
    Table
        By ``retriever_id``, ``query`` (as queries are compared), ``document_id``, ``position``.
    """
    rows = _of_lists(counted, satisfied_ms)
    return rows.group_by("retriever_id", "query", "document_id", "position").agg(
        impressions=_.count(), clicks=_.clicked.sum(), chosen=_.chosen.sum()
    )


def skipped_above(counted: Table, satisfied_ms: float | None) -> Table:
    """How many lists chose a document below one that nobody clicked there.

    Returns
    -------
    Table
        ``query``, ``positive``, ``negative``, ``n``.

    References
    ----------
    Joachims (2002), Optimizing search engines using clickthrough data: click > skip above.
    """
    rows = _of_lists(counted, satisfied_ms).filter(_.execution_id.notnull())
    chosen = rows.filter(_.chosen).select("execution_id", positive=_.document_id, below=_.position)
    skipped = rows.filter(~_.clicked).select(
        "execution_id", "query", "position", negative=_.document_id
    )
    both = skipped.inner_join(chosen, "execution_id").filter(_.position < _.below)
    return both.group_by("query", "positive", "negative").agg(n=_.count())


def wordings(counted: Table) -> Table:
    """The commonest spelling of each query: ``query``, ``anchor``."""
    spelled = counted.filter(_["query"].notnull()).group_by(anchor=_["query"].strip())
    counts = spelled.agg(n=_.count()).mutate(query=normal(_.anchor))
    commonest = ibis.window(group_by="query", order_by=[ibis.desc("n"), ibis.asc("anchor")])
    first = counts.mutate(place=ibis.row_number().over(commonest)).filter(_.place == 0)
    return first.filter(_["query"].notnull()).select("query", "anchor")


def last_inputs(executions: Table) -> Table:
    """What each query was last searched with.

    Returns
    -------
    Table
        ``query`` (as they are compared) and ``inputs``, JSON.
    """
    searches = executions.filter(_.query_snapshot.notnull()).select(
        "occurred_at", "execution_id", inputs=_.query_snapshot, query=normal(_["query"])
    )
    newest = ibis.window(
        group_by="query", order_by=[ibis.desc("occurred_at"), ibis.asc("execution_id")]
    )
    last = searches.mutate(place=ibis.row_number().over(newest)).filter(_.place == 0)
    return last.filter(_["query"].notnull()).select("query", "inputs")


def clicked_after_failing(
    made: Table, numbered: Table, counted: Table, satisfied_ms: float | None
) -> Table:
    """What was chosen for the next query of a visit, where nothing was clicked for the first.

    Parameters
    ----------
    made, numbered
        As :mod:`~desirepath.analysis.attempts` makes them.

    Returns
    -------
    Table
        ``query`` (the one that failed), ``document_id``, ``retriever_id``, ``position``,
        ``n_identities`` who found it so, and ``n`` times.
    """
    failed = made.filter(~_.is_clicked, _.next_is_clicked.fill_null(False)).select(
        "thread", "visit", "query", "identity", attempt=_.attempt + 1
    )
    places = numbered.select("thread", "visit", "attempt", execution_id=_.search_id)
    rows = places.inner_join(failed, ["thread", "visit", "attempt"])
    chosen = _of_lists(counted, satisfied_ms).filter(_.chosen).drop("query")
    rows = rows.select("query", "identity", "execution_id").inner_join(chosen, "execution_id")
    return rows.group_by("query", "document_id", "retriever_id", "position").agg(
        n=_.count(), n_identities=_.identity.nunique()
    )


def _of_lists(counted: Table, satisfied_ms: float | None) -> Table:
    clicked = is_clicked(counted)
    chosen: Any = clicked
    if satisfied_ms is not None:
        stayed = (counted.duration_ms >= satisfied_ms).fill_null(False)
        chosen = clicked & (stayed | ((counted.acts & _LONG_VIEW) != 0))
    rows = counted.select(
        "execution_id",
        "retriever_id",
        "document_id",
        "position",
        query=normal(counted["query"]),
        clicked=clicked,
        chosen=chosen,
    )
    return rows.filter(_["query"].notnull(), _.position.notnull())
