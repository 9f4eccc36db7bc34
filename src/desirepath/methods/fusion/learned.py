"""Learned fusion: normalised scores by weights that were learned, and the replay of its record."""

from __future__ import annotations

from collections.abc import Sequence

from desirepath.methods.fusion.base import best_first, total
from desirepath.methods.fusion.candidates import Scored
from desirepath.methods.levels import SCALE, FloatArray, Levels

__all__ = ["learned", "learned_scores", "replay"]


def learned(candidates: Scored, weights: FloatArray) -> FloatArray:
    """``weight · s``, where s is the score between its list's smallest (0) and largest (1)."""
    return _terms(candidates.levels, weights)


def learned_scores(levels: Levels, weights: FloatArray) -> FloatArray:
    """The scores that documents get, from what is logged of a search.

    The same to the bit as when the search was served.

    Parameters
    ----------
    levels : shape (n, n_features)
    weights : shape (n_features,) or (n_draws, 1, n_features)

    Returns
    -------
    FloatArray
        Shape (n,) or (n_draws, n).
    """
    return total(_terms(levels, weights))


def replay(document_ids: Sequence[str], levels: Levels, weights: FloatArray) -> list[str]:
    """The order in which a logged search served its documents, whatever order they are in now.

    Examples
    --------
    >>> import numpy as np
    >>> levels = np.array([[65535, 0], [0, 65535]], dtype=np.uint16)
    >>> replay(["a", "b"], levels, np.array([0.3, 0.7]))
    ['b', 'a']
    """
    by_id = sorted(range(len(document_ids)), key=document_ids.__getitem__)
    rows = best_first(learned_scores(levels[by_id], weights))
    return [document_ids[by_id[row]] for row in rows.tolist()]


def _terms(levels: Levels, weights: FloatArray) -> FloatArray:
    return levels * (weights / SCALE)
