"""Identities whose clicks no person makes.

What marks them is how they click, never how much: whoever clicks most is an honest user as a rule.
Each mark asks for so much evidence that chance does not bring it about, and two of them go by time,
which means something only where a log has the times of people: not where it was replayed, simulated
or recorded in batches: the :func:`crowd` tells. Nobody is compared with fewer than twenty others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.building import built_once
from desirepath.analysis.log import Log, identity_of
from desirepath.domain.acts import CLICKED

__all__ = [
    "BUSY_MINUTES",
    "BUSY_MINUTE_CLICKS",
    "LEAST_CLICKS",
    "LEAST_LISTS",
    "LONG_LIST",
    "NEARLY_ALL",
    "NO_TIME",
    "REGULAR_SPREAD",
    "busiest",
    "crowd",
    "marks",
]

LEAST_CLICKS = 100
"""Of an identity on one UTC day, before anything is said of it."""

MOST_IDENTITIES = 1_000
"""Are looked at, those with most clicks."""

BUSY_MINUTE_CLICKS = 60
BUSY_MINUTES = 5
"""Clicks in a minute of the clock, and how many such minutes."""

LEAST_LISTS = 20
LONG_LIST = 5
"""Lists with clicks, and their documents: of a list of two, both are soon clicked."""

NEARLY_ALL = 0.9
NO_TIME = 300_000
"""Microseconds from a search to a click, or from one click to the next, that nobody is below."""

REGULAR_SPREAD = 0.1
REGULAR_MOST = 3_600_000_000
"""Between the 10th and the 90th percentile of the time between clicks, as a part of the median; and
the largest median, in microseconds: once a day at nine is a habit."""

_MINUTE = 60_000_000
_DAY = 86_400_000_000


@built_once
def busiest(log: Log) -> Table:
    """Identities that clicked a hundred times on one day, most of all clicks first: ``identity``.

    Only those are looked at: few people do, so that all the rest is about a small part of the log.
    """
    days = _clicks(log).group_by("identity", day=_.occurred_at // _DAY).agg(n=_.count())
    busy = days.filter(_.n >= LEAST_CLICKS).group_by("identity").agg(n=_.n.sum())
    return busy.order_by(_.n.desc(), "identity").select("identity").limit(MOST_IDENTITIES)


def marks(log: Log, identities: Sequence[str]) -> Table:
    """What marks some identities as no people: ``identity``, ``mark``; one with two has two rows.

    Parameters
    ----------
    identities
        At least one, of :func:`busiest`.
    """
    everybody = _clicks(log)
    clicks = everybody.filter(_.identity.isin(identities))
    searches = log.executions.mutate(identity=identity_of(log.executions))
    searches = searches.filter(_.identity.isin(identities))
    lists = _lists(clicks, log.executions)
    marked = {
        "clicks_everything": _click_everything(lists, searches),
        "clicks_at_once": _click_at_once(lists),
        "inhuman_rate": _inhuman_rate(clicks),
        "regular_clicks": _regular(clicks),
        "one_document": _one_document(clicks, everybody),
    }
    return ibis.union(
        *(table.select("identity", mark=ibis.literal(name)) for name, table in marked.items())
    )


@built_once
def crowd(log: Log) -> Table:
    """Everybody who clicks: ``n`` identities, of whom ``n_timed`` in lists that have times.

    ``n_in_no_time`` of those click most of their lists faster than anybody can.
    """
    lists = _lists(_clicks(log), log.executions)
    timed = lists.began_at.notnull() | (lists.n > 1)
    people = lists.group_by("identity").agg(
        n_timed=timed.cast("int64").sum(), n_quick=(timed & _in_no_time(lists)).cast("int64").sum()
    )
    return people.aggregate(
        n=_.count(),
        n_timed=_.count(where=people.n_timed > 0),
        n_in_no_time=_.count(where=people.n_quick * 2 > people.n_timed),
    )


def _clicks(log: Log) -> Table:
    """Clicks on documents with who made them, where that is known.

    Most events say who it was: only the others are looked up in their execution.
    """
    clicks = log.sent.filter((_.acts & CLICKED) != 0, _.document_id.notnull())
    columns = ("document_id", "execution_id", "occurred_at")
    own = clicks.filter(_.user_id.notnull()).select(*columns, identity=_.user_id)
    others = clicks.filter(_.user_id.isnull()).select(*columns, "session_id")
    of_search = log.executions.select(
        search=_.execution_id, search_user=_.user_id, search_session=_.session_id
    )
    looked_up = others.left_join(of_search, others.execution_id == of_search.search)
    looked_up = looked_up.select(
        *columns, identity=ibis.coalesce(_.search_user, _.session_id, _.search_session)
    )
    return own.union(looked_up.filter(_.identity.notnull()))


def _lists(clicks: Table, executions: Table) -> Table:
    """What an identity clicked in each list, by execution."""
    named = clicks.filter(_.execution_id.notnull())
    lists = named.group_by("identity", "execution_id").agg(
        n=_.count(), first_at=_.occurred_at.min(), last_at=_.occurred_at.max()
    )
    searches = executions.select("execution_id", "n_documents", began_at=_.occurred_at)
    return lists.left_join(searches, "execution_id").drop("execution_id_right")


def _in_no_time(lists: Table) -> Any:
    """Whether the clicks of a list came faster than anybody can; false where nobody knows."""
    since_search = lists.last_at - lists.began_at < NO_TIME * lists.n
    since_click = lists.last_at - lists.first_at < NO_TIME * (lists.n - 1)
    return ibis.ifelse(lists.began_at.notnull(), since_search, since_click)


def _click_everything(lists: Table, searches: Table) -> Table:
    """Nearly all documents of many long lists, and of most of the long lists there were."""
    whole = lists.filter(_.n_documents >= LONG_LIST, _.n >= NEARLY_ALL * _.n_documents)
    n_whole = whole.group_by("identity").agg(n=_.count()).filter(_.n >= LEAST_LISTS)
    long = searches.filter(_.n_documents >= LONG_LIST)
    n_long = long.group_by("identity").agg(n_long=_.count())
    return n_whole.left_join(n_long, "identity").filter(_.n * 2 > _.n_long.fill_null(0))


def _click_at_once(lists: Table) -> Table:
    """Nearly all lists are clicked faster than anybody reads."""
    timed = lists.filter(_.began_at.notnull() | (_.n > 1))
    people = timed.group_by("identity").agg(n=_.count(), n_quick=_.count(where=_in_no_time(timed)))
    return people.filter(_.n >= LEAST_LISTS, _.n_quick >= NEARLY_ALL * _.n)


def _inhuman_rate(clicks: Table) -> Table:
    minutes = clicks.group_by("identity", minute=_.occurred_at // _MINUTE).agg(n=_.count())
    busy = minutes.filter(_.n >= BUSY_MINUTE_CLICKS)
    return busy.group_by("identity").agg(n=_.count()).filter(_.n >= BUSY_MINUTES)


def _regular(clicks: Table) -> Table:
    """The time between clicks is always the same."""
    before = ibis.window(group_by="identity", order_by="occurred_at")
    gaps = clicks.mutate(gap=_.occurred_at - _.occurred_at.lag().over(before))
    gaps = gaps.filter(_.gap.notnull())
    people = gaps.group_by("identity").agg(
        low=_.gap.quantile(0.1), middle=_.gap.quantile(0.5), high=_.gap.quantile(0.9)
    )
    return people.filter(
        _.middle >= NO_TIME,
        _.middle <= REGULAR_MOST,
        _.high - _.low <= REGULAR_SPREAD * _.middle,
    )


def _one_document(clicks: Table, everybody: Table) -> Table:
    """Nearly all are on one document, a hundred on one day, and hardly anybody clicks it else."""
    days = clicks.group_by("identity", "document_id", day=_.occurred_at // _DAY).agg(n=_.count())
    documents = days.group_by("identity", "document_id").agg(n=_.n.sum(), most=_.n.max())
    n_all = documents.group_by("identity").agg(n_all=_.n.sum())
    pairs = documents.filter(_.most >= LEAST_CLICKS).inner_join(n_all, "identity")
    pairs = pairs.filter(_.n >= NEARLY_ALL * _.n_all)
    by_all = everybody.semi_join(pairs, "document_id").group_by("document_id")
    return pairs.inner_join(by_all.agg(n_by_all=_.count()), "document_id").filter(
        _.n * 2 > _.n_by_all
    )
