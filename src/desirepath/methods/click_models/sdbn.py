"""The simplified dynamic Bayesian network: people read on until something that they click is it."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.click_models import descending, last_clicks
from desirepath.methods.click_models.em import Progress, maximize
from desirepath.methods.click_models.rates import PRIOR_TRIALS, Prior, Rates, pooled
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.levels import FloatArray

__all__ = ["SDBN", "FittedSDBN"]


class FittedSDBN(Struct, frozen=True, kw_only=True, eq=False):
    """A click is followed by the end of the search with the chance of satisfaction.

    Parameters
    ----------
    attractiveness
        Chance that each pair is clicked once it is looked at.
    satisfaction
        Chance that a click on it ends the search.
    n_steps, is_converged
        How the fit ended.
    """

    attractiveness: Rates
    satisfaction: Rates
    n_steps: int = 0
    is_converged: bool = True

    @property
    def relevance(self) -> Rates:
        """Attractiveness times satisfaction: the chance that who looks at it needs no more.

        Their errors are taken as independent.
        """
        clicks, ends = self.attractiveness, self.satisfaction
        both = clicks.variance * ends.variance
        return Rates(
            mean=clicks.mean * ends.mean,
            variance=both + clicks.variance * ends.mean**2 + ends.variance * clicks.mean**2,
            prior=clicks.prior * ends.prior,
        )

    def click_probabilities(self, sessions: SearchSessions) -> FloatArray:
        return descending.marginal_probabilities(sessions, *self._of(sessions))

    def conditional_probabilities(self, sessions: SearchSessions) -> FloatArray:
        return descending.conditional_probabilities(sessions, *self._of(sessions))

    def simulate(self, sessions: SearchSessions, rng: np.random.Generator) -> SearchSessions:
        return descending.simulate(sessions, *self._of(sessions), rng)

    def _of(self, sessions: SearchSessions) -> tuple[FloatArray, FloatArray]:
        return self.attractiveness.of(sessions.pairs), self.satisfaction.of(sessions.pairs)


class SDBN(Struct, frozen=True, kw_only=True):
    """Learn attractiveness and satisfaction.

    The paper counts: all down to the last click was looked at, and the whole list where there is
    none; the last click satisfied, the others did not. That takes everybody for satisfied who in
    truth looked at the rest and liked nothing, so both rates come out too high. From these counts
    expectation maximisation goes on to what is most likely under the model itself, where the last
    click satisfied only with some chance. ``most_steps=0`` stays with the paper.

    Each rate has a weak prior (:class:`.rates.Prior`) around the rate of all pairs together, which
    is the same model with all pairs alike.

    Parameters
    ----------
    prior_trials
        Looks and clicks that the priors count for; above 0.
    tolerance
        The fit ends when no parameter changes by more in a stride of three steps …
    most_steps
        … or after so many steps; ``is_converged`` is then false.

    References
    ----------
    Chapelle & Zhang (2009), A Dynamic Bayesian Network Click Model for Web Search Ranking, the
    simplified model, whose continuation is 1. Differs: what follows the paper's counts; priors.
    """

    prior_trials: float = PRIOR_TRIALS
    tolerance: float = 1e-5
    most_steps: int = 300

    def fit(self, sessions: SearchSessions, progress: Progress | None = None) -> FittedSDBN:
        sessions.check_enough()
        counts = last_clicks.count(sessions)
        priors = self._priors(last_clicks.all_alike(counts))
        begin = np.concatenate(last_clicks.as_the_paper_counts(counts, priors))
        end = maximize(
            lambda parameters: last_clicks.step(parameters, counts, priors),
            begin,
            self.tolerance,
            self.most_steps,
            progress,
        )
        attractiveness, satisfaction = np.split(end.parameters, 2)
        of_attractiveness, of_satisfaction = last_clicks.information(end.parameters, counts)
        return FittedSDBN(
            attractiveness=priors[0].rates(attractiveness, of_attractiveness),
            satisfaction=priors[1].rates(satisfaction, of_satisfaction),
            n_steps=end.n_steps,
            is_converged=end.is_converged or self.most_steps == 0,
        )

    def _priors(self, counts: last_clicks.Counts) -> last_clicks.Priors:
        """Both rates of all pairs together."""
        wide = (
            pooled(counts.clicks, counts.looks),
            pooled(counts.clicks - counts.went_on, counts.clicks),
        )
        begin = np.array([prior.mean for prior in wide])
        end = maximize(
            lambda parameters: last_clicks.step(parameters, counts, wide),
            begin,
            self.tolerance,
            self.most_steps,
        )
        attractiveness, satisfaction = end.parameters.tolist()
        return (
            Prior(mean=attractiveness, trials=self.prior_trials),
            Prior(mean=satisfaction, trials=self.prior_trials),
        )
