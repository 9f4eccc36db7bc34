"""Events that something is wrong with."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.building import built_once
from desirepath.analysis.log import Log, identity_of
from desirepath.domain.acts import CLICKED, SAID_SHOWN
from desirepath.domain.warnings import CLAMPED

__all__ = [
    "at_first_position",
    "by_identity",
    "by_position",
    "by_type",
    "clicks_of_known",
    "constant_delays",
    "events",
    "repeated_views",
    "unseen_clicks",
    "wrong_events",
]

AHEAD_OF_SEARCH = 5_000_000
"""Microseconds that an event may lie before its search: two machines have two clocks."""

LEAST_DELAY = 300_000_000
DELAY_SPREAD = 60_000_000
_DAY = 86_400_000_000
_FEW = 20


@built_once
def events(log: Log) -> Table:
    """The interactions, with who made them and what is known of their search."""
    searches = log.executions.select(
        "execution_id",
        began_at=_.occurred_at,
        list_start=_.offset,
        list_end=_.offset + _.n_documents,
    )
    rows = log.interactions.left_join(searches, "execution_id").drop("execution_id_right")
    return rows.mutate(identity=identity_of(rows))


def wrong_events(events: Table) -> dict[str, tuple[Any, Any]]:
    """By fault, for those that an event shows by itself: of which events, and which have it."""
    always = ibis.literal(True)
    on_document = events.document_id.notnull()
    is_clicked = (events.acts & CLICKED) != 0
    outside_list = (events.position < events.list_start) | (events.position >= events.list_end)
    outside = ibis.ifelse(
        events.result_set_size.notnull(),
        events.position >= events.result_set_size,
        is_clicked & outside_list.fill_null(False),
    )
    early = events.occurred_at < events.began_at - AHEAD_OF_SEARCH
    return {
        "no_execution": (on_document, on_document & events.execution_id.isnull()),
        "unknown_execution": (
            events.execution_id.notnull(),
            events.execution_id.notnull() & ~events.is_known,
        ),
        "position_outside_results": (on_document, on_document & outside),
        "future_time": (always, events.warning.contains(CLAMPED).fill_null(False)),
        "before_search": (events.is_known, early.fill_null(False)),
        "no_session": (always, events.session_id.isnull()),
    }


def by_position(events: Table) -> Table:
    """By retriever: events on documents, those at the first and second position, and the last."""
    on_documents = events.filter(_.document_id.notnull())
    return on_documents.group_by("retriever_id").agg(
        n=_.count(),
        n_first=_.count(where=_.position == 0),
        n_second=_.count(where=_.position == 1),
        last=_.position.max(),
    )


def at_first_position(events: Table, returned: Table) -> Table:
    """By retriever: how many lists have several documents at position 0, and how many events are
    there whose document the search put elsewhere: ``n_lists`` and ``n_elsewhere``.
    """
    at_first = events.filter(_.document_id.notnull(), _.position == 0)
    lists = at_first.mutate(list_of=ibis.coalesce(_.execution_id, _.identity)).group_by(
        "retriever_id", "list_of", "query"
    )
    several = lists.agg(n=_.document_id.nunique()).filter(_.list_of.notnull(), _.n > 1)
    listed = returned.select("execution_id", "document_id", listed_at=_.position)
    elsewhere = at_first.inner_join(listed, ["execution_id", "document_id"])
    counts = several.select("retriever_id", n_lists=1, n_elsewhere=0).union(
        elsewhere.filter(_.listed_at > 0).select("retriever_id", n_lists=0, n_elsewhere=1)
    )
    return counts.group_by("retriever_id").agg(
        n_lists=_.n_lists.sum(), n_elsewhere=_.n_elsewhere.sum()
    )


def clicks_of_known(events: Table, returned: Table) -> tuple[Table, Table]:
    """Clicks whose search is known, and those of them on a document that it did not return."""
    clicks = events.filter(_.is_known, _.document_id.notnull(), (_.acts & CLICKED) != 0)
    listed = returned.select("execution_id", "document_id")
    return clicks, clicks.anti_join(listed, ["execution_id", "document_id"])


def repeated_views(events: Table) -> tuple[Table, Table]:
    """Events that only say that a document was shown, and those that another one had said."""
    shown = events.filter(
        _.document_id.notnull(), _.execution_id.notnull(), (_.acts & ~SAID_SHOWN) == 0
    )
    earlier = ibis.window(
        group_by=["execution_id", "document_id", "acts"], order_by=["occurred_at", "id"]
    )
    numbered = shown.mutate(place=ibis.row_number().over(earlier))
    return shown, numbered.filter(_.place > 0)


@built_once
def unseen_clicks(log: Log) -> tuple[Table, Table, Table]:
    """Clicked documents where impressions are sent; those without an impression or a view at the
    positions, or of the queries, that have more of the one than of the other; and these.

    Of a position (null: of a query) of a retriever: ``n_clicked`` and ``n_seen`` documents.
    """
    counted = log.counted
    rows = counted.filter(_.basis == "shown").mutate(
        is_clicked=(_.acts & CLICKED) != 0, is_seen=(_.acts & SAID_SHOWN) != 0
    )
    rows = rows.mutate(_retriever=_.retriever_id.fill_null(""))

    def exceeding(key: str) -> Table:
        cells = rows.filter(rows[key].notnull()).group_by("_retriever", key)
        found = cells.agg(n_clicked=_.count(where=_.is_clicked), n_seen=_.count(where=_.is_seen))
        return found.filter(_.n_clicked > _.n_seen)

    positions, queries = exceeding("position"), exceeding("query")
    unseen = rows.filter(_.is_clicked, ~_.is_seen)
    of_positions = unseen.semi_join(positions, ["_retriever", "position"])
    of_queries = unseen.semi_join(queries, ["_retriever", "query"])
    columns = ("execution_id", "retriever_id", "document_id")
    faulty = (
        of_positions.select(*columns, occurred_at=_.clicked_at)
        .union(of_queries.select(*columns, occurred_at=_.clicked_at))
        .distinct()
        .mutate(id=ibis.null("binary"))
    )
    cells = positions.select("position", "n_clicked", "n_seen").union(
        queries.select("n_clicked", "n_seen", position=ibis.null("int32")).select(
            "position", "n_clicked", "n_seen"
        )
    )
    return rows.filter(_.is_clicked), faulty, cells


def constant_delays(events: Table) -> tuple[Table, Table]:
    """Events that say when they occurred, and those that were recorded later by the same each time.

    On a day, of one retriever or of one identity: the time between occurring and recording is over
    five minutes and hardly varies, while the time of recording does. What is sent in batches, or
    imported, does not: there the time of recording is what hardly varies.
    """
    late = events.filter(~_.live).mutate(
        delay=_.recorded_at - _.occurred_at, day=_.recorded_at // _DAY
    )

    def constant(key: str) -> Table:
        groups = late.filter(late[key].notnull()).group_by(key, "day")
        found = groups.agg(
            n=_.count(),
            middle=_.delay.quantile(0.5),
            spread=_.delay.quantile(0.9) - _.delay.quantile(0.1),
            recording=_.recorded_at.quantile(0.9) - _.recorded_at.quantile(0.1),
        )
        return found.filter(
            _.n >= _FEW,
            _.middle >= LEAST_DELAY,
            _.spread <= DELAY_SPREAD,
            _.recording >= LEAST_DELAY,
            _.recording >= 10 * _.spread,
        )

    columns = ("id", "occurred_at", "execution_id", "retriever_id", "delay")
    of_retrievers = late.semi_join(constant("retriever_id"), ["retriever_id", "day"])
    of_identities = late.semi_join(constant("identity"), ["identity", "day"])
    found = of_retrievers.select(*columns).union(of_identities.select(*columns)).distinct()
    return late, found


def by_identity(events: Table) -> Table:
    """The five identities with most events: ``identity`` and ``n``."""
    known = events.filter(_.identity.notnull())
    counts = known.group_by("identity").agg(n=_.count())
    return counts.order_by(_.n.desc(), "identity").limit(5)


def by_type(events: Table, end: int, length: int, n_periods: int) -> Table:
    """Events by retriever, acts and period, where 0 is the last one, with the last of them.

    Parameters
    ----------
    end
        Of the last period: microseconds since 1970, inclusive.
    length
        Of a period, microseconds.
    """
    rows = events.mutate(period=((end - _.occurred_at) // length).cast("int64"))
    rows = rows.filter(_.period < n_periods)
    return rows.group_by("retriever_id", "acts", "period").agg(
        n=_.count(), last_at=_.occurred_at.max(), last_id=_.id.max()
    )
