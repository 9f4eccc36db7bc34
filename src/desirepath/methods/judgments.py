"""Judgments from clicks: grades of (query, document) pairs, and which of them to have checked.

A click model says how relevant a pair is and how sure that is (:class:`.rates.Rates`). Here this
becomes a grade from 0 to 3, with an interval and the evidence behind it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from desirepath.methods.click_models.rates import Rates
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.click_models.totals import totals
from desirepath.methods.levels import FloatArray, IntArray

__all__ = [
    "HIGHEST_GRADE",
    "THRESHOLDS",
    "Evidence",
    "Grading",
    "Judgments",
    "evidence_of",
    "interval",
    "judge",
    "most_worth_labelling",
]

HIGHEST_GRADE = 3
THRESHOLDS = (1 / 14, 4 / 14, 10 / 14)
"""Halfway between the gains of grades, ``2^grade − 1`` over 7: 0, 1/7, 3/7 and 1. So a grade's gain
is the one nearest to the relevance, and DCG over grades is about DCG over relevance."""
_95_PERCENT = 1.959964


class Evidence(NamedTuple):
    """What was seen of each pair, in weights of sessions; each of shape (n_pairs,).

    Parameters
    ----------
    impressions, clicks
        How often it was shown and clicked.
    prominence
        The same impressions, each counting ``1 / log₂(rank + 1)``, as a measure like DCG does.
    """

    impressions: FloatArray
    clicks: FloatArray
    prominence: FloatArray


class Grading(Struct, frozen=True, kw_only=True):
    """How relevance becomes grades.

    Parameters
    ----------
    thresholds
        Grade g begins at the g-th of them; rising. See :data:`THRESHOLDS`.
    of_best
        Whether relevance counts as a share of that of the query's best: the most relevant pair that
        is shown enough and was clicked. Then queries that are clicked little are graded like
        others. Otherwise, and where a query has no such pair, it counts as it is.
    minimum_impressions
        What was shown less, in weights of sessions, is not judged.
    """

    thresholds: tuple[float, float, float] = THRESHOLDS
    of_best: bool = True
    minimum_impressions: float = 10.0


class Judgments(Struct, frozen=True, kw_only=True, eq=False):
    """Graded pairs, in the order of their codes; all of shape (n,).

    Parameters
    ----------
    pairs
        Their codes.
    grades
        0 (bad) to 3 (perfect).
    relevance, low, high
        What the model believes, and a 95 % interval.
    low_grades, high_grades
        The grades that the ends of the interval would get.
    impressions, clicks
        Evidence, in weights of sessions.
    """

    pairs: IntArray
    grades: IntArray
    relevance: FloatArray
    low: FloatArray
    high: FloatArray
    low_grades: IntArray
    high_grades: IntArray
    impressions: FloatArray
    clicks: FloatArray


def evidence_of(sessions: SearchSessions) -> Evidence:
    """Count impressions and clicks of each pair."""
    pairs, weights, n = sessions.pairs, sessions.impression_weights, sessions.n_pairs
    return Evidence(
        impressions=totals(pairs, weights, n),
        clicks=totals(pairs, weights * sessions.clicked, n),
        prominence=totals(pairs, weights / np.log2(sessions.ranks + 1.0), n),
    )


def judge(
    relevance: Rates, evidence: Evidence, queries: IntArray, grading: Grading | None = None
) -> Judgments:
    """Grade what was shown often enough.

    Smoothing is the model's: its prior draws what is seen little towards the average. Decay is the
    weights of the sessions that it was fitted to.

    Parameters
    ----------
    relevance
        Of a fitted model, of the same pairs as the evidence.
    queries : shape (n_pairs,)
        The query of each pair, a code from 0.
    grading
        None: the defaults.

    Examples
    --------
    >>> clicked_half = Rates(mean=np.array([0.5, 0.2]), variance=np.full(2, 0.001), prior=0.1)
    >>> seen = Evidence(np.full(2, 250.0), np.array([125.0, 50.0]), np.full(2, 100.0))
    >>> judge(clicked_half, seen, np.array([0, 0])).grades.tolist()
    [3, 2]
    """
    grading = grading or Grading()
    judged = np.flatnonzero(evidence.impressions >= grading.minimum_impressions)
    low, high = interval(relevance)
    scale = _scale(relevance, evidence, queries, grading)[judged]

    def grades(values: FloatArray) -> IntArray:
        return np.searchsorted(grading.thresholds, values[judged] / scale, side="right")

    return Judgments(
        pairs=judged,
        grades=grades(relevance.mean),
        relevance=relevance.mean[judged],
        low=low[judged],
        high=high[judged],
        low_grades=grades(low),
        high_grades=grades(high),
        impressions=evidence.impressions[judged],
        clicks=evidence.clicks[judged],
    )


def interval(relevance: Rates) -> tuple[FloatArray, FloatArray]:
    """Wilson's 95 % interval of each rate, shape (n,) each; what is known is its own interval.

    Its number of trials is that after which a rate has this variance: ``mean · (1 − mean) /
    variance``.

    References
    ----------
    Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference. Differs:
    the number of trials, and the rate is the model's, drawn towards its prior.
    """
    mean, z = relevance.mean, _95_PERCENT
    spread = mean * (1.0 - mean)
    per_trial = np.divide(  # one over the number of trials
        relevance.variance, spread, out=np.zeros(len(mean)), where=spread > 0.0
    )
    widened = 1.0 + z**2 * per_trial
    middle = (mean + z**2 * per_trial / 2.0) / widened
    reach = z * np.sqrt(relevance.variance + (z * per_trial / 2.0) ** 2) / widened
    return np.maximum(middle - reach, 0.0), np.minimum(middle + reach, 1.0)


def most_worth_labelling(
    relevance: Rates,
    evidence: Evidence,
    queries: IntArray,
    most: int,
    grading: Grading | None = None,
) -> tuple[IntArray, FloatArray]:
    """The pairs whose label would change DCG the most, over all searches of the log.

    A label replaces the gain that clicks suggest, ``7 · relevance`` on the scale of the grades, by
    the true one. If errors are normal, the expected change is ``√(2/π)`` of their standard
    deviation (at most 3.5, as gains go from 0 to 7), wherever the pair was shown, by the discount
    of its rank. So a pair is worth a label that is uncertain, and stands high and often. Pairs that
    were shown too little to be judged take part.

    Parameters
    ----------
    most
        How many at most.
    grading
        None: the defaults.

    Returns
    -------
    tuple
        Codes of pairs that were shown and are not certain, the most worthwhile first, and by how
        much each is expected to change the DCG of all logged searches together.

    References
    ----------
    After Long et al. (2010), Active Learning for Ranking through Expected Loss Optimization, who
    choose by the expected loss of DCG. Differs: each pair by itself, in the places where it was
    shown; gains change in proportion to relevance. DCG has the gain ``2^grade − 1`` and the
    discount ``log₂(rank + 1)``.
    """
    scale = _scale(relevance, evidence, queries, grading or Grading())
    highest = 2.0**HIGHEST_GRADE - 1.0
    gain_error = np.minimum(highest * np.sqrt(relevance.variance) / scale, highest / 2.0)
    worth = np.sqrt(2.0 / np.pi) * gain_error * evidence.prominence
    order = np.argsort(-worth, kind="stable")[:most]
    order = order[worth[order] > 0.0]
    return order, worth[order]


def _scale(relevance: Rates, evidence: Evidence, queries: IntArray, grading: Grading) -> FloatArray:
    """What relevance is divided by, for each pair: that of its query's best, or 1."""
    if not grading.of_best:
        return np.ones(len(queries))
    is_known = (evidence.impressions >= grading.minimum_impressions) & (evidence.clicks > 0)
    best = np.zeros(int(queries.max(initial=-1)) + 1)
    np.maximum.at(best, queries[is_known], relevance.mean[is_known])
    scale: FloatArray = np.where(best > 0.0, best, 1.0)[queries]
    return scale
