"""What a trained ranker said of a list."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.levels import FloatArray

__all__ = ["LOGGED_RANK", "LOGGED_SCORE", "Judged"]

LOGGED_RANK, LOGGED_SCORE = "rerank.rank", "rerank.score"
"""Features that a document is logged with: its place, from 0, and its score before it was reranked.

Whoever trains the next ranker takes them for the features ``rank`` and ``document_score``.
"""


class Judged(Struct, frozen=True, kw_only=True, eq=False):
    """What a ranker says of a list of N documents, in the order in which they came.

    Parameters
    ----------
    model, version
        Which ranker.
    names : length F
        Of the features.
    features : shape (N, F)
        NaN where missing.
    scores : shape (N,)
        Larger is better.
    """

    model: str
    version: int
    names: tuple[str, ...]
    document_ids: tuple[str, ...]
    features: NDArray[np.float32]
    scores: FloatArray
