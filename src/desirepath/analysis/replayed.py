"""Sessions as they can be replayed: their searches, and what people did with the documents.

A session is all searches of one session_id; a search of no session stands for itself. Further pages
belong to the search that they go on with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table, Value
from msgspec import Struct

from desirepath.analysis.impressions import united_acts
from desirepath.analysis.log import Log
from desirepath.domain.acts import TYPE_TO_BIT

__all__ = ["SearchScope", "outcomes", "outcomes_of", "sessions_of"]


class SearchScope(Struct, frozen=True, kw_only=True):
    """Which searches are replayed; what is left out is not asked for.

    Parameters
    ----------
    retriever_ids
        One of these made them.
    since, before
        When, microseconds since 1970; the first inclusive.
    """

    retriever_ids: Sequence[str] | None = None
    since: int | None = None
    before: int | None = None


def outcomes(log: Log, type_to_weight: Mapping[str, float], scope: SearchScope) -> Table:
    """What was done with what searches returned, and about their queries.

    Parameters
    ----------
    type_to_weight
        What interactions are worth; types that are left out are worth nothing.

    Returns
    -------
    Table
        ``session`` (a name made up of its id, or of its only search), ``search_id``,
        ``occurred_at`` (of the search), ``document_id`` (null: about the query), ``acts`` (the
        union of what was done), ``gain`` (the strongest of them that is worth something plus the
        most negative, at least 0), ``n_events`` (that are worth something). Interactions count
        that name a search of the log and a document that it returned.
    """
    searches = _searches(log, scope)
    known = log.interactions.semi_join(searches, "execution_id")
    events = _returned(known, log).union(known.filter(_.document_id.isnull()))
    worth = _any_of(events, [type for type, weight in type_to_weight.items() if weight > 0])
    done = events.mutate(counts=worth).group_by("execution_id", "document_id")
    rows = done.agg(
        acts=united_acts(_.acts),
        n_events=_.count(where=_.counts),
        seen_session=_.session_id.min(),
    )
    rows = rows.inner_join(searches, "execution_id")
    whose = rows.group_by("search_id").agg(
        occurred_at=_.occurred_at.min(),
        session_id=_.own_session.coalesce(_.seen_session).min(),
    )
    rows = rows.group_by("search_id", "document_id").agg(
        acts=united_acts(_.acts), n_events=_.n_events.sum()
    )
    rows = rows.inner_join(whose, "search_id")
    is_alone = rows.session_id.isnull()
    return rows.select(
        "search_id",
        "occurred_at",
        "document_id",
        "n_events",
        session=ibis.ifelse(is_alone, "e" + rows.search_id, "s" + rows.session_id),
        acts=rows.acts.cast("int32"),
        gain=ibis.ifelse(rows.document_id.isnull(), 0.0, _gain(rows, type_to_weight)),
    )


def sessions_of(found: Table, least_events: int, types: Sequence[str] | None) -> Table:
    """The sessions that can be measured by: in which something was done that is worth something.

    Parameters
    ----------
    found
        As :func:`outcomes` gives it.
    least_events
        Interactions that are worth something.
    types
        An interaction of one of them took place; None: of whichever.

    Returns
    -------
    Table
        ``session``, ``last_at`` (its last search), ``acts`` (all that was done), by name.
    """
    rows = found.group_by("session").agg(
        last_at=found.occurred_at.max(),
        acts=united_acts(found.acts).cast("int32"),
        n_events=found.n_events.sum(),
        most=found.gain.max(),
    )
    rows = rows.filter(rows.most > 0, rows.n_events >= least_events)
    if types is not None:
        rows = rows.filter(_any_of(rows, types))
    return rows.select("session", "last_at", "acts").order_by("session")


def outcomes_of(found: Table, sessions: Sequence[str]) -> Table:
    """The documents of some sessions that something worth something was done with, in order.

    Parameters
    ----------
    sessions
        Names, as :func:`outcomes` gives them; at least one.

    Returns
    -------
    Table
        ``session``, ``search_id``, ``document_id``, ``gain``, ``acts``; searches follow each other
        as they were made.
    """
    chosen = ibis.array(list(sessions)).unnest().name("session").as_table()
    rows = found.filter(found.gain > 0).semi_join(chosen, "session")
    return rows.order_by("session", "occurred_at", "search_id", "document_id").select(
        "session", "search_id", "document_id", "gain", "acts"
    )


def _searches(log: Log, scope: SearchScope) -> Table:
    """Logged searches with inputs: ``execution_id``, and the ``search_id`` it is a page of."""
    conditions: list[Any] = [_.query_snapshot.notnull()]
    if scope.retriever_ids is not None:
        conditions.append(_.retriever_id.isin(list(scope.retriever_ids)))
    if scope.since is not None:
        conditions.append(_.occurred_at >= scope.since)
    if scope.before is not None:
        conditions.append(_.occurred_at < scope.before)
    rows = log.executions.filter(conditions)
    first_pages = rows.select(first_page=rows.execution_id)
    rows = rows.left_join(first_pages, [rows.parent_id == first_pages.first_page])
    return rows.select(
        "execution_id",
        "occurred_at",
        search_id=rows.first_page.coalesce(rows.execution_id),
        own_session=rows.session_id,
    )


def _returned(events: Table, log: Log) -> Table:
    """Interactions with documents that their search returned."""
    return events.semi_join(log.returned, ["execution_id", "document_id"])


def _any_of(rows: Table, types: Sequence[str]) -> Value:
    bits = 0
    for type in types:
        bits |= TYPE_TO_BIT[type]
    return (rows.acts & bits) != 0


def _gain(rows: Table, type_to_weight: Mapping[str, float]) -> Value:
    """As :func:`~desirepath.domain.reward.reward_of` rewards, but for its cap, and at least 0."""
    worths = [
        ibis.ifelse((rows.acts & TYPE_TO_BIT[type]) != 0, float(weight), 0.0)
        for type, weight in sorted(type_to_weight.items())
    ]
    nothing = ibis.literal(0.0)
    strongest, worst = ibis.greatest(nothing, *worths), ibis.least(nothing, *worths)
    return ibis.greatest(strongest + worst, nothing)
