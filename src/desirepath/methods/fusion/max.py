"""The best of the weighted scores (CombMAX)."""

from __future__ import annotations

import numpy as np

from desirepath.methods.fusion.candidates import Scored
from desirepath.methods.fusion.weighted import weighted
from desirepath.methods.levels import FloatArray

__all__ = ["largest"]


def largest(candidates: Scored, weights: FloatArray) -> FloatArray:
    """``weight · score`` of the feature where it is largest, the first of equals; 0 of the others.

    A feature that did not find a document has no say in its score, also where scores are negative.

    References
    ----------
    Fox & Shaw (1994), Combination of Multiple Searches, CombMAX; with a weight for each feature.
    """
    terms = weighted(candidates, weights)
    present = np.where(candidates.ranks > 0, terms, -np.inf)
    best = present.argmax(axis=1) if terms.size else np.zeros(len(terms), np.intp)
    return np.where(np.arange(terms.shape[1]) == best[:, np.newaxis], terms, 0.0)
