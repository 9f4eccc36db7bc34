"""How often something happens, for each of many kinds, with what little is known of some."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["PRIOR_TRIALS", "Prior", "Rates", "pooled", "shrunk"]

PRIOR_TRIALS = 2.0
"""Trials that the prior counts for beside what was seen of a kind."""


class Rates(Struct, frozen=True, kw_only=True, eq=False):
    """What is believed of the rate of each kind: of each (query, document), say.

    Parameters
    ----------
    mean : shape (n,)
        In [0, 1].
    variance : shape (n,)
        Of the belief; 0 for what is known.
    prior
        The rate of a kind of which nothing is known, codes beyond n included.
    """

    mean: FloatArray
    variance: FloatArray
    prior: float

    def of(self, codes: IntArray) -> FloatArray:
        """Look rates up by code."""
        found: FloatArray = np.append(self.mean, self.prior)[np.minimum(codes, len(self.mean))]
        return found

    @staticmethod
    def known(mean: FloatArray, prior: float = 0.5) -> Rates:
        """Rates that are true by definition, as in a simulation."""
        return Rates(mean=mean, variance=np.zeros(len(mean)), prior=prior)


class Prior(Struct, frozen=True, kw_only=True):
    """A weak Beta prior on every rate, as if so many trials had been seen before.

    With s trials of mean m it multiplies the likelihood of a rate x by ``x^(s·m) · (1 − x)^(s·(1 −
    m))``, so that the most likely rate of counts is ``(successes + s·m) / (trials + s)``.

    Parameters
    ----------
    mean
        Above 0 and below 1.
    trials
        Above 0.
    """

    mean: float
    trials: float = PRIOR_TRIALS

    def most_likely(self, successes: FloatArray, trials: FloatArray) -> FloatArray:
        return (successes + self.trials * self.mean) / (trials + self.trials)

    def log_density(self, rates: FloatArray) -> float:
        """Log of the factor, summed over rates above 0 and below 1."""
        likes, dislikes = np.log(rates).sum(), np.log1p(-rates).sum()
        return float(self.trials * (self.mean * likes + (1.0 - self.mean) * dislikes))

    def rates(self, mean: FloatArray, information: FloatArray) -> Rates:
        """Rates with the variance of a normal posterior around the most likely ones.

        Parameters
        ----------
        information : shape (n,)
            Minus the second derivative of the log-likelihood at each rate.
        """
        own = self.trials * (self.mean / mean**2 + (1.0 - self.mean) / (1.0 - mean) ** 2)
        return Rates(mean=mean, variance=1.0 / (information + own), prior=self.mean)


def pooled(successes: FloatArray, trials: FloatArray, prior_trials: float = PRIOR_TRIALS) -> Prior:
    """The rate of all kinds together, ``(successes + 1) / (trials + 2)``: never quite 0 or 1."""
    mean = (successes.sum() + 1.0) / (trials.sum() + 2.0)
    return Prior(mean=float(mean), trials=prior_trials)


def shrunk(successes: FloatArray, trials: FloatArray, prior_trials: float = PRIOR_TRIALS) -> Rates:
    """Rates of kinds, each drawn towards the rate of all together where little is known of it.

    Each has the posterior ``Beta(s·m + successes, s·(1 − m) + failures)`` with m the pooled rate;
    its mean and variance are the answer.

    Parameters
    ----------
    successes, trials : shape (n,)
        Counts, or sums of weights.
    prior_trials
        s, above 0.

    Examples
    --------
    >>> rates = shrunk(np.array([3.0, 0.0]), np.array([6.0, 0.0]))
    >>> rates.prior, rates.mean.tolist()
    (0.5, [0.5, 0.5])
    """
    prior = pooled(successes, trials, prior_trials)
    mean = prior.most_likely(successes, trials)
    variance = mean * (1.0 - mean) / (trials + prior_trials + 1.0)
    return Rates(mean=mean, variance=variance, prior=prior.mean)
