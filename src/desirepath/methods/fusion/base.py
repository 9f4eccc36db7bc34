"""What a fusion is: what each feature gives to the score of each document, added up.

A fused order is a pure function of what was found and the weights: sums are made in the order of
the features, and equal scores stand in the order of the documents' ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.fusion.candidates import Candidates, Scored
from desirepath.methods.levels import FloatArray

__all__ = ["Fused", "Fusion", "best_first", "fuse", "total"]

Fusion = Callable[[Scored, FloatArray], FloatArray]
"""From candidates and weights, shape (n_features,), to terms, shape (n, n_features): what each
feature gives to each document's score, 0 where it did not find the document."""


class Fused(Struct, frozen=True, kw_only=True, eq=False):
    """Candidates in their new order.

    Parameters
    ----------
    document_ids : length n
        Best first; equal scores in the order of their ids.
    scores : shape (n,)
        What they are ordered by.
    terms : shape (n, n_features)
        What each feature gave to each score; they add up to it.
    rows : shape (n,)
        Which row of the candidates each one is.
    """

    document_ids: Sequence[str]
    scores: FloatArray
    terms: FloatArray
    rows: NDArray[np.intp]


def fuse(candidates: Candidates, fusion: Fusion, weights: FloatArray) -> Fused:
    """Order candidates by the sum of what each feature gives them.

    Parameters
    ----------
    weights : shape (n_features,)
        How much each feature counts, at least 0.
    """
    terms = fusion(candidates, weights)
    scores = total(terms)
    rows = best_first(scores)
    document_ids = candidates.document_ids
    return Fused(
        document_ids=[document_ids[row] for row in rows.tolist()],
        scores=scores[rows],
        terms=terms[rows],
        rows=rows,
    )


def total(terms: FloatArray) -> FloatArray:
    """Add the features up one after the other, so that the same terms give the same bits anywhere.

    NumPy's own sum groups numbers by what the machine does well.
    """
    scores = np.zeros(terms.shape[:-1])
    for feature in range(terms.shape[-1]):
        scores += terms[..., feature]
    return scores


def best_first(scores: FloatArray) -> NDArray[np.intp]:
    """Rows by falling score; equal ones stay in their order."""
    return (-scores).argsort(kind="stable")
