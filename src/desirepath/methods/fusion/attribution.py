"""Which features a document owes its place to."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.fusion.base import Fused
from desirepath.methods.fusion.candidates import Candidates
from desirepath.methods.levels import SCALE, FloatArray

__all__ = ["Attribution", "attribute"]


class Attribution(Struct, frozen=True, kw_only=True, eq=False):
    """What each feature says of each document, and how much of the fused score is its doing.

    Parameters
    ----------
    normalized : shape (n, n_features)
        Score between its list's smallest (0) and largest (1); NaN where the feature did not find
        the document.
    shares : shape (n, n_features)
        Share of the fused score. They sum to 1 where no feature took anything away; what did has a
        negative share, and then the absolute shares sum to 1. All 0 where nothing was given.
    """

    normalized: FloatArray
    shares: FloatArray


def attribute(candidates: Candidates, fused: Fused, most: int | None = None) -> Attribution:
    """Attribute the first documents, ``most`` of them or all.

    Examples
    --------
    >>> from desirepath.methods.fusion.base import fuse
    >>> from desirepath.methods.fusion.candidates import FoundList, gather
    >>> from desirepath.methods.fusion.dbsf import dbsf
    >>> title = FoundList(document_ids=["a", "b", "c"], scores=[3.0, 2.0, 1.0])
    >>> image = FoundList(document_ids=["b"], scores=[0.9])
    >>> found = gather([title, image])
    >>> fused = fuse(found, dbsf, np.array([0.5, 0.25]))
    >>> attributed = attribute(found, fused, most=2)
    >>> fused.document_ids[:2], attributed.normalized.round(2).tolist()
    (['b', 'a'], [[0.5, 1.0], [1.0, nan]])
    >>> attributed.shares.round(2).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    rows, terms = fused.rows[:most], fused.terms[:most]
    normalized = np.where(candidates.ranks[rows] > 0, candidates.levels[rows] / SCALE, np.nan)
    given = np.abs(terms).sum(axis=1, keepdims=True)
    return Attribution(normalized=normalized, shares=terms / np.where(given > 0, given, 1.0))
