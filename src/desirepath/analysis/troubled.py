"""Queries whose results people pass over, or come back from."""

from __future__ import annotations

from ibis import _
from ibis.expr.types import Table

__all__ = ["troubled_queries", "troubled_totals"]


def troubled_queries(found: Table, least: int) -> Table:
    """Queries with any skip or return, those with the most first.

    Parameters
    ----------
    found
        Searches; their further pages are left out.
    least
        Searches that a query needs.

    Returns
    -------
    Table
        ``query``, ``n_identities``, ``n_searches``; searches ``n_skipped`` with a skip, ``n_left``
        with a return to the results, and ``n_opened`` with a click or a return.
    """
    rows = _first_pages(found).group_by("query").agg(n_identities=_.identity.nunique(), **_counts())
    return rows.filter(_.n_searches >= least, (_.n_skipped + _.n_left) > 0).order_by(
        (_.n_skipped + _.n_left).desc(), "query"
    )


def troubled_totals(found: Table) -> Table:
    """The same over all queries, in one row."""
    return _first_pages(found).agg(**_counts())


def _first_pages(found: Table) -> Table:
    return found.filter(~_.is_page, _["query"].notnull())


def _counts() -> dict[str, object]:
    return {
        "n_searches": _.count(),
        "n_skipped": (_.n_skipped > 0).sum(),
        "n_left": (_.n_left_again > 0).sum(),
        "n_opened": ((_.n_clicked > 0) | (_.n_left_again > 0)).sum(),
    }
