"""Result lists: what a search answered, one row each, with what came of it.

Of a known execution it is its list, a further page being one of its own; of a search that is not in
the log it is put together from what it left behind: interactions with its documents, or a
``zero_results`` event.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import StringValue, Table

from desirepath.analysis.building import built_once
from desirepath.analysis.impressions import is_clicked, united_acts
from desirepath.analysis.log import Log
from desirepath.domain.acts import LEFT_AGAIN, SKIPPED, TYPE_TO_BIT

__all__ = ["normal", "result_lists"]

_ZERO_RESULTS = TYPE_TO_BIT["zero_results"]
_SHORTLY = 30 * 60 * 1_000_000  # as of the impressions that are put together
_COLUMNS = (
    "search_id",
    "is_known",
    "is_page",
    "occurred_at",
    "user_id",
    "session_id",
    "identity",
    "thread",
    "query",
    "n_documents",
    "found_nothing",
    "acts",
    "n_clicked",
    "n_skipped",
    "n_left_again",
    "first_clicked_at",
    "last_clicked_at",
)


@built_once
def result_lists(log: Log) -> Table:
    """The result lists of all searches of a log.

    Returns
    -------
    Table
        ``search_id`` (the execution's; else one that is made up), ``is_known`` (the execution is in
        the log), ``is_page`` (it only showed more of a search before it), ``occurred_at``,
        ``user_id``, ``session_id`` (of the execution, else of its interactions), ``identity`` (the
        user, else the session), ``thread`` (the session, else the user: what a person did one after
        the other), ``query`` (see :func:`normal`; null: not one of text), ``n_documents``,
        ``found_nothing``, ``acts`` (the union of what was done), how many documents were clicked,
        skipped and left again, and when the first and the last click came, microseconds since 1970.
    """
    known = _of_executions(log)
    lone = _put_together(log)
    empty = _said_to_find_nothing(log, known).anti_join(lone, "search_id")
    rows = known.union(lone).union(empty)
    return rows.mutate(
        identity=rows.user_id.coalesce(rows.session_id),
        thread=rows.session_id.coalesce(rows.user_id),
        query=normal(rows["query"]),
        found_nothing=rows.found_nothing & ~rows.is_page,
    ).select(_COLUMNS)


def normal(query: StringValue) -> StringValue:
    """A query as it is compared: in lower case, with single spaces; null when nothing is left."""
    return query.lower().re_replace(r"\s+", " ").strip().nullif("")


def _outcome(rows: Table) -> dict[str, Any]:
    """What came of a search, from its interactions or its impressions."""
    return {
        "acts": united_acts(rows.acts).cast("int32"),
        "n_clicked": rows.document_id.nunique(where=is_clicked(rows)),
        "n_skipped": rows.document_id.nunique(where=(rows.acts & SKIPPED) != 0),
        "n_left_again": rows.document_id.nunique(where=(rows.acts & LEFT_AGAIN) != 0),
    }


def _of_executions(log: Log) -> Table:
    events = log.interactions.filter(_.execution_id.notnull())
    clicked = is_clicked(events)
    outcomes = events.group_by("execution_id").agg(
        **_outcome(events),
        first_clicked_at=events.occurred_at.min(where=clicked),
        last_clicked_at=events.occurred_at.max(where=clicked),
        any_user=events.user_id.min(),
        any_session=events.session_id.min(),
    )
    rows = log.executions.filter(_.query_snapshot.notnull()).select(
        "execution_id",
        "occurred_at",
        "user_id",
        "session_id",
        "query",
        "n_documents",
        is_page=_.parent_id.notnull() | (_.offset > 0),
    )
    rows = rows.left_join(outcomes, "execution_id").drop("execution_id_right")
    acts = rows.acts.fill_null(0)
    return rows.select(
        "occurred_at",
        "query",
        "is_page",
        "n_documents",
        "first_clicked_at",
        "last_clicked_at",
        search_id=rows.execution_id,
        is_known=ibis.literal(True),
        user_id=rows.user_id.coalesce(rows.any_user),
        session_id=rows.session_id.coalesce(rows.any_session),
        found_nothing=(rows.n_documents == 0) | ((acts & _ZERO_RESULTS) != 0),
        acts=acts,
        n_clicked=rows.n_clicked.fill_null(0),
        n_skipped=rows.n_skipped.fill_null(0),
        n_left_again=rows.n_left_again.fill_null(0),
    ).select(_RAW)


def _put_together(log: Log) -> Table:
    rows = log.impressions.filter(~_.is_known)
    rows = rows.mutate(search_id=_name_of(rows))
    return (
        rows.group_by("search_id")
        .agg(
            **_outcome(rows),
            occurred_at=rows.occurred_at.min(),
            user_id=rows.user_id.min(),
            session_id=rows.session_id.min(),
            query=rows["query"].min(),
            n_documents=rows.n_documents.max(),
            first_clicked_at=rows.clicked_at.min(),
            last_clicked_at=rows.clicked_at.max(),
        )
        .mutate(
            is_known=ibis.literal(False),
            is_page=ibis.literal(False),
            found_nothing=ibis.literal(False),
        )
        .select(_RAW)
    )


def _said_to_find_nothing(log: Log, known: Table) -> Table:
    """Searches that are not in the log, of which an event says that they found nothing.

    An event that names no execution speaks of the empty list that its session, or user, got for
    that query shortly before, if there is one; that is in the log.
    """
    rows = log.interactions.filter((_.acts & _ZERO_RESULTS) != 0, ~_.is_known)
    rows = rows.mutate(
        at=rows.occurred_at,
        of_thread=rows.session_id.coalesce(rows.user_id),
        wanted=normal(rows["query"]),
    )
    empty = known.filter(_.found_nothing).select(
        empty_at=_.occurred_at,
        empty_thread=_.session_id.coalesce(_.user_id),
        empty_query=normal(_["query"]),
    )
    rows = rows.anti_join(
        empty,
        [
            rows.execution_id.isnull(),
            rows.of_thread == empty.empty_thread,
            rows.at.between(empty.empty_at, empty.empty_at + _SHORTLY),
            rows.wanted.isnull() | (rows.wanted == empty.empty_query),
        ],
    )
    return (
        rows.mutate(search_id=_name_of(rows))
        .group_by("search_id")
        .agg(
            occurred_at=_.occurred_at.min(),
            user_id=_.user_id.min(),
            session_id=_.session_id.min(),
            query=_["query"].min(),
            acts=united_acts(rows.acts).cast("int32"),
        )
        .mutate(
            is_known=ibis.literal(False),
            is_page=ibis.literal(False),
            n_documents=ibis.literal(0, "int32"),
            found_nothing=ibis.literal(True),
            n_clicked=ibis.literal(0, "int64"),
            n_skipped=ibis.literal(0, "int64"),
            n_left_again=ibis.literal(0, "int64"),
            first_clicked_at=ibis.null("int64"),
            last_clicked_at=ibis.null("int64"),
        )
        .select(_RAW)
    )


def _name_of(rows: Table) -> StringValue:
    """The execution, else who searched for what and when."""
    parts = (rows.session_id.coalesce(rows.user_id), rows["query"], rows.occurred_at.cast(str))
    made_up = ibis.literal("~").join([part.fill_null("") for part in parts])
    return rows.execution_id.coalesce(made_up)


_RAW = tuple(name for name in _COLUMNS if name not in ("identity", "thread"))
