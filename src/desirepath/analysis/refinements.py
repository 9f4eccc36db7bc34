"""Which query people make of which, and what comes of it."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

__all__ = ["LONGEST", "chains", "examples", "queries_tried", "refinements", "steps"]

LONGEST = 4
"""Queries of a chain that are told apart."""

_PAIR = ("query", "refined_to")
_KEYS = ("thread", "visit", *_PAIR)


def steps(events: Table, made: Table) -> Table:
    """From one query to another one: each once in a visit, however often it was made there.

    Parameters
    ----------
    events
        ``query_refinement`` events, as :func:`~desirepath.analysis.attempts.refinement_events`
        gives them.
    made
        Attempts, whose next query in the visit is a refinement too.

    Returns
    -------
    Table
        ``thread``, ``visit``, ``query``, ``refined_to``, ``at``, ``identity``, ``session_id``,
        ``first_is_clicked`` and ``second_is_clicked`` (null: that query was not seen in the visit),
        ``is_said`` (an event says so).
    """
    seen = (
        made.filter(_.next_query.notnull())
        .mutate(refined_to=_.next_query)
        .group_by(*_KEYS)
        .agg(
            at=_.began_at.min(),
            identity=_.identity.min(),
            session_id=_.session_id.min(),
            first_is_clicked=_.is_clicked.any(),
            second_is_clicked=_.next_is_clicked.any(),
        )
    )
    said = (
        events.filter(_["query"].notnull(), _.refined_to.notnull(), _["query"] != _.refined_to)
        .group_by(*_KEYS)
        .agg(
            at=_.occurred_at.min(),
            identity=_.identity.min(),
            session_id=_.session_id.min(),
        )
    )
    flags = said.select(*_KEYS, is_said=ibis.literal(True))
    marked = seen.left_join(flags, _KEYS).drop(*(f"{key}_right" for key in _KEYS))
    marked = marked.mutate(is_said=_.is_said.fill_null(False))
    tried = made.group_by("thread", "visit", "query").agg(clicked=_.is_clicked.any())
    first = tried.rename(first_is_clicked="clicked")
    second = tried.rename(second_is_clicked="clicked", refined_to="query")
    only_said = said.anti_join(seen, _KEYS)
    for other in (first, second):
        keys = [name for name in _KEYS if name in other.columns]
        only_said = only_said.left_join(other, keys).drop(*(f"{key}_right" for key in keys))
    only_said = only_said.mutate(is_said=ibis.literal(True))
    return marked.union(only_said.select(marked.columns))


def queries_tried(made: Table) -> Table:
    """``query``, ``n_attempts`` with it, and ``n_clicked`` of them."""
    return made.group_by("query").agg(n_attempts=_.count(), n_clicked=_.is_clicked.sum())


def refinements(made_steps: Table, tried: Table) -> Table:
    """Pairs of queries, those of most people first.

    Returns
    -------
    Table
        ``query``, ``refined_to``; ``n`` visits that went from one to the other, ``n_identities``,
        ``n_said`` by an event, ``last_at``; ``n_failed`` where nothing was clicked for the first
        and the second was seen, ``n_rescued`` of those where something was clicked for the second;
        ``n_from`` steps from the first to any query, ``n_to`` steps from any to the second,
        ``n_steps``, ``n_all_failed`` and ``n_all_rescued`` of all steps; ``n_attempts`` with the
        first query, and ``n_clicked`` of them (null: it was never seen).
    """
    failed = ~made_steps.first_is_clicked & made_steps.second_is_clicked.notnull()
    rows = made_steps.mutate(
        failed=failed.fill_null(False),
        rescued=(failed & made_steps.second_is_clicked).fill_null(False),
    )
    counts = {"n": rows.count(), "n_failed": rows.failed.sum(), "n_rescued": rows.rescued.sum()}
    pairs = rows.group_by(*_PAIR).agg(
        **counts,
        n_identities=rows.identity.nunique(),
        n_said=rows.is_said.sum(),
        last_at=rows.at.max(),
    )
    everywhere = ibis.window()
    pairs = pairs.mutate(
        n_from=pairs.n.sum().over(ibis.window(group_by="query")),
        n_to=pairs.n.sum().over(ibis.window(group_by="refined_to")),
        n_steps=pairs.n.sum().over(everywhere),
        n_all_failed=pairs.n_failed.sum().over(everywhere),
        n_all_rescued=pairs.n_rescued.sum().over(everywhere),
    )
    pairs = pairs.left_join(tried, "query").drop("query_right")
    return pairs.order_by(_.n_identities.desc(), _.n.desc(), *_PAIR)


def examples(made_steps: Table, firsts: list[str], seconds: list[str], most: int) -> Table:
    """The last visits that went from one of some queries to one of others.

    Returns
    -------
    Table
        ``query``, ``refined_to``, ``session_id``, ``at``; at most ``most`` for each pair, and only
        those with a session.
    """
    rows = made_steps.filter(
        _["query"].isin(firsts), _.refined_to.isin(seconds), _.session_id.notnull()
    )
    last = ibis.window(group_by=list(_PAIR), order_by=[rows.at.desc(), rows.session_id])
    rows = rows.mutate(place=ibis.row_number().over(last)).filter(_.place < most)
    return rows.order_by(*_PAIR, "place").select(*_PAIR, "session_id", "at")


def chains(made: Table) -> Table:
    """Visits of three attempts and more, by their first queries; those of most people first.

    Returns
    -------
    Table
        ``query_1`` to ``query_4`` (the last one null: there were three), ``n`` visits,
        ``n_identities``, ``n_longer`` (they went on after the fourth), ``n_rescued`` (something was
        clicked for the last query of the visit, whichever it was).
    """
    names = [f"query_{place}" for place in range(1, LONGEST + 1)]
    visits = made.group_by("thread", "visit").agg(
        **{
            name: made["query"].max(where=made.attempt == place)
            for place, name in enumerate(names, start=1)
        },
        n_attempts=made.attempt.max(),
        identity=made.identity.min(),
        is_rescued=(made.is_clicked & made.next_query.isnull()).any(),
    )
    return (
        visits.filter(_.n_attempts >= 3)
        .group_by(*names)
        .agg(
            n=_.count(),
            n_identities=_.identity.nunique(),
            n_longer=(_.n_attempts > LONGEST).sum(),
            n_rescued=_.is_rescued.sum(),
        )
        .order_by(_.n_identities.desc(), _.n.desc(), *names)
    )
