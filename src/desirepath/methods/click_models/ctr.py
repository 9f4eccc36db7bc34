"""Click-through rates: what to beat. They know nothing of people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from desirepath.methods.click_models.base import independent_clicks
from desirepath.methods.click_models.em import Progress
from desirepath.methods.click_models.rates import PRIOR_TRIALS, Rates, shrunk
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.click_models.totals import totals
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["DocumentCTR", "FittedCTR", "GlobalCTR", "RankCTR"]

Kind = Callable[[SearchSessions], IntArray]
"""What an impression's rate depends on, as a code from 0."""


def _all_alike(sessions: SearchSessions) -> IntArray:
    return np.zeros(sessions.n_impressions, np.int64)


def _rank(sessions: SearchSessions) -> IntArray:
    return sessions.ranks - 1


def _pair(sessions: SearchSessions) -> IntArray:
    return sessions.pairs


class FittedCTR(Struct, frozen=True, kw_only=True, eq=False):
    """Each impression is clicked by itself, at the rate of its kind.

    Parameters
    ----------
    kind
        What is counted together.
    rates
        By kind.
    relevance
        The rates, where kinds are pairs; else the same for all pairs, as such a model cannot tell
        them apart.
    """

    kind: Kind
    rates: Rates
    relevance: Rates

    def click_probabilities(self, sessions: SearchSessions) -> FloatArray:
        return self.rates.of(self.kind(sessions))

    conditional_probabilities = click_probabilities

    def simulate(self, sessions: SearchSessions, rng: np.random.Generator) -> SearchSessions:
        return independent_clicks(sessions, self.click_probabilities(sessions), rng)


class GlobalCTR(Struct, frozen=True, kw_only=True):
    """One rate for every impression: clicks over impressions (GCTR).

    References
    ----------
    Chuklin, Markov & de Rijke (2015), Click Models for Web Search, chapter 3, the random click
    model; its name is PyClick's. Differs: a weak prior (:func:`.rates.shrunk`).
    """

    prior_trials: float = PRIOR_TRIALS

    def fit(self, sessions: SearchSessions, progress: Progress | None = None) -> FittedCTR:
        return _fit(sessions, _all_alike, 1, self.prior_trials)


class RankCTR(Struct, frozen=True, kw_only=True):
    """A rate for each rank (RCTR). A rank that was never seen has the rate of all.

    References
    ----------
    Chuklin, Markov & de Rijke (2015), Click Models for Web Search, chapter 3. Differs: a weak prior
    around the rate of all ranks together (:func:`.rates.shrunk`).
    """

    prior_trials: float = PRIOR_TRIALS

    def fit(self, sessions: SearchSessions, progress: Progress | None = None) -> FittedCTR:
        deepest = int(sessions.ranks.max(initial=0))
        return _fit(sessions, _rank, deepest, self.prior_trials)


class DocumentCTR(Struct, frozen=True, kw_only=True):
    """A rate for each (query, document), wherever it stood (DCTR): its relevance is that rate.

    References
    ----------
    Craswell, Zoeter, Taylor & Ramsey (2008), An Experimental Comparison of Click Position-Bias
    Models, the baseline without bias; the name is of Chuklin et al. (2015), chapter 3. Differs: a
    weak prior around the rate of all pairs together (:func:`.rates.shrunk`).
    """

    prior_trials: float = PRIOR_TRIALS

    def fit(self, sessions: SearchSessions, progress: Progress | None = None) -> FittedCTR:
        return _fit(sessions, _pair, sessions.n_pairs, self.prior_trials)


def _fit(sessions: SearchSessions, kind: Kind, n_kinds: int, prior_trials: float) -> FittedCTR:
    sessions.check_enough()
    codes, weights = kind(sessions), sessions.impression_weights
    impressions = totals(codes, weights, n_kinds)
    clicks = totals(codes, weights * sessions.clicked, n_kinds)
    rates = shrunk(clicks, impressions, prior_trials)
    relevance = rates if kind is _pair else _same_for_all(impressions, clicks, sessions.n_pairs)
    return FittedCTR(kind=kind, rates=rates, relevance=relevance)


def _same_for_all(impressions: FloatArray, clicks: FloatArray, n_pairs: int) -> Rates:
    of_all = shrunk(clicks.sum(keepdims=True), impressions.sum(keepdims=True))
    return Rates(
        mean=np.repeat(of_all.mean, n_pairs),
        variance=np.repeat(of_all.variance, n_pairs),
        prior=of_all.prior,
    )
