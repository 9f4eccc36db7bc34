"""Which filters people turn on after which query, and what comes of it."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.impressions import is_clicked

__all__ = ["clicked_after", "toggled", "uses"]

_ATTEMPT = ("thread", "visit", "attempt")
_FILTER = ("query", "field", "value")


def uses(toggles: Table, made: Table) -> Table:
    """Attempts in which a filter was turned on: one row for each filter.

    Returns
    -------
    Table
        ``thread``, ``visit``, ``attempt``, ``query``, ``field``, ``value`` (empty: none was sent),
        ``identity``, ``on_at`` (first), ``is_kept`` (not turned off after that for good),
        ``is_clicked`` and ``is_clicked_after`` it was turned on.
    """
    rows = toggles.mutate(value=_.value.fill_null(""))
    rows = rows.group_by(*_ATTEMPT, *_FILTER).agg(
        identity=_.identity.min(),
        on_at=rows.occurred_at.min(where=rows.is_on),
        last_on_at=rows.occurred_at.max(where=rows.is_on),
        last_off_at=rows.occurred_at.max(where=~rows.is_on),
    )
    rows = rows.filter(_.on_at.notnull())
    clicks = made.select(*_ATTEMPT, "is_clicked", "last_clicked_at")
    rows = rows.inner_join(clicks, _ATTEMPT)
    return rows.mutate(
        is_kept=rows.last_off_at.isnull() | (rows.last_on_at > rows.last_off_at),
        is_clicked_after=(rows.last_clicked_at >= rows.on_at).fill_null(False),
    ).drop("last_on_at", "last_off_at", "last_clicked_at")


def toggled(used: Table, tried: Table) -> Table:
    """Filters by query, those of most people first.

    Parameters
    ----------
    used
        As :func:`uses` gives it.
    tried
        As :func:`~desirepath.analysis.refinements.queries_tried` gives it.

    Returns
    -------
    Table
        ``query``, ``field``, ``value``; attempts in which it was turned on: ``n``, ``n_kept``,
        ``n_clicked``, ``n_clicked_after``, by ``n_identities``; all attempts with the query:
        ``n_attempts`` and ``n_attempts_clicked``; over all queries ``n_kept_anywhere`` and
        ``n_attempts_anywhere``.
    """
    rows = used.group_by(*_FILTER).agg(
        n=_.count(),
        n_identities=_.identity.nunique(),
        n_kept=_.is_kept.sum(),
        n_clicked=_.is_clicked.sum(),
        n_clicked_after=_.is_clicked_after.sum(),
    )
    rows = rows.mutate(n_kept_anywhere=rows.n_kept.sum().over(group_by=["field", "value"]))
    tried = tried.mutate(n_attempts_anywhere=tried.n_attempts.sum().over(ibis.window()))
    rows = rows.inner_join(tried.rename(n_attempts_clicked="n_clicked"), "query")
    return rows.order_by(_.n_identities.desc(), _.n.desc(), *_FILTER)


def clicked_after(
    interactions: Table, numbered: Table, used: Table, queries: list[str], most: int
) -> Table:
    """The documents that are clicked most often once a filter is on.

    Parameters
    ----------
    interactions
        Of the log.
    numbered
        Searches with their attempt.
    queries
        Those that are asked for.

    Returns
    -------
    Table
        ``query``, ``field``, ``value``, ``document_id``, ``n`` attempts; at most ``most`` for each
        filter of a query.
    """
    places = numbered.select(*_ATTEMPT, execution_id=_.search_id)
    clicks = interactions.filter(is_clicked(interactions), _.document_id.notnull())
    clicks = clicks.select("execution_id", "document_id", "occurred_at")
    clicks = clicks.inner_join(places, "execution_id")
    used = used.filter(_["query"].isin(queries)).select(*_ATTEMPT, *_FILTER, "on_at")
    rows = clicks.inner_join(used, _ATTEMPT).filter(_.occurred_at >= _.on_at)
    rows = rows.select(*_ATTEMPT, *_FILTER, "document_id").distinct()
    rows = rows.group_by(*_FILTER, "document_id").agg(n=_.count())
    ranked = ibis.window(group_by=list(_FILTER), order_by=[rows.n.desc(), rows.document_id])
    rows = rows.mutate(place=ibis.row_number().over(ranked)).filter(_.place < most)
    return rows.order_by(*_FILTER, "place").drop("place")
