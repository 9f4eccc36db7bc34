"""Simulated result lists whose documents change places, and simulated clicks with a known truth.

A simulation, never people: whoever looks at a document clicks it with the chance that its relevance
is, and whether it is looked at depends on its rank alone. All at once in arrays, for studies that
repeat it hundreds of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.position_bias.base import RankCounts

__all__ = ["EXAMINATIONS", "Lists", "Traffic", "simulate_clicks", "simulate_lists"]

_RANKS = np.arange(1.0, 11.0)

EXAMINATIONS: Mapping[str, NDArray[np.float64]] = MappingProxyType(
    {
        "1/rank": 1.0 / _RANKS,
        "1/√rank": _RANKS**-0.5,
        "cut after 4": np.where(_RANKS <= 4, 1.0, 0.3),
        "grid": np.array([1.0, 0.85, 0.7, 0.6, 0.5, 0.45, 0.4, 0.4, 0.5, 0.6]),
        "flat": np.ones(10),
    }
)
"""Chances that ranks 1 to 10 are looked at. In a grid the end of the last row is looked at more."""


class Traffic(Struct, frozen=True, kw_only=True):
    """Who asks what, and how lists are made.

    Parameters
    ----------
    n_queries, query_power
        Query number k comes in proportion to ``k^-query_power``: Zipf's law with 1.
    n_documents
        Candidates of each query.
    n_shown
        Length of a list.
    ranker_error
        Standard deviation of what the ranker gets wrong of each document, for good. Relevances
        scatter by about 1 on its scale, that of log-odds.
    sampling
        Standard deviation of what is drawn anew in each search and for each document, as sampled
        weights do. 0: a document never moves.
    """

    n_queries: int = 1_000
    query_power: float = 1.0
    n_documents: int = 20
    n_shown: int = 10
    ranker_error: float = 0.5
    sampling: float = 0.5


class Lists(Struct, frozen=True, kw_only=True, eq=False):
    """What was shown.

    Parameters
    ----------
    query : shape (n_lists,)
    shown : shape (n_lists, n_shown)
        Codes of (query, document), from the top.
    relevance : shape (n_queries · n_documents,)
        By code: the chance that the document is clicked once it is looked at.
    n_documents
        Of each query; a code divided by it is the query's.
    """

    query: NDArray[np.int64]
    shown: NDArray[np.int64]
    relevance: NDArray[np.float64]
    n_documents: int

    def counts(self, clicked: NDArray[np.bool_]) -> RankCounts:
        """Count impressions and clicks by document and rank.

        Parameters
        ----------
        clicked : shape (n_lists, n_shown)
        """
        n_shown = self.shown.shape[1]
        cell = (self.shown * n_shown + np.arange(n_shown)).ravel()
        n = np.bincount(cell)
        found = np.flatnonzero(n)
        pair = found // n_shown
        return RankCounts(
            pair=pair,
            cluster=pair // self.n_documents,
            rank=found % n_shown + 1,
            n=n[found],
            c=np.bincount(cell[clicked.ravel()], minlength=len(n))[found],
        )


def simulate_lists(n_lists: int, rng: np.random.Generator, traffic: Traffic | None = None) -> Lists:
    """Make lists.

    Examples
    --------
    >>> lists = simulate_lists(1_000, np.random.default_rng(1))
    >>> lists.shown.shape
    (1000, 10)
    """
    traffic = traffic or Traffic()
    shares = np.arange(1, traffic.n_queries + 1) ** -traffic.query_power
    query = rng.choice(traffic.n_queries, n_lists, p=shares / shares.sum())
    odds = rng.normal(-1.0, 1.0, (traffic.n_queries, traffic.n_documents))
    scores = odds + traffic.ranker_error * rng.standard_normal(odds.shape)
    drawn = traffic.sampling * rng.standard_normal((n_lists, traffic.n_documents), np.float32)
    order = np.argsort(-(scores[query] + drawn), axis=1)[:, : traffic.n_shown]
    return Lists(
        query=query,
        shown=query[:, None] * traffic.n_documents + order,
        relevance=(1.0 / (1.0 + np.exp(-odds))).ravel(),
        n_documents=traffic.n_documents,
    )


def simulate_clicks(
    lists: Lists, examination: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Click what is looked at and attracts, shape (n_lists, n_shown).

    Parameters
    ----------
    examination : shape (n_shown,)
        Chance of each rank to be looked at.
    """
    return rng.random(lists.shown.shape) < examination * lists.relevance[lists.shown]
