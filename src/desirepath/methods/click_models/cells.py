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

__all__ = ["Counts", "Expected", "count", "expect", "information", "linked", "shown_often"]


_FEW = 4
"""Where there are so few possible cells for an impression, all are counted and none looked up."""


class Counts(NamedTuple):
    """All that the likelihood depends on.

    Cells are in order of pairs, those of a pair in order of ranks; ``pairs``, ``ranks``, ``shown``
    and ``clicks`` are by cell. ``first`` is the smallest rank there is.
    """

    pairs: IntArray
    ranks: IntArray
    shown: FloatArray
    clicks: FloatArray
    pair_shown: FloatArray
    pair_clicks: FloatArray
    rank_shown: FloatArray
    rank_clicks: FloatArray
    first: int


def count(sessions: SearchSessions) -> Counts:
    """Add up sessions that are not empty."""
    weights, n_ranks = sessions.impression_weights, int(sessions.ranks.max())
    cells, of_cell = _cells_of(sessions, n_ranks)
    shown = totals(of_cell, weights, len(cells))
    clicks = totals(of_cell, weights * sessions.clicked, len(cells))
    counts = shown > 0
    pairs, ranks = np.divmod(cells[counts], n_ranks)
    return _added_up(pairs, ranks, shown[counts], clicks[counts], sessions.n_pairs)


def shown_often(counts: Counts, least: float) -> Counts:
    """Only the pairs that were shown so often, numbered anew."""
    often = counts.pair_shown[counts.pairs] >= least
    _, pairs = np.unique(counts.pairs[often], return_inverse=True)
    n_pairs = int(pairs.max(initial=-1)) + 1
    return _added_up(pairs, counts.ranks[often], counts.shown[often], counts.clicks[often], n_pairs)


def _cells_of(sessions: SearchSessions, n_ranks: int) -> tuple[IntArray, IntArray]:
    """The cells, as pair times ranks plus rank, and which of them each impression is in."""
    cell = sessions.pairs * n_ranks + sessions.ranks - 1
    n_possible = sessions.n_pairs * n_ranks
    if n_possible <= _FEW * len(cell):
        return np.arange(n_possible), cell
    cells, of_cell = np.unique(cell, return_inverse=True)
    return cells, of_cell


def _added_up(
    pairs: IntArray, ranks: IntArray, shown: FloatArray, clicks: FloatArray, n_pairs: int
) -> Counts:
    n_ranks = int(ranks.max(initial=-1)) + 1
    return Counts(
        pairs=pairs,
        ranks=ranks,
        shown=shown,
        clicks=clicks,
        pair_shown=totals(pairs, shown, n_pairs),
        pair_clicks=totals(pairs, clicks, n_pairs),
        rank_shown=totals(ranks, shown, n_ranks),
        rank_clicks=totals(ranks, clicks, n_ranks),
        first=int(ranks.min(initial=n_ranks)),
    )


class Expected(NamedTuple):
    """How often ranks were looked at and pairs liked, and the log-likelihood of the clicks."""

    looks: FloatArray
    likes: FloatArray
    log_likelihood: float


def expect(examination: FloatArray, attractiveness: FloatArray, counts: Counts) -> Expected:
    """What was clicked was looked at and liked; what was left alone may have been either."""
    looked, liked = examination[counts.ranks], attractiveness[counts.pairs]
    left_alone, chance = counts.shown - counts.clicks, 1.0 - looked * liked
    cases = left_alone / chance
    unliked = totals(counts.ranks, cases * (1.0 - liked), len(examination))
    unseen = totals(counts.pairs, cases * (1.0 - looked), len(attractiveness))
    return Expected(
        looks=counts.rank_clicks + examination * unliked,
        likes=counts.pair_clicks + attractiveness * unseen,
        log_likelihood=float(
            left_alone @ np.log(chance)
            + counts.rank_clicks @ np.log(examination)
            + counts.pair_clicks @ np.log(attractiveness)
        ),
    )


def information(examination: FloatArray, attractiveness: FloatArray, counts: Counts) -> FloatArray:
    """Minus the second derivative of the log-likelihood by each attractiveness."""
    looked, liked = examination[counts.ranks], attractiveness[counts.pairs]
    left_alone = counts.shown - counts.clicks
    of_cells = left_alone * (looked / (1.0 - looked * liked)) ** 2
    of_pairs = totals(counts.pairs, of_cells, len(attractiveness))
    return counts.pair_clicks / attractiveness**2 + of_pairs


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
