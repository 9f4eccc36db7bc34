"""Probabilities that are as often right as they say: isotonic calibration, and tables to see it."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.errors import MissingDependency
from desirepath.methods.intervals import wilson
from desirepath.methods.ranking.matrix import BoolArray, FloatArray

__all__ = [
    "Calibration",
    "ReliabilityBin",
    "calibrate",
    "expected_error",
    "log_loss",
    "reliability",
]

_LEAST = 1e-6
"""Nothing is less likely, or one click would outweigh all else in a mean of logs."""
_MOST_STEPS = 1_000


class Calibration(Struct, frozen=True, kw_only=True):
    """A rising line of straight pieces from scores to probabilities, level at both ends.

    Parameters
    ----------
    scores : rising
    probabilities : as many, never falling, in [0, 1]
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def apply(self, scores: FloatArray) -> FloatArray:
        """Probabilities of scores, shape (n,)."""
        return np.interp(scores, self.scores, self.probabilities)


class ReliabilityBin(Struct, frozen=True, kw_only=True):
    """Impressions of about the same probability.

    Parameters
    ----------
    predicted
        Mean of what was foretold.
    clicked, of
        Impressions that were clicked, of how many.
    rate, low, high
        Their share with its 95 % interval (Wilson).
    """

    predicted: float
    clicked: int
    of: int
    rate: float
    low: float
    high: float


def calibrate(scores: FloatArray, clicked: BoolArray) -> Calibration:
    """Fit isotonic regression to impressions that the scores were not learned from.

    Raises
    ------
    MissingDependency
        The extra ``train`` is not installed.

    References
    ----------
    Zadrozny & Elkan (2002), Transforming classifier scores into accurate multiclass probability
    estimates.
    """
    try:
        from sklearn.isotonic import IsotonicRegression
    except ImportError as error:
        raise MissingDependency("scikit-learn", "train") from error
    line: Any = IsotonicRegression(y_min=_LEAST, y_max=1 - _LEAST, out_of_bounds="clip")
    line.fit(scores, clicked.astype(np.float64))
    at, values = line.X_thresholds_, line.y_thresholds_
    if len(at) > _MOST_STEPS:  # finer than anybody could tell
        kept = np.unique(np.linspace(0, len(at) - 1, _MOST_STEPS).astype(np.int64))
        at, values = at[kept], values[kept]
    return Calibration(scores=tuple(map(float, at)), probabilities=tuple(map(float, values)))


def reliability(
    probabilities: FloatArray, clicked: BoolArray, n_bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """What was foretold beside what came, in bins of about as many impressions each.

    Equal probabilities are never told apart, so that there may be fewer bins.
    """
    if not len(probabilities):
        return ()
    inner = np.quantile(probabilities, np.arange(1, n_bins) / n_bins)
    edges: FloatArray = np.unique(inner)
    at: NDArray[np.intp] = np.searchsorted(edges, probabilities, side="left")
    n = len(edges) + 1
    of = np.bincount(at, minlength=n)
    clicks = np.bincount(at, clicked, n)
    sums = np.bincount(at, probabilities, n)
    low, high = wilson(clicks, of)
    return tuple(
        ReliabilityBin(
            predicted=float(sums[bin] / of[bin]),
            clicked=int(clicks[bin]),
            of=int(of[bin]),
            rate=float(clicks[bin] / of[bin]),
            low=float(low[bin]),
            high=float(high[bin]),
        )
        for bin in range(n)
        if of[bin]
    )


def expected_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """Expected calibration error: mean distance of foretold and seen, by impressions of the bins.

    References
    ----------
    Naeini et al. (2015), Obtaining Well Calibrated Probabilities Using Bayesian Binning. There bins
    are as wide as each other; here they are as full.
    """
    total = sum(bin.of for bin in bins)
    return sum(abs(bin.predicted - bin.rate) * bin.of for bin in bins) / total if total else 0.0


def log_loss(probabilities: FloatArray, clicked: BoolArray) -> FloatArray:
    """−ln of the chance that was given to what happened, by impression; lower is better."""
    chance = np.where(clicked, probabilities, 1.0 - probabilities)
    losses: FloatArray = -np.log(np.clip(chance, _LEAST, 1.0))
    return losses
