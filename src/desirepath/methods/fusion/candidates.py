"""What several searches found, side by side: one row a document, one column a feature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from desirepath.methods.levels import FloatArray, IntArray, Levels, normalize

__all__ = ["Candidates", "FoundList", "gather"]


class FoundList(Struct, frozen=True, kw_only=True):
    """What the search on one feature found, best first.

    Parameters
    ----------
    document_ids : length n
        Distinct.
    scores : length n
        Finite, in any unit that is better when larger.
    """

    document_ids: Sequence[str]
    scores: Sequence[float]


class Candidates(Struct, frozen=True, kw_only=True, eq=False):
    """All documents that were found, by all features.

    Parameters
    ----------
    document_ids : length n
        In the order of Unicode code points, so that nothing depends on who found what first.
    ranks : shape (n, n_features)
        Place in each list, from 1; 0 where the list does not have the document.
    scores : shape (n, n_features)
        Score in each list as it was given; 0 where the list does not have the document.
    levels : shape (n, n_features)
        The same, normalised within each list.
    minima, maxima : shape (n_features,)
        Smallest and largest score of each list; 0 of an empty one.
    """

    document_ids: list[str]
    ranks: IntArray
    scores: FloatArray
    levels: Levels
    minima: FloatArray
    maxima: FloatArray


def gather(lists: Sequence[FoundList]) -> Candidates:
    """Lay lists side by side, one a feature; empty ones are allowed.

    Examples
    --------
    >>> title = FoundList(document_ids=["b", "a"], scores=[9.0, 7.0])
    >>> image = FoundList(document_ids=["b", "c"], scores=[0.8, 0.6])
    >>> candidates = gather([title, image])
    >>> candidates.document_ids
    ['a', 'b', 'c']
    >>> candidates.levels.tolist()
    [[0, 0], [65535, 65535], [0, 0]]
    >>> candidates.ranks.tolist()
    [[2, 0], [1, 1], [0, 2]]
    """
    document_ids = sorted(set().union(*(found.document_ids for found in lists)))
    row_of = dict(zip(document_ids, range(len(document_ids)), strict=True))
    shape = (len(document_ids), len(lists))
    ranks, scores, levels = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape, np.uint16)
    minima, maxima = np.zeros(len(lists)), np.zeros(len(lists))
    for column, found in enumerate(lists):
        n = len(found.document_ids)
        if n == 0:
            continue
        rows = np.fromiter(map(row_of.__getitem__, found.document_ids), np.intp, n)
        ranks[rows, column] = np.arange(1, n + 1)
        scores[rows, column] = given = np.array(found.scores, np.float64)
        levels[rows, column], minima[column], maxima[column] = normalize(given)
    return Candidates(
        document_ids=document_ids,
        ranks=ranks,
        scores=scores,
        levels=levels,
        minima=minima,
        maxima=maxima,
    )
