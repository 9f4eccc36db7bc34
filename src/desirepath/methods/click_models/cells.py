"""What clicks teach of ranks and pairs, if a click takes a look at the rank and liking the pair.

Sessions are added up to cells, a cell being a pair at a rank: the likelihood depends on nothing
else. Ranks are counted from 0 here, as codes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from desirepath.methods.click_models.sessions import BoolArray, SearchSessions
from desirepath.methods.click_models.totals import totals
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["Counts", "Expected", "count", "expect", "information", "linked"]


class Counts(NamedTuple):
    """All that the likelihood depends on.

    What was clicked was looked at and liked, so only what was left alone is needed by cell. A cell
    is a pair at a rank; cells are in order of pairs, those of a pair in order of ranks.
    """

    pairs: IntArray
    ranks: IntArray
    left_alone: FloatArray
    pair_clicks: FloatArray
    pair_shown: FloatArray
    rank_clicks: FloatArray
    rank_shown: FloatArray
    first: int


def count(sessions: SearchSessions) -> Counts:
    weights, n_ranks = sessions.impression_weights, int(sessions.ranks.max())
    cells, of_cell = np.unique(sessions.pairs * n_ranks + sessions.ranks - 1, return_inverse=True)
    shown = totals(of_cell, weights, len(cells))
    clicks = totals(of_cell, weights * sessions.clicked, len(cells))
    counts = shown > 0
    shown, clicks = shown[counts], clicks[counts]
    pairs, ranks = np.divmod(cells[counts], n_ranks)
    seen = np.flatnonzero(totals(ranks, shown, n_ranks))
    n_ranks = int(seen[-1]) + 1
    return Counts(
        pairs=pairs,
        ranks=ranks,
        left_alone=shown - clicks,
        pair_clicks=totals(pairs, clicks, sessions.n_pairs),
        pair_shown=totals(pairs, shown, sessions.n_pairs),
        rank_clicks=totals(ranks, clicks, n_ranks),
        rank_shown=totals(ranks, shown, n_ranks),
        first=int(seen[0]),
    )


class Expected(NamedTuple):
    """How often ranks were looked at and pairs liked, and the log-likelihood of the clicks."""

    looks: FloatArray
    likes: FloatArray
    log_likelihood: float


def expect(examination: FloatArray, attractiveness: FloatArray, counts: Counts) -> Expected:
    """What was clicked was looked at and liked; what was left alone may have been either."""
    looked, liked = examination[counts.ranks], attractiveness[counts.pairs]
    chance = 1.0 - looked * liked
    cases = counts.left_alone / chance
    unliked = totals(counts.ranks, cases * (1.0 - liked), len(examination))
    unseen = totals(counts.pairs, cases * (1.0 - looked), len(attractiveness))
    return Expected(
        looks=counts.rank_clicks + examination * unliked,
        likes=counts.pair_clicks + attractiveness * unseen,
        log_likelihood=float(
            counts.left_alone @ np.log(chance)
            + counts.rank_clicks @ np.log(examination)
            + counts.pair_clicks @ np.log(attractiveness)
        ),
    )


def information(examination: FloatArray, attractiveness: FloatArray, counts: Counts) -> FloatArray:
    """Minus the second derivative of the log-likelihood by each attractiveness."""
    looked, liked = examination[counts.ranks], attractiveness[counts.pairs]
    of_cells = counts.left_alone * (looked / (1.0 - looked * liked)) ** 2
    left_alone = totals(counts.pairs, of_cells, len(attractiveness))
    return counts.pair_clicks / attractiveness**2 + left_alone


def linked(counts: Counts) -> BoolArray:
    """Which ranks share a document with the first one, directly or by way of others."""
    same_pair = np.flatnonzero(np.diff(counts.pairs) == 0)
    n_ranks = len(counts.rank_shown)
    links = np.unique(counts.ranks[same_pair] * n_ranks + counts.ranks[same_pair + 1])
    upper, lower = np.divmod(links, n_ranks)
    is_linked = np.zeros(n_ranks, bool)
    is_linked[counts.first] = True
    n_before = 0
    while is_linked.sum() > n_before:
        n_before = is_linked.sum()
        either = is_linked[upper] | is_linked[lower]
        is_linked[upper[either]] = is_linked[lower[either]] = True
    return is_linked
