"""The position-based model: some ranks are looked at more than others, whatever stands there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from desirepath.methods.click_models.base import independent_clicks
from desirepath.methods.click_models.em import Progress, maximize
from desirepath.methods.click_models.rates import PRIOR_TRIALS, Prior, Rates, pooled
from desirepath.methods.click_models.sessions import BoolArray, SearchSessions
from desirepath.methods.click_models.totals import totals
from desirepath.methods.levels import FloatArray, IntArray

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
    n_steps, is_converged
        How the fit ended.
    """

    examination: FloatArray
    attractiveness: Rates
    linked: BoolArray | None = None
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

    Attractiveness has a weak prior (:class:`.rates.Prior`) around the click-through rate of the
    first rank, examination one of 1 in 2. The fit finds the largest of likelihood and prior.

    Parameters
    ----------
    prior_trials
        Impressions that the prior of attractiveness counts for; above 0.
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
    tolerance: float = 1e-5
    most_steps: int = 1_500

    def fit(self, sessions: SearchSessions, progress: Progress | None = None) -> FittedPBM:
        sessions.check_enough()
        counts = _count(sessions)
        first = counts.first
        prior = pooled(counts.rank_clicks[[first]], counts.rank_shown[[first]], self.prior_trials)
        examination = np.full(len(counts.rank_shown), _EXAMINATION.mean)
        examination[first] = 1.0
        begin = np.concatenate([examination, np.full(sessions.n_pairs, prior.mean)])
        end = maximize(
            lambda parameters: _step(parameters, counts, prior),
            begin,
            self.tolerance,
            self.most_steps,
            progress,
        )
        examination, attractiveness = np.split(end.parameters, [len(examination)])
        return FittedPBM(
            examination=examination,
            attractiveness=prior.rates(attractiveness, _information(end.parameters, counts)),
            linked=_linked(counts),
            n_steps=end.n_steps,
            is_converged=end.is_converged,
        )


_EXAMINATION = Prior(mean=0.5)


class _Counts(NamedTuple):
    """All that the likelihood depends on; ranks are counted from 0 here.

    What was clicked was looked at and liked, so only what was left alone is needed by cell. A cell
    is a pair at a rank; cells are in order of pairs, those of a pair in order of ranks.
    """

    pairs: IntArray
    ranks: IntArray
    left_alone: FloatArray
    pair_clicks: FloatArray
    pair_shown: FloatArray
    rank_clicks: FloatArray
    rank_shown: FloatArray
    first: int


def _count(sessions: SearchSessions) -> _Counts:
    weights, n_ranks = sessions.impression_weights, int(sessions.ranks.max())
    cells, of_cell = np.unique(sessions.pairs * n_ranks + sessions.ranks - 1, return_inverse=True)
    shown = totals(of_cell, weights, len(cells))
    clicks = totals(of_cell, weights * sessions.clicked, len(cells))
    counts = shown > 0
    shown, clicks = shown[counts], clicks[counts]
    pairs, ranks = np.divmod(cells[counts], n_ranks)
    rank_shown = totals(ranks, shown, n_ranks)
    return _Counts(
        pairs=pairs,
        ranks=ranks,
        left_alone=shown - clicks,
        pair_clicks=totals(pairs, clicks, sessions.n_pairs),
        pair_shown=totals(pairs, shown, sessions.n_pairs),
        rank_clicks=totals(ranks, clicks, n_ranks),
        rank_shown=rank_shown,
        first=int(np.flatnonzero(rank_shown)[0]),
    )


def _step(parameters: FloatArray, counts: _Counts, prior: Prior) -> tuple[FloatArray, float]:
    """Expect who looked at and who liked what was left alone; count them."""
    examination, attractiveness = np.split(parameters, [len(counts.rank_shown)])
    looked, liked = examination[counts.ranks], attractiveness[counts.pairs]
    chance = 1.0 - looked * liked
    cases = counts.left_alone / chance
    unseen = totals(counts.pairs, cases * (1.0 - looked), len(attractiveness))
    unliked = totals(counts.ranks, cases * (1.0 - liked), len(examination))
    better = np.concatenate(
        [
            _EXAMINATION.most_likely(counts.rank_clicks + examination * unliked, counts.rank_shown),
            prior.most_likely(counts.pair_clicks + attractiveness * unseen, counts.pair_shown),
        ]
    )
    better[counts.first] = 1.0
    others = np.delete(examination, counts.first)
    objective = (
        counts.left_alone @ np.log(chance)
        + counts.rank_clicks @ np.log(examination)
        + counts.pair_clicks @ np.log(attractiveness)
        + _EXAMINATION.log_density(others)
        + prior.log_density(attractiveness)
    )
    return better, float(objective)


def _information(parameters: FloatArray, counts: _Counts) -> FloatArray:
    """Minus the second derivative of the log-likelihood by each attractiveness."""
    examination, attractiveness = np.split(parameters, [len(counts.rank_shown)])
    looked, liked = examination[counts.ranks], attractiveness[counts.pairs]
    of_cells = counts.left_alone * (looked / (1.0 - looked * liked)) ** 2
    left_alone = totals(counts.pairs, of_cells, len(attractiveness))
    return counts.pair_clicks / attractiveness**2 + left_alone


def _linked(counts: _Counts) -> BoolArray:
    """Which ranks share a document with the first one, directly or by way of others."""
    same_pair = np.flatnonzero(np.diff(counts.pairs) == 0)
    n_ranks = len(counts.rank_shown)
    links = np.unique(counts.ranks[same_pair] * n_ranks + counts.ranks[same_pair + 1])
    upper, lower = np.divmod(links, n_ranks)
    linked = np.zeros(n_ranks, bool)
    linked[counts.first] = True
    n_before = 0
    while linked.sum() > n_before:
        n_before = linked.sum()
        either = linked[upper] | linked[lower]
        linked[upper[either]] = linked[lower[either]] = True
    return linked
