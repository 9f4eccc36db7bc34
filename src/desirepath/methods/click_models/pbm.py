"""The position-based model: some ranks are looked at more than others, whatever stands there."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.click_models import cells
from desirepath.methods.click_models.base import independent_clicks
from desirepath.methods.click_models.em import Converged, Progress, maximize
from desirepath.methods.click_models.rates import PRIOR_TRIALS, Prior, Rates, pooled
from desirepath.methods.click_models.sessions import BoolArray, SearchSessions
from desirepath.methods.levels import FloatArray

__all__ = ["PBM", "FittedPBM"]


class FittedPBM(Struct, frozen=True, kw_only=True, eq=False):
    """``P(click) = examination[rank] · attractiveness[pair]``, each impression by itself.

    Parameters
    ----------
    examination : shape (deepest rank,)
        Chance that rank 1, 2 … is looked at. Deeper ranks are looked at like the deepest.
    attractiveness
        Chance that each pair is clicked once it is looked at: its relevance. The variance takes
        examination as known.
    linked : shape (deepest rank,)
        Whether documents moved between this rank and the first one, or by way of others: only then
        do clicks tell its examination from the attractiveness of what stood there.
    often
        How often each pair was shown, at least, that taught examination; 0 if all did. Below some
        ten it is off by more than chance.
    n_steps, is_converged
        How the fit ended.
    """

    examination: FloatArray
    attractiveness: Rates
    linked: BoolArray | None = None
    often: float = 0.0
    n_steps: int = 0
    is_converged: bool = True

    @property
    def relevance(self) -> Rates:
        return self.attractiveness

    def click_probabilities(self, sessions: SearchSessions) -> FloatArray:
        ranks = np.minimum(sessions.ranks, len(self.examination))
        looks: FloatArray = self.examination[ranks - 1]
        return looks * self.attractiveness.of(sessions.pairs)

    conditional_probabilities = click_probabilities

    def simulate(self, sessions: SearchSessions, rng: np.random.Generator) -> SearchSessions:
        return independent_clicks(sessions, self.click_probabilities(sessions), rng)


class PBM(Struct, frozen=True, kw_only=True):
    """Learn examination and attractiveness by expectation maximisation.

    Clicks tell only the product of the two, so a scale has to be chosen: **the first rank is always
    examined**, its examination is fixed at 1 (where no list has rank 1, that of the smallest rank
    there is). The others are relative to it, and at most 1.

    It is learned in two parts, each of which finds the largest of likelihood and prior.

    1. Examination, from pairs that were shown often, together with their attractiveness and next to
       no prior. A prior would draw every pair towards the average, and without one the rates of
       pairs that were shown a few times are anything; either way examination, which all share,
       would go astray.
    2. Attractiveness of all pairs, examination held, with a weak prior (:class:`.rates.Prior`)
       around the click-through rate of the first rank.

    Parameters
    ----------
    prior_trials
        Impressions that the prior of attractiveness counts for; above 0.
    often
        Impressions of a pair that teaches examination. Where such pairs link fewer ranks than all
        do, those shown half as often join, and so on.
    tolerance
        The fit ends when no parameter changes by more in a stride of three steps …
    most_steps
        … or after so many steps; ``is_converged`` is then false.

    References
    ----------
    Richardson, Dominowska & Ragno (2007), Predicting Clicks (the model); Craswell et al. (2008), An
    Experimental Comparison of Click Position-Bias Models; the updates are those of Chuklin, Markov
    & de Rijke (2015), Click Models for Web Search, chapter 4. Differs: the examination of the first
    rank is fixed; priors; longer strides (:func:`.em.maximize`); impressions of a pair at the same
    rank are added up first, which changes nothing, as the likelihood depends on their counts.
    """

    prior_trials: float = PRIOR_TRIALS
    often: float = 20.0
    tolerance: float = 1e-5
    most_steps: int = 1_500

    def fit(self, sessions: SearchSessions, progress: Progress | None = None) -> FittedPBM:
        """Learn the parameters, the progress being that of the first part, which takes longer."""
        sessions.check_enough()
        counts = cells.count(sessions)
        linked = cells.linked(counts)
        teaching, often = _teaching(counts, linked, self.often)
        examination, first = self._examination(teaching, progress)
        prior = _prior(counts, self.prior_trials)
        second = maximize(
            lambda attractiveness: _attractiveness_step(examination, attractiveness, counts, prior),
            np.full(sessions.n_pairs, prior.mean),
            self.tolerance,
            self.most_steps,
        )
        information = cells.information(examination, second.parameters, counts)
        return FittedPBM(
            examination=examination,
            attractiveness=prior.rates(second.parameters, information),
            linked=linked,
            often=often,
            n_steps=first.n_steps + second.n_steps,
            is_converged=first.is_converged and second.is_converged,
        )

    def _examination(
        self, counts: cells.Counts, progress: Progress | None
    ) -> tuple[FloatArray, Converged]:
        """Fit both, one after the other in one array, for the sake of the one."""
        prior = _prior(counts, _NEXT_TO_NONE)
        examination = np.full(len(counts.rank_shown), _EXAMINATION.mean)
        examination[counts.first] = 1.0
        both = maximize(
            lambda parameters: _step(parameters, counts, prior),
            np.concatenate([examination, np.full(len(counts.pair_shown), prior.mean)]),
            self.tolerance,
            self.most_steps,
            progress,
        )
        return both.parameters[: len(examination)], both


_NEXT_TO_NONE = 0.1
_EXAMINATION = Prior(mean=0.5, trials=_NEXT_TO_NONE)


def _teaching(counts: cells.Counts, linked: BoolArray, often: float) -> tuple[cells.Counts, float]:
    """The pairs shown most often that link all linked ranks, and how often that is."""
    while often >= 1.0:
        some = cells.shown_often(counts, often)
        if len(some.rank_shown) == len(linked) and (cells.linked(some) == linked).all():
            return some, often
        often /= 2.0
    return counts, 0.0


def _prior(counts: cells.Counts, trials: float) -> Prior:
    """Of attractiveness: at the first rank it is what is clicked."""
    first = [counts.first]
    return pooled(counts.rank_clicks[first], counts.rank_shown[first], trials)


def _step(parameters: FloatArray, counts: cells.Counts, prior: Prior) -> tuple[FloatArray, float]:
    examination, attractiveness = np.split(parameters, [len(counts.rank_shown)])
    expected = cells.expect(examination, attractiveness, counts)
    better = _EXAMINATION.most_likely(expected.looks, counts.rank_shown)
    better[counts.first] = 1.0
    log_prior = prior.log_density(attractiveness)
    log_prior += _EXAMINATION.log_density(np.delete(examination, counts.first))
    return (
        np.concatenate([better, prior.most_likely(expected.likes, counts.pair_shown)]),
        expected.log_likelihood + log_prior,
    )


def _attractiveness_step(
    examination: FloatArray, attractiveness: FloatArray, counts: cells.Counts, prior: Prior
) -> tuple[FloatArray, float]:
    expected = cells.expect(examination, attractiveness, counts)
    return (
        prior.most_likely(expected.likes, counts.pair_shown),
        expected.log_likelihood + prior.log_density(attractiveness),
    )
