"""What clicks teach of people who read on until satisfied, if only one may not have been.

Of a session with clicks everything is known but one thing: whether the last click satisfied. If so,
nobody looked at what stands below it; if not, all of it was looked at and nothing liked.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from desirepath.methods.click_models.rates import Prior
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.click_models.totals import totals
from desirepath.methods.levels import FloatArray, IntArray

__all__ = [
    "Counts",
    "Priors",
    "all_alike",
    "as_the_paper_counts",
    "count",
    "information",
    "step",
]

Priors = tuple[Prior, Prior]
"""Of attractiveness and of satisfaction."""


class Counts(NamedTuple):
    """What the likelihood depends on.

    ``looks``, ``clicks`` and ``went_on`` count by pair what is certain: looks down to the last
    click, clicks, and clicks with another one below. ``last`` is the pair of the last click of each
    session that has one, ``weights`` what that counts for, and ``below`` and ``of_last`` are what
    stands below last clicks: which pair, and below which.
    """

    looks: FloatArray
    clicks: FloatArray
    went_on: FloatArray
    last: IntArray
    weights: FloatArray
    below: IntArray
    of_last: IntArray


def count(sessions: SearchSessions) -> Counts:
    pairs, clicked, n_pairs = sessions.pairs, sessions.clicked, sessions.n_pairs
    weights, n_clicks = sessions.impression_weights, sessions.n_clicks()
    clicks_below = sessions.per_impression(n_clicks) - sessions.clicks_before() - clicked
    has_click = sessions.per_impression(n_clicks) > 0
    is_last = clicked & (clicks_below == 0)
    is_below = has_click & (clicks_below == 0) & ~clicked
    number = sessions.per_impression(np.cumsum(n_clicks > 0) - 1)
    return Counts(
        looks=totals(pairs, weights * ~is_below, n_pairs),
        clicks=totals(pairs, weights * clicked, n_pairs),
        went_on=totals(pairs, weights * (clicked & ~is_last), n_pairs),
        last=pairs[is_last],
        weights=weights[is_last],
        below=pairs[is_below],
        of_last=number[is_below],
    )


def all_alike(counts: Counts) -> Counts:
    """The same with one pair in place of all."""
    return counts._replace(
        looks=counts.looks.sum(keepdims=True),
        clicks=counts.clicks.sum(keepdims=True),
        went_on=counts.went_on.sum(keepdims=True),
        last=np.zeros_like(counts.last),
        below=np.zeros_like(counts.below),
    )


def as_the_paper_counts(counts: Counts, priors: Priors) -> tuple[FloatArray, FloatArray]:
    satisfied = counts.clicks - counts.went_on
    return (
        priors[0].most_likely(counts.clicks, counts.looks),
        priors[1].most_likely(satisfied, counts.clicks),
    )


class _LastClicks(NamedTuple):
    """Of each last click: chance that nothing below it attracts, that no click follows, and that it
    satisfied, as none did.
    """

    nothing_attracts: FloatArray
    no_more: FloatArray
    satisfied: FloatArray


def _last_clicks(
    attractiveness: FloatArray, satisfaction: FloatArray, counts: Counts
) -> _LastClicks:
    passed_over = np.log1p(-attractiveness)[counts.below]
    nothing_attracts = np.exp(totals(counts.of_last, passed_over, len(counts.last)))
    ends = satisfaction[counts.last]
    no_more = ends + (1.0 - ends) * nothing_attracts
    return _LastClicks(nothing_attracts, no_more, ends / no_more)


def step(parameters: FloatArray, counts: Counts, priors: Priors) -> tuple[FloatArray, float]:
    """Expect which last clicks satisfied; where they did not, all below was looked at."""
    attractiveness, satisfaction = np.split(parameters, 2)
    last, n = _last_clicks(attractiveness, satisfaction, counts), len(attractiveness)
    went_below = (counts.weights * (1.0 - last.satisfied))[counts.of_last]
    looks = counts.looks + totals(counts.below, went_below, n)
    satisfied = totals(counts.last, counts.weights * last.satisfied, n)
    better = np.concatenate(
        [
            priors[0].most_likely(counts.clicks, looks),
            priors[1].most_likely(satisfied, counts.clicks),
        ]
    )
    objective = (
        counts.clicks @ np.log(attractiveness)
        + (counts.looks - counts.clicks) @ np.log1p(-attractiveness)
        + counts.went_on @ np.log1p(-satisfaction)
        + counts.weights @ np.log(last.no_more)
        + priors[0].log_density(attractiveness)
        + priors[1].log_density(satisfaction)
    )
    return better, float(objective)


def information(parameters: FloatArray, counts: Counts) -> tuple[FloatArray, FloatArray]:
    """Minus the second derivatives of the log-likelihood by each rate, the others held."""
    attractiveness, satisfaction = np.split(parameters, 2)
    last, n = _last_clicks(attractiveness, satisfaction, counts), len(attractiveness)
    below = (counts.weights * (1.0 - last.satisfied) ** 2)[counts.of_last]
    passed_over = counts.looks - counts.clicks + totals(counts.below, below, n)
    slope = (1.0 - last.nothing_attracts) / last.no_more
    of_last = totals(counts.last, counts.weights * slope**2, n)
    return (
        counts.clicks / attractiveness**2 + passed_over / (1.0 - attractiveness) ** 2,
        counts.went_on / (1.0 - satisfaction) ** 2 + of_last,
    )
