"""What a person did one after the other: visits, and in each the attempts to find something.

A thread is a session, or a user where no session is known. It is cut into visits where nothing
happened for longer than the session window. An attempt is all searches of a visit with the same
query and no other query between them: further pages and filters belong to it.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.log import Log, metadata_text
from desirepath.analysis.result_lists import normal, result_lists
from desirepath.domain.acts import ABOUT_QUERY, TYPE_TO_BIT

__all__ = [
    "attempts",
    "landmarks",
    "numbered_searches",
    "refinement_events",
    "timeline",
    "toggle_events",
]

_REFINEMENT = TYPE_TO_BIT["query_refinement"]
_TOGGLE = TYPE_TO_BIT["filter_toggle"]
_OF_SEARCH: dict[str, str] = {
    "found_nothing": "boolean",
    "is_page": "boolean",
    "n_clicked": "int64",
    "last_clicked_at": "int64",
}
_OF_EVENT: dict[str, str] = {"acts": "int32", "metadata": "string"}


def timeline(log: Log, window: int) -> Table:
    """Searches and interactions of each thread, in order.

    Parameters
    ----------
    window
        Microseconds without anything after which another visit begins.

    Returns
    -------
    Table
        ``thread``, ``visit`` (when it began), ``occurred_at``, ``is_search``, ``number`` (of the
        last search of the visit up to here, from 1; 0: none yet), ``search_id``, ``query``,
        ``user_id``, ``session_id``, ``identity``; of searches ``found_nothing``, ``is_page``,
        ``n_clicked`` and ``last_clicked_at``; of interactions ``acts`` and ``metadata``.
    """
    of_search = result_lists(log).filter(_.thread.notnull())
    both = ("thread", "occurred_at", "search_id", "query", "user_id", "session_id", "identity")
    rows = of_search.select(*both, *_OF_SEARCH, **_nothing(_OF_EVENT), is_search=ibis.literal(True))
    events = log.interactions.mutate(
        thread=_.session_id.coalesce(_.user_id),
        identity=_.user_id.coalesce(_.session_id),
        search_id=_.execution_id,
        query=normal(_["query"]),
    ).filter(_.thread.notnull())
    rows = rows.union(
        events.select(
            *both, **_nothing(_OF_SEARCH), acts=_.acts, metadata=_.metadata, is_search=False
        ).select(rows.columns)
    )
    # A search comes before what happened at its moment.
    order = [rows.occurred_at, rows.is_search.desc(), rows["query"], rows.search_id]
    rows = rows.mutate(
        gap=rows.occurred_at
        - rows.occurred_at.lag().over(ibis.window(group_by="thread", order_by=order))
    )
    is_start = rows.gap.isnull() | (rows.gap > window)
    rows = rows.mutate(starts=ibis.ifelse(is_start, rows.occurred_at, ibis.null("int64")))
    rows = rows.mutate(visit=rows.starts.max().over(_so_far(rows, "thread")))
    number = rows.is_search.cast("int64").sum().over(_so_far(rows, "thread", "visit"))
    return rows.mutate(number=number).drop("gap", "starts")


def landmarks(moments: Table) -> Table:
    """The searches of a timeline, and the interactions about queries."""
    return moments.filter(_.is_search | ((_.acts & ABOUT_QUERY) != 0).fill_null(False))


def numbered_searches(moments: Table) -> Table:
    """The searches of a timeline, with the ``attempt`` of the visit that each belongs to, from 1.

    Searches without text belong to none, and are left out.
    """
    rows = moments.filter(_.is_search, _["query"].notnull()).drop(*_OF_EVENT, "is_search")
    in_visit = ibis.window(group_by=["thread", "visit"], order_by="number")
    rows = rows.mutate(before=rows["query"].lag().over(in_visit))
    is_new = rows.before.isnull() | (rows.before != rows["query"])
    so_far = ibis.window(
        group_by=["thread", "visit"], order_by="number", preceding=None, following=0
    )
    return rows.mutate(attempt=is_new.cast("int64").sum().over(so_far)).drop("before")


def attempts(numbered: Table) -> Table:
    """Attempts, each with the one after it.

    Returns
    -------
    Table
        ``thread``, ``visit``, ``attempt``, ``query``, ``began_at``, ``n_searches``, ``is_clicked``
        (something that it found was clicked), ``last_clicked_at``, ``found_nothing`` (no search of
        it found anything), ``identity``, ``user_id``, ``session_id``; ``next_query`` and
        ``next_is_clicked`` of the next attempt, null when there was none.
    """
    rows = numbered.group_by("thread", "visit", "attempt").agg(
        query=_["query"].min(),
        began_at=_.occurred_at.min(),
        n_searches=_.count(),
        n_found_nothing=_.found_nothing.cast("int64").sum(),
        n_further=_.is_page.cast("int64").sum(),
        n_clicked=_.n_clicked.sum(),
        last_clicked_at=_.last_clicked_at.max(),
        identity=_.identity.min(),
        user_id=_.user_id.min(),
        session_id=_.session_id.min(),
    )
    n_first_pages = rows.n_searches - rows.n_further
    rows = rows.mutate(
        is_clicked=rows.n_clicked > 0,
        found_nothing=(n_first_pages > 0) & (rows.n_found_nothing == n_first_pages),
    ).drop("n_found_nothing", "n_further", "n_clicked")
    in_visit = ibis.window(group_by=["thread", "visit"], order_by="attempt")
    return rows.mutate(
        next_query=rows["query"].lead().over(in_visit),
        next_is_clicked=rows.is_clicked.lead().over(in_visit),
    )


def refinement_events(moments: Table) -> Table:
    """``query_refinement`` events: where they stand, their query, and ``refined_to``.

    What an event does not say is the query of the search before it, or after it, in its visit.
    """
    events = moments.filter(~_.is_search, (_.acts & _REFINEMENT) != 0).mutate(
        refined_to=normal(metadata_text(_.metadata, "refined_to"))
    )
    places = moments.filter(_.is_search).select("thread", "visit", "number", found="query")
    before = places.rename(query_before="found")
    after = places.mutate(number=places.number - 1).rename(query_after="found")
    keys = ("thread", "visit", "number")
    rows = events.left_join(before, keys).drop(*(f"{key}_right" for key in keys))
    rows = rows.left_join(after, keys).drop(*(f"{key}_right" for key in keys))
    return rows.mutate(
        query=rows["query"].coalesce(rows.query_before),
        refined_to=rows.refined_to.coalesce(rows.query_after),
    ).select("thread", "visit", "occurred_at", "identity", "session_id", "query", "refined_to")


def toggle_events(moments: Table, numbered: Table) -> Table:
    """``filter_toggle`` events, with the attempt that each belongs to.

    It is that of the event's execution, else that of the last search before it.

    Returns
    -------
    Table
        ``thread``, ``visit``, ``attempt``, ``query``, ``identity``, ``occurred_at``, ``field``
        ``value`` (null: none was sent) and ``is_on``.
    """
    events = moments.filter(~_.is_search, (_.acts & _TOGGLE) != 0)
    events = events.select(
        "search_id",
        "number",
        "occurred_at",
        event_thread=_.thread,
        event_visit=_.visit,
        field=_first_of(_.metadata, "filter", "field", "facet"),
        value=_first_of(_.metadata, "value"),
        is_on=_first_of(_.metadata, "enabled", "active", "selected").fill_null("true") != "false",
    ).filter(_.field.notnull())
    places = numbered.select(
        "thread", "visit", "attempt", "query", "identity", place=_.number, of_search=_.search_id
    )
    of_execution = [("search_id", "of_search")]
    named = events.inner_join(places, of_execution)
    others = events.anti_join(places, of_execution)
    before = [("event_thread", "thread"), ("event_visit", "visit"), ("number", "place")]
    placed = others.inner_join(places, before)
    columns = (
        "thread",
        "visit",
        "attempt",
        "query",
        "identity",
        "occurred_at",
        "field",
        "value",
        "is_on",
    )
    return named.select(columns).union(placed.select(columns))


def _first_of(column: Any, *paths: str) -> Any:
    return ibis.coalesce(*(metadata_text(column, path).nullif("") for path in paths))


def _nothing(types: dict[str, str]) -> dict[str, Any]:
    return {name: ibis.null(type) for name, type in types.items()}


def _so_far(rows: Table, *keys: str) -> Any:
    order = [rows.occurred_at, rows.is_search.desc(), rows["query"], rows.search_id]
    return ibis.window(group_by=list(keys), order_by=order, preceding=None, following=0)
