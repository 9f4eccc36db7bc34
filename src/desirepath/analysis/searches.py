"""Searches: one row each, with what came of it.

Of an execution that is in the log, with its further pages; of searches that are known only by their
interactions, put together as their impressions are; and of ``zero_results`` events whose search is
not in the log.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from desirepath.analysis.building import built_once
from desirepath.analysis.impressions import is_clicked
from desirepath.analysis.log import Log
from desirepath.domain.acts import LEFT_AGAIN, SAID_SHOWN, SKIPPED, TYPE_TO_BIT

__all__ = ["ACTED", "LONGEST_WAIT", "search_keys", "searches"]

ACTED = ~(SAID_SHOWN | SKIPPED)
"""Bits of what is done with a document, beyond being shown it and passing it over."""

LONGEST_WAIT = 30 * 60 * 1_000_000
"""A first click that comes later, in microseconds, was hardly waited for."""

_TEXTS = ("retriever_id", "configuration", "metadata", "session_id", "user_id", "query")
_COUNTS = (
    "n_impressions",
    "n_clicked",
    "n_documents_clicked",
    "n_documents_skipped",
    "n_documents_left",
    "n_documents_acted",
    "clicked_ranks",
    "clicked_ranks_squared",
)


@built_once
def searches(log: Log) -> Table:
    """The searches of a log.

    Returns
    -------
    Table
        ``search`` (a key), ``is_known`` (its execution is in the log), ``occurred_at``,
        ``retriever_id``, ``version``, ``configuration``, ``metadata``, ``session_id``, ``user_id``,
        ``query``; ``n_results`` (up to the deepest page; null: not known); ``is_observed`` (it
        would be here if nobody had acted); of its impressions that rates count, ``n_impressions``
        and ``n_clicked``; of all its documents, how many were clicked, skipped, left again and
        acted on, and the sums of the ranks and of the squared ranks of the clicked ones;
        ``n_refinements`` (null: not known); ``wait`` (microseconds to the first click; null: none
        within half an hour, or the time of the search is not known).
    """
    outcomes = _outcomes(log)
    known = _known(log, outcomes)
    lone = _lone(outcomes)
    return known.union(lone).union(_fruitless(log, lone))


def search_keys(impressions: Table) -> Table:
    """Impressions with the ``search`` they are of, but that further pages are searches too."""
    lone = (
        impressions.occurred_at.cast("string")
        + "\n"
        + impressions.session_id.coalesce(impressions.user_id).fill_null("")
        + "\n"
        + impressions["query"].fill_null("")
    )
    return impressions.mutate(search=impressions.execution_id.coalesce(lone))


def _outcomes(log: Log) -> Table:
    """What impressions of each search come to."""
    rows = search_keys(log.impressions)
    rank = rows.position.cast("int64") + 1
    clicked = is_clicked(rows)
    outcomes = rows.group_by("search").agg(
        is_known=rows.is_known.max(),
        occurred_at=rows.occurred_at.min(),
        version=rows.version.max(),
        **{name: rows[name].max() for name in _TEXTS},
        n_listed=rows.n_documents.max(),
        clicked_at=rows.clicked_at.min(),
        n_documents_clicked=clicked.sum(),
        n_documents_skipped=((rows.acts & SKIPPED) != 0).sum(),
        n_documents_left=((rows.acts & LEFT_AGAIN) != 0).sum(),
        n_documents_acted=((rows.acts & ACTED) != 0).sum(),
        clicked_ranks=rank.sum(where=clicked),
        clicked_ranks_squared=(rank * rank).sum(where=clicked),
    )
    rates = search_keys(log.counted)
    rates = rates.group_by("search").agg(
        n_impressions=rates.count(), n_clicked=is_clicked(rates).sum()
    )
    return outcomes.left_join(rates, "search").drop("search_right")


def _known(log: Log, outcomes: Table) -> Table:
    done = outcomes.filter(_.is_known).select("search", "clicked_at", *_COUNTS)
    refined = log.interactions.filter((_.acts & TYPE_TO_BIT["query_refinement"]) != 0)
    refined = refined.filter(_.execution_id.notnull())
    refined = refined.group_by(search=refined.execution_id).agg(n_refinements=refined.count())
    pages = log.executions.mutate(search=log.executions.execution_id)
    pages = pages.left_join(done, "search").drop("search_right")
    pages = pages.left_join(refined, "search").drop("search_right")
    pages = pages.mutate(search=pages.parent_id.coalesce(pages.execution_id))
    rows = pages.group_by("search").agg(
        occurred_at=pages.occurred_at.min(),
        version=pages.version.max(),
        **{name: pages[name].max() for name in _TEXTS},
        n_results=(pages.offset + pages.n_documents).max().cast("int64"),
        clicked_at=pages.clicked_at.min(),
        n_refinements=pages.n_refinements.sum().fill_null(0),
        **{name: pages[name].sum() for name in _COUNTS},
    )
    wait = rows.clicked_at - rows.occurred_at
    return _shaped(
        rows.mutate(
            is_known=ibis.literal(True),
            is_observed=ibis.literal(True),
            wait=ibis.ifelse(wait.between(0, LONGEST_WAIT), wait, ibis.null("int64")),
        )
    )


def _lone(outcomes: Table) -> Table:
    rows = outcomes.filter(~_.is_known)
    return _shaped(
        rows.mutate(
            is_observed=rows.n_impressions.fill_null(0) > 0,
            n_results=rows.n_listed.cast("int64"),
            n_refinements=ibis.null("int64"),
            wait=ibis.null("int64"),
        )
    )


def _fruitless(log: Log, lone: Table) -> Table:
    """Searches that nothing but a ``zero_results`` event speaks of."""
    events = log.interactions.filter((_.acts & TYPE_TO_BIT["zero_results"]) != 0, ~_.is_known)
    rows = search_keys(events).anti_join(lone, "search")
    found = rows.group_by("search").agg(
        occurred_at=rows.occurred_at.min(),
        retriever_id=rows.retriever_id.max(),
        session_id=rows.session_id.max(),
        user_id=rows.user_id.max(),
        query=rows["query"].max(),
    )
    nothing: dict[str, Any] = {name: ibis.literal(0, "int64") for name in ("n_results", *_COUNTS)}
    return _shaped(
        found.mutate(
            is_known=ibis.literal(False),
            is_observed=ibis.literal(False),
            version=ibis.null("int32"),
            configuration=ibis.null(str),
            metadata=ibis.null(str),
            n_refinements=ibis.null("int64"),
            wait=ibis.null("int64"),
            **nothing,
        )
    )


def _shaped(rows: Table) -> Table:
    return rows.select(
        "search",
        "is_known",
        "is_observed",
        "occurred_at",
        "version",
        *_TEXTS,
        "n_results",
        "n_refinements",
        "wait",
        **{name: rows[name].fill_null(0).cast("int64") for name in _COUNTS},
    )
