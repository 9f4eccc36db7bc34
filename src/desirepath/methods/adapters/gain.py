"""What a query adapter gains on queries that it was not fitted to, and whether that is enough."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from desirepath.errors import NotEnoughData
from desirepath.methods.adapters.linear import (
    RIDGES,
    ClickedVectors,
    adapted,
    directions,
    fit_ridge,
)
from desirepath.methods.intervals import bootstrap_of_mean
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.ranking.metrics import ndcg_of_found

__all__ = ["LEAST_QUERIES", "HeldOutGain", "held_out_gain", "ndcg"]

LEAST_QUERIES = 20
"""Queries with a click that a gain can be told from: fewer give no interval worth its name."""
_FOLDS = 5
_BATCH = 256


class HeldOutGain(Struct, frozen=True, kw_only=True, eq=False):
    """How much better queries find what was clicked for them, with a map of the other queries.

    Parameters
    ----------
    before, after : shape (N,)
        nDCG@10 of each query without the map and with it.
    ridge
        The strength to fit all queries with.
    mean, low, high
        Of the difference, with its paired 95% interval.
    """

    before: FloatArray
    after: FloatArray
    ridge: float
    mean: float
    low: float
    high: float

    @property
    def is_shipped(self) -> bool:
        """Whether the gain is surely above 0."""
        return self.low > 0


def held_out_gain(
    clicked: ClickedVectors,
    groups: IntArray,
    rng: np.random.Generator,
    folded: Callable[[int, int], None] | None = None,
) -> HeldOutGain:
    """Fit a map to four fifths of the queries, and measure it on the fifth; five times over.

    Each query is held out once. The strength is chosen among the queries that are fitted to, by
    the same means, so that no query that is measured had a say.

    Parameters
    ----------
    groups : shape (N,)
        Queries of the same group (wordings of one wish) are held out together.
    rng
        Deals groups into fifths, and draws the interval's resamples of groups.
    folded
        Told after each fifth how many are done, and of how many.

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
    folds = _folds(groups, rng)
    for fold in range(_FOLDS):
        fitted, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        part = clicked.take(fitted)
        ridge = _best_ridge(part, groups[fitted], rng)
        after[held] = ndcg(clicked.take(held), fit_ridge(part, ridge))
        if folded is not None:
            folded(fold + 1, _FOLDS)
    low, high = bootstrap_of_mean(after - before, rng, groups)
    return HeldOutGain(
        before=before,
        after=after,
        ridge=_best_ridge(clicked, groups, rng),
        mean=float((after - before).mean()),
        low=low,
        high=high,
    )


def ndcg(clicked: ClickedVectors, matrix: FloatArray, depth: int = 10) -> FloatArray:
    """NDCG of each query over all documents by cosine, a clicked one having gain 1; log2(rank + 1).

    A document that was never shown has gain 0, which favours what served while it was logged.
    """
    wanted: list[list[int]] = [[] for _ in clicked.queries]
    for query, document in zip(clicked.query.tolist(), clicked.document.tolist(), strict=True):
        wanted[query].append(document)
    documents = directions(clicked.documents)
    values = np.zeros(len(clicked.queries))
    mapped = adapted(clicked.queries, matrix)
    for start in range(0, len(mapped), _BATCH):
        scores = mapped[start : start + _BATCH] @ documents.T
        nearest = _best(scores, min(depth, len(documents)))
        for row, found in enumerate(nearest, start):
            if wanted[row]:
                values[row] = ndcg_of_found(found, np.array(wanted[row]), depth)
    return values


def _best(scores: FloatArray, depth: int) -> IntArray:
    """The columns of the largest numbers of each row, the largest first."""
    best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
    found: IntArray = np.take_along_axis(best, order, 1)
    return found


def _folds(groups: IntArray, rng: np.random.Generator) -> IntArray:
    """A fifth for each query, one for all of a group."""
    names, codes = np.unique(groups, return_inverse=True)
    dealt = rng.permutation(len(names)) % _FOLDS
    folds: IntArray = dealt[codes].astype(np.int64)
    return folds


def _best_ridge(clicked: ClickedVectors, groups: IntArray, rng: np.random.Generator) -> float:
    folds = _folds(groups, rng)
    totals = np.zeros(len(RIDGES))
    for fold in range(_FOLDS):
        part = clicked.take(np.flatnonzero(folds != fold))
        held = clicked.take(np.flatnonzero(folds == fold))
        if len(part.query) and len(held.queries):
            totals += [ndcg(held, fit_ridge(part, ridge)).sum() for ridge in RIDGES]
    strongest = len(RIDGES) - 1 - int(np.argmax(totals[::-1]))  # among equals, the least change
    return RIDGES[strongest]
