"""The cascade model: people read from the top and click the first thing they like, and no more."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.click_models import descending
from desirepath.methods.click_models.em import Progress
from desirepath.methods.click_models.rates import PRIOR_TRIALS, Rates, shrunk
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.click_models.totals import totals
from desirepath.methods.levels import FloatArray

__all__ = ["Cascade", "FittedCascade"]


class FittedCascade(Struct, frozen=True, kw_only=True, eq=False):
    """``P(click) = attractiveness · Π (1 − attractiveness)`` of all that stand above.

    Parameters
    ----------
    attractiveness
        Chance that each pair is clicked once it is looked at: its relevance.
    """

    attractiveness: Rates

    @property
    def relevance(self) -> Rates:
        return self.attractiveness

    def click_probabilities(self, sessions: SearchSessions) -> FloatArray:
        return descending.marginal_probabilities(sessions, *self._of(sessions))

    def conditional_probabilities(self, sessions: SearchSessions) -> FloatArray:
        """Attractiveness down to the first click, 0 below it."""
        return descending.conditional_probabilities(sessions, *self._of(sessions))

    def simulate(self, sessions: SearchSessions, rng: np.random.Generator) -> SearchSessions:
        return descending.simulate(sessions, *self._of(sessions), rng)

    def _of(self, sessions: SearchSessions) -> tuple[FloatArray, FloatArray]:
        return self.attractiveness.of(sessions.pairs), np.ones(sessions.n_impressions)


class Cascade(Struct, frozen=True, kw_only=True):
    """Learn attractiveness: clicks over how often a pair was looked at.

    All down to the first click was looked at, and the whole list where there is none. A list with
    several clicks cannot happen here: it teaches down to its first click, the rest is not used.

    References
    ----------
    Craswell, Zoeter, Taylor & Ramsey (2008), An Experimental Comparison of Click Position-Bias
    Models, the cascade model. Differs: what is said of further clicks, as in PyClick; a weak prior
    around the rate of all pairs together (:func:`.rates.shrunk`).
    """

    prior_trials: float = PRIOR_TRIALS

    def fit(self, sessions: SearchSessions, progress: Progress | None = None) -> FittedCascade:
        sessions.check_enough()
        weights = sessions.impression_weights * (sessions.clicks_before() == 0)
        looks = totals(sessions.pairs, weights, sessions.n_pairs)
        clicks = totals(sessions.pairs, weights * sessions.clicked, sessions.n_pairs)
        return FittedCascade(attractiveness=shrunk(clicks, looks, self.prior_trials))
