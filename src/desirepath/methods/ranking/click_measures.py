"""How good chances of clicks are; with intervals over lists, whose documents go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from msgspec import Struct

from desirepath.methods.intervals import bootstrap_of_mean
from desirepath.methods.ranking.calibration import bins_of, log_loss
from desirepath.methods.ranking.comparing import MeanEstimate
from desirepath.methods.ranking.matrix import BoolArray, FloatArray, IntArray

__all__ = ["ClickMeasures", "mean_of_rows", "measure_clicks"]

_RESAMPLES = 300


class ClickMeasures(Struct, frozen=True, kw_only=True):
    """What foretold chances are worth, each with its 95 % interval over lists.

    Parameters
    ----------
    log_loss, brier
        Lower is better: mean −ln of the chance of what happened, and mean square of the distance.
    auc
        How often what was clicked had the larger chance, of it and what was not; equal ones count
        half, and 0.5 is by luck.
    calibration_error
        Expected calibration error: mean distance of foretold and seen, by rows of the bins. It is
        above 0 by luck alone, and of resampled lists more so: its interval lies high.

    References
    ----------
    Hanley & McNeil (1982), The meaning and use of the area under a receiver operating
    characteristic (ROC) curve. Naeini et al. (2015), Obtaining Well Calibrated Probabilities Using
    Bayesian Binning; there bins are as wide as each other, here they are as full.
    """

    log_loss: MeanEstimate
    brier: MeanEstimate
    auc: MeanEstimate
    calibration_error: MeanEstimate


def measure_clicks(
    chances: FloatArray, clicked: BoolArray, lists: IntArray, *, seed: int
) -> ClickMeasures:
    """Hold chances against what happened.

    Parameters
    ----------
    chances, clicked, lists : shape (n,)
        The list of each row, from 0 and rising.
    """
    return ClickMeasures(
        log_loss=mean_of_rows(log_loss(chances, clicked), lists, seed=seed),
        brier=mean_of_rows((chances - clicked) ** 2, lists, seed=seed),
        auc=_resampled(_area_of(chances, clicked), lists, seed),
        calibration_error=_resampled(_error_of(chances, clicked), lists, seed),
    )


def mean_of_rows(values: FloatArray, lists: IntArray, *, seed: int) -> MeanEstimate:
    """Mean over rows, with the interval of resampled lists."""
    low, high = bootstrap_of_mean(values, np.random.default_rng(seed), lists)
    n_lists = len(np.unique(lists))
    return MeanEstimate(mean=float(values.mean()), low=low, high=high, of=n_lists)


def _area_of(chances: FloatArray, clicked: BoolArray) -> Callable[[FloatArray], float]:
    """The area by the weights of rows, which are put in order once for all resamples."""
    order = np.argsort(chances, kind="stable")
    rising, is_clicked = chances[order], clicked[order]
    starts = np.flatnonzero(np.append(True, rising[1:] != rising[:-1]))

    def area(weights: FloatArray) -> float:
        sorted_weights = weights[order]
        positive = np.add.reduceat(np.where(is_clicked, sorted_weights, 0.0), starts)
        negative = np.add.reduceat(np.where(is_clicked, 0.0, sorted_weights), starts)
        below = np.cumsum(negative) - negative / 2
        pairs = float(positive.sum() * negative.sum())
        return float((positive * below).sum()) / pairs if pairs else float("nan")

    return area


def _error_of(chances: FloatArray, clicked: BoolArray) -> Callable[[FloatArray], float]:
    """The calibration error by the weights of rows; the bins stay those of all."""
    codes = bins_of(chances)
    gaps = chances - clicked

    def error(weights: FloatArray) -> float:
        return float(np.abs(np.bincount(codes, gaps * weights)).sum() / weights.sum())

    return error


def _resampled(measure: Callable[[FloatArray], float], lists: IntArray, seed: int) -> MeanEstimate:
    n_lists = int(lists[-1]) + 1
    drawn = [measure(weights[lists]) for weights in _draws(n_lists, seed)]
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    whole = measure(np.ones(len(lists)))
    return MeanEstimate(mean=whole, low=float(low), high=float(high), of=n_lists)


def _draws(n_lists: int, seed: int) -> Iterator[FloatArray]:
    rng = np.random.default_rng(seed)
    for _ in range(_RESAMPLES):
        drawn = rng.integers(0, n_lists, n_lists)
        yield np.bincount(drawn, minlength=n_lists).astype(np.float64)
