"""Impressions: one row per document that a search returned, with all that was done with it.

Of a known execution they are its list, joined with its interactions however late either came. The
interactions that name no execution, or one that is not in the log, are put together to lists by
what they carry: the execution they name, else their session, query and time.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr import datatypes as dt
from ibis.expr.types import Table, Value

from desirepath.analysis.building import built_once
from desirepath.analysis.schemas import IMPRESSIONS
from desirepath.domain.acts import CLICKED, SAID_SHOWN

__all__ = ["impressions", "impressions_after_changes", "is_clicked", "united_acts", "with_people"]

_GAP = 30 * 60 * 1_000_000  # after so long, the same query of a session is another search
_COLUMNS = IMPRESSIONS.names


@built_once
def impressions(interactions: Table, executions: Table, returned: Table) -> Table:
    """All impressions of a log; see :data:`~desirepath.analysis.schemas.IMPRESSIONS`.

    Parameters
    ----------
    interactions, executions, returned
        As in :mod:`~desirepath.analysis.schemas`.
    """
    about_documents = interactions.filter(_.document_id.notnull())
    known = about_documents.semi_join(executions, "execution_id")
    others = about_documents.anti_join(executions, "execution_id")
    return _of_executions(known, executions, returned).union(_put_together(others))


@built_once
def with_people(executions: Table, interactions: Table) -> Table:
    """Executions, those of nobody with the person or session that all their interactions name.

    ``says_who`` tells whether the search itself said one of them.
    """
    of_nobody = executions.filter(_.user_id.isnull(), _.session_id.isnull())
    who = (
        interactions.semi_join(of_nobody, "execution_id")
        .group_by("execution_id")
        .agg(seen_user=_only(interactions.user_id), seen_session=_only(interactions.session_id))
    )
    rows = executions.left_join(who, "execution_id").drop("execution_id_right")
    return rows.mutate(
        user_id=rows.user_id.coalesce(rows.seen_user),
        session_id=rows.session_id.coalesce(rows.seen_session),
        says_who=rows.user_id.notnull() | rows.session_id.notnull(),
    ).drop("seen_user", "seen_session")


def _only(column: Value) -> Value:
    """What all rows of a group say that say anything; null where they differ."""
    return ibis.ifelse(column.min() == column.max(), column.min(), ibis.null(str))


@built_once
def impressions_after_changes(
    before: Table, changed: Table, interactions: Table, executions: Table, returned: Table
) -> Table:
    """All impressions, where those of a part of the log have been worked out before.

    Parameters
    ----------
    before
        Impressions of an earlier state of the log.
    changed
        Interactions and executions that came since: their ``execution_id``, ``session_id`` and
        ``user_id``.
    interactions, executions, returned
        The whole log.
    """
    searches = changed.filter(_.execution_id.notnull()).select("execution_id").distinct()
    lists = _lone(changed).filter(_.lone.notnull()).select("lone").distinct()
    of_searches = interactions.semi_join(searches, "execution_id")
    of_lists = _lone(interactions).semi_join(lists, "lone").drop("lone")
    untouched = _lone(before).anti_join(searches, "execution_id").anti_join(lists, "lone")
    anew = impressions(
        of_searches.union(of_lists),
        executions.semi_join(searches, "execution_id"),
        returned.semi_join(searches, "execution_id"),
    )
    return untouched.select(_COLUMNS).union(anew)


@ibis.udf.agg.builtin(name="bit_or", signature=((dt.int64,), dt.int64))
def _bit_or(acts):  # type: ignore[no-untyped-def]  # what Ibis calls bit_or, Spark would not know
    ...


def united_acts(acts: Value) -> Value:
    """All that was done, over the rows of a group."""
    return _bit_or(acts.cast("int64"))


def _lone(table: Table) -> Table:
    """Rows with ``lone``: whose they are, where they name no execution."""
    whose = table.session_id.coalesce(table.user_id)
    return table.mutate(lone=ibis.ifelse(table.execution_id.isnull(), whose, ibis.null(str)))


def is_clicked(table: Table) -> Any:
    """Whether an impression, or an interaction, has a click."""
    return (table.acts & CLICKED) != 0


def _outcome(interactions: Table) -> dict[str, Any]:
    """What several interactions with one document come to: the strongest of each sign counts."""
    reward = interactions.reward
    says_more = (interactions.acts & ~SAID_SHOWN) != 0
    return {
        "acts": united_acts(interactions.acts).cast("int32"),
        "reward": ibis.greatest(reward.max(), 0.0) + ibis.least(reward.min(), 0.0),
        "n_events": interactions.count().cast("int32"),
        "acted_at": interactions.occurred_at.min(where=says_more),
        "clicked_at": interactions.occurred_at.min(where=is_clicked(interactions)),
        "duration_ms": interactions.duration_ms.max(),
    }


def _of_executions(interactions: Table, executions: Table, returned: Table) -> Table:
    outcomes = interactions.group_by("execution_id", "document_id").agg(**_outcome(interactions))
    lists = executions.select(
        "execution_id",
        "occurred_at",
        "retriever_id",
        "version",
        "configuration",
        "metadata",
        "user_id",
        "session_id",
        "query",
        "n_documents",
    )
    rows = returned.drop("features").inner_join(lists, "execution_id")
    rows = rows.left_join(outcomes, ["execution_id", "document_id"])
    return rows.mutate(
        is_known=ibis.literal(True),
        acts=rows.acts.fill_null(0),
        reward=rows.reward.fill_null(0.0),
        n_events=rows.n_events.fill_null(0),
    ).select(_COLUMNS)


def _put_together(interactions: Table) -> Table:
    """Impressions of searches that are not in the log."""
    named = interactions.filter(_.execution_id.notnull()).mutate(
        list_of=ibis.null(str), began_at=ibis.null("int64")
    )
    nameless = interactions.filter(
        _.execution_id.isnull(), _.session_id.notnull() | _.user_id.notnull()
    ).mutate(list_of=_.session_id.coalesce(_.user_id))
    events_before = ibis.window(group_by=["list_of", "query"], order_by=["occurred_at", "id"])
    nameless = nameless.mutate(gap=_.occurred_at - _.occurred_at.lag().over(events_before))
    starts = ibis.ifelse(
        nameless.gap.isnull() | (nameless.gap > _GAP), nameless.occurred_at, ibis.null("int64")
    )
    nameless = nameless.mutate(starts=starts)
    so_far = ibis.window(
        group_by=["list_of", "query"], order_by=["occurred_at", "id"], preceding=None, following=0
    )
    nameless = nameless.mutate(began_at=_.starts.max().over(so_far)).drop("gap", "starts")
    # One search has one query, but not all its events need carry it.
    events = named.mutate(group_query=ibis.null(str)).union(
        nameless.mutate(group_query=nameless.query).select(*named.columns, "group_query")
    )
    keys = ["execution_id", "list_of", "group_query", "began_at", "document_id"]
    found = events.group_by(keys).agg(
        **_outcome(events),
        first_at=events.occurred_at.min(),
        retriever_id=events.retriever_id.max(),
        user_id=events.user_id.max(),
        session_id=events.session_id.max(),
        any_query=events["query"].max(),
        position=events.position.min(),
        n_documents=events.result_set_size.max(),
        score=events.document_score.max(),
    )
    nothing: dict[str, Any] = {
        name: ibis.null(type)
        for name, type in {
            "version": "int32",
            "configuration": "string",
            "metadata": "string",
            "scores": "map<string, float64>",
        }.items()
    }
    return found.mutate(
        is_known=ibis.literal(False),
        occurred_at=found.began_at.coalesce(found.first_at),
        query=found.any_query,
        **nothing,
    ).select(_COLUMNS)
