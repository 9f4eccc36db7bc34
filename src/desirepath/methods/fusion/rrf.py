"""Reciprocal rank fusion: only ranks count."""

from __future__ import annotations

import numpy as np

from desirepath.methods.fusion.candidates import Scored
from desirepath.methods.levels import FloatArray

__all__ = ["RANK_CONSTANT", "rrf"]

RANK_CONSTANT = 60


def rrf(candidates: Scored, weights: FloatArray) -> FloatArray:
    """``weight / (60 + rank)``, rank counted from 1.

    References
    ----------
    Cormack, Clarke & Büttcher (2009), Reciprocal Rank Fusion outperforms Condorcet and individual
    Rank Learning Methods. Differs: each feature may have a weight.
    """
    ranks = candidates.ranks
    return np.where(ranks > 0, weights / (RANK_CONSTANT + ranks), 0.0)
