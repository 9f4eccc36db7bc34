"""Lists with their clicks, as click models take them: pairs that have a number, and impressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

__all__ = [
    "as_one_query",
    "choices",
    "feature_names",
    "listed",
    "losses",
    "pairs",
    "query_inputs",
    "rows_of_lists",
]


def as_one_query(table: Table) -> Table:
    """The same, as if all searches had been for nothing in particular."""
    return table.mutate(query=ibis.literal(""))


def listed(counted: Table, max_rank: int) -> Table:
    """Impressions that a click model can use: of a query that is known, down to a rank.

    Parameters
    ----------
    counted
        See :attr:`~desirepath.analysis.log.Log.counted`.
    """
    return counted.filter(_["query"].notnull(), _.position < max_rank)


def losses(impressions: Table, counted: Table, max_rank: int) -> Table:
    """One row: how many impressions there are, and how many cannot be used for what reason."""
    every = impressions.agg(n_impressions=_.count())
    usable = counted.agg(
        n_counted=_.count(),
        n_without_query=_.count(where=_["query"].isnull()),
        n_too_deep=_.count(where=_["query"].notnull() & (_.position >= max_rank)),
        n_known=_.count(where=_.is_known),
    )
    return every.cross_join(usable)


def pairs(listed: Table, features: Sequence[str] = ()) -> Table:
    """Each (query, document) once, with a ``pair`` from 0 in their order.

    With ``features`` it has a column ``feature_N`` for the N-th of them: its mean score.
    """
    means: dict[str, Any] = {
        f"feature_{number}": listed.scores.get(name).mean() for number, name in enumerate(features)
    }
    found = listed.group_by("query", "document_id").agg(n=listed.count(), **means)
    order = ibis.window(order_by=["query", "document_id"])
    return found.mutate(pair=ibis.row_number().over(order)).drop("n")


def rows_of_lists(listed: Table, pairs: Table, acts: int) -> Table:
    """Impressions list by list, from the top: ``pair``, ``position``, ``clicked``, ``place``.

    Parameters
    ----------
    pairs
        See :func:`pairs`.
    acts
        What counts as a click: the bits of one or more types.

    Returns
    -------
    Table
        In order. ``place`` counts from 0 in each list; ``occurred_at`` is that of the search.
    """
    # A search that is put together from a session has no id: it is that session's, at that time.
    who = _.session_id.fill_null("").concat("\x1f", _.user_id.fill_null(""), "\x1f", _["query"])
    rows = listed.mutate(
        list_of=_.execution_id.coalesce(who),
        began_at=ibis.ifelse(_.execution_id.isnull(), _.occurred_at, 0),
        clicked=(_.acts & acts) != 0,
    )
    rows = rows.inner_join(pairs.select("query", "document_id", "pair"), ["query", "document_id"])
    keys = ["list_of", "began_at"]
    order = [ibis.asc("position"), ibis.desc("clicked"), ibis.asc("pair")]
    place = ibis.row_number().over(ibis.window(group_by=keys, order_by=order))
    placed = rows.mutate(place=place).order_by(*keys, "place")
    return placed.select("pair", "position", "clicked", "place", "occurred_at")


def feature_names(listed: Table) -> Table:
    """The features that have scores, by ``name``."""
    return listed.select(name=listed.scores.keys().unnest()).distinct().order_by("name")


def query_inputs(interactions: Table, executions: Table) -> Table:
    """For each ``query`` one ``query_snapshot`` that has it, the least one."""
    every = executions.select("query", "query_snapshot").union(
        interactions.select("query", "query_snapshot")
    )
    every = every.filter(_["query"].notnull(), _.query_snapshot.notnull())
    return every.group_by("query").agg(query_snapshot=_.query_snapshot.min())


def choices(interactions: Table, acts: int) -> Table:
    """How often each document was chosen for each query: ``query``, ``document_id``, ``n``.

    Parameters
    ----------
    acts
        What counts as choosing: the bits of one or more types.
    """
    chosen = interactions.filter(
        _.document_id.notnull(), _["query"].notnull(), (_.acts & acts) != 0
    )
    counted = chosen.group_by("query", "document_id").agg(n=_.count())
    return counted.order_by("query", "document_id")
