"""Distribution-based score fusion, in its min-max form."""

from __future__ import annotations

from desirepath.methods.fusion.candidates import Scored
from desirepath.methods.fusion.learned import learned
from desirepath.methods.levels import FloatArray

__all__ = ["dbsf"]


def dbsf(candidates: Scored, weights: FloatArray) -> FloatArray:
    """``weight · s``, where s is the score between its list's smallest (0) and largest (1).

    Learned fusion with weights that somebody chose.

    References
    ----------
    The name comes from Qdrant, whose own form takes mean ± 3 standard deviations as the ends; the
    wire contract takes the smallest and the largest score, as CombSUM over min-max scores does.
    """
    return learned(candidates, weights)
