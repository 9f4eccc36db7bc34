"""What a query adapter gains on queries that it was not fitted to, and whether that is enough."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from desirepath.errors import NotEnoughData
from desirepath.methods.adapters.linear import ClickedVectors, adapted, directions
from desirepath.methods.adapters.maps import CANDIDATES, MapChoice
from desirepath.methods.intervals import bootstrap_of_mean
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.ranking.comparing import MeanEstimate

__all__ = ["LEAST_QUERIES", "HeldOutGain", "held_out_gain", "ndcg"]

LEAST_QUERIES = 20
"""Queries with a click that a gain can be told from: fewer give no interval worth its name."""
_FOLDS = 10
_FOLDS_TO_CHOOSE = 5
_BATCH = 256


class HeldOutGain(Struct, frozen=True, kw_only=True, eq=False):
    """How much better queries find what was clicked for them, with a map of the other queries.

    Parameters
    ----------
    before, after : shape (N,)
        nDCG@10 of each query without the map and with it.
    choice
        How to fit all queries.
    gain
        The mean of the difference, with its paired 95 % interval.
    """

    before: FloatArray
    after: FloatArray
    choice: MapChoice
    gain: MeanEstimate


def held_out_gain(
    clicked: ClickedVectors,
    groups: IntArray,
    rng: np.random.Generator,
    folded: Callable[[int, int], None] | None = None,
) -> HeldOutGain:
    """Fit a map to nine tenths of the queries, and measure it on the tenth; ten times over.

    Each query is held out once. The kind of map and its strength are chosen among the queries that
    are fitted to, by the same means, so that no query that is measured had a say. Tenths, not
    fifths: what serves is fitted to all queries, and few are missed.

    Parameters
    ----------
    groups : shape (N,)
        Queries of the same group (wordings of one wish) are held out together.
    rng
        Deals groups into tenths, and draws the interval's resamples of groups.
    folded
        Told after each tenth how many are done, and of how many.

    Raises
    ------
    NotEnoughData
        There are fewer than 20 queries, or groups of them, with a click.
    """
    n_groups = len(np.unique(groups[clicked.query]))
    if n_groups < LEAST_QUERIES:
        raise NotEnoughData(
            "queries with a click and a vector", needed=LEAST_QUERIES, found=n_groups
        )
    n, d = clicked.queries.shape
    before = ndcg(clicked, np.eye(d))
    after = np.zeros(n)
    folds = _folds(groups, rng, _FOLDS)
    for fold in range(_FOLDS):
        fitted, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        part = clicked.take(fitted)
        choice = _best_choice(part, groups[fitted], rng)
        after[held] = ndcg(clicked.take(held), choice.fit(part))
        if folded is not None:
            folded(fold + 1, _FOLDS)
    low, high = bootstrap_of_mean(after - before, rng, groups)
    return HeldOutGain(
        before=before,
        after=after,
        choice=_best_choice(clicked, groups, rng),
        gain=MeanEstimate(mean=float((after - before).mean()), low=low, high=high, of=n),
    )


def ndcg(clicked: ClickedVectors, matrix: FloatArray, depth: int = 10) -> FloatArray:
    """NDCG of each query over all documents by cosine; a pair's gain is its weight, log2(rank + 1).

    A document that was never shown has gain 0, which favours what served while it was logged.

    References
    ----------
    Järvelin & Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques; linear gain.
    """
    n, m = len(clicked.queries), len(clicked.documents)
    depth = min(depth, m)
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    order = np.lexsort((-clicked.weights, clicked.query))
    query, best = clicked.query[order], clicked.weights[order]
    rank = np.arange(len(query)) - np.searchsorted(query, query)
    top = rank < depth
    ideal = np.bincount(query[top], best[top] * discounts[rank[top]], n)
    by_pair = np.argsort(clicked.query * m + clicked.document)
    pairs, weights = (clicked.query * m + clicked.document)[by_pair], clicked.weights[by_pair]
    documents = directions(clicked.documents)
    mapped = adapted(clicked.queries, matrix)
    values = np.zeros(n)
    for start in range(0, n if len(pairs) else 0, _BATCH):
        found = _best(mapped[start : start + _BATCH] @ documents.T, depth)
        wanted = (start + np.arange(len(found)))[:, None] * m + found
        at = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
        gains = np.where(pairs[at] == wanted, weights[at], 0.0)
        values[start : start + _BATCH] = gains @ discounts
    return values / np.where(ideal > 0, ideal, 1.0)


def _best(scores: FloatArray, depth: int) -> IntArray:
    """The columns of the largest numbers of each row, the largest first."""
    best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
    found: IntArray = np.take_along_axis(best, order, 1)
    return found


def _folds(groups: IntArray, rng: np.random.Generator, n: int) -> IntArray:
    """One of n parts for each query, the same for all of a group."""
    names, codes = np.unique(groups, return_inverse=True)
    dealt = rng.permutation(len(names)) % n
    folds: IntArray = dealt[codes].astype(np.int64)
    return folds


def _best_choice(clicked: ClickedVectors, groups: IntArray, rng: np.random.Generator) -> MapChoice:
    folds = _folds(groups, rng, _FOLDS_TO_CHOOSE)
    totals = np.zeros(len(CANDIDATES))
    for fold in range(_FOLDS_TO_CHOOSE):
        part = clicked.take(np.flatnonzero(folds != fold))
        held = clicked.take(np.flatnonzero(folds == fold))
        if len(part.query) and len(held.queries):
            totals += [ndcg(held, candidate.fit(part)).sum() for candidate in CANDIDATES]
    return CANDIDATES[int(np.argmax(totals))]  # among equals, the least change
