"""How well a click model foretells clicks: best on sessions that it was not fitted to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from desirepath.methods.click_models.base import FittedClickModel
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.click_models.totals import totals
from desirepath.methods.levels import FloatArray

__all__ = ["LEAST_PROBABILITY", "LogLikelihood", "Perplexity", "log_likelihood", "perplexity"]

LEAST_PROBABILITY = 1e-6
"""Nothing counts as less likely, or a single click that a model takes for impossible (the second
one in a cascade) would be all that a mean says."""


class LogLikelihood(NamedTuple):
    """Mean log-likelihood in nats, at most 0, the larger the better.

    Per session it grows with the length of lists; per impression it is the sum over all impressions
    divided by their number. Both count by the weights of sessions.
    """

    per_session: float
    per_impression: float


class Perplexity(NamedTuple):
    """1 is perfect, 2 is a coin.

    Parameters
    ----------
    overall
        Over all impressions. The mean over ranks, which others report, is the mean of ``by_rank``.
    by_rank : shape (deepest rank,)
        Of rank 1, 2 …; NaN where nothing was shown.
    """

    overall: float
    by_rank: FloatArray


def log_likelihood(model: FittedClickModel, sessions: SearchSessions) -> LogLikelihood:
    """Mean log of the chance of what was and was not clicked, given the clicks above.

    Raises
    ------
    NotEnoughData
        Nothing was shown.
    """
    sessions.check_shown()
    logs = np.log(_chance(model.conditional_probabilities(sessions), sessions))
    weights = sessions.impression_weights
    total = float(weights @ logs)
    return LogLikelihood(
        per_session=total / float(sessions.session_weights.sum()),
        per_impression=total / float(weights.sum()),
    )


def perplexity(model: FittedClickModel, sessions: SearchSessions) -> Perplexity:
    """``2^(−mean log₂ q)``, q the marginal chance of what was and was not clicked.

    Raises
    ------
    NotEnoughData
        Nothing was shown.

    References
    ----------
    Dupret & Piwowarski (2008), A User Browsing Model to Predict Search Engine Click Data from Past
    Observations.
    """
    sessions.check_shown()
    bits = -np.log2(_chance(model.click_probabilities(sessions), sessions))
    weights, ranks = sessions.impression_weights, sessions.ranks - 1
    n = int(sessions.ranks.max())
    shown, by_rank = totals(ranks, weights, n), totals(ranks, weights * bits, n)
    mean = np.divide(by_rank, shown, out=np.full(len(shown), np.nan), where=shown > 0)
    return Perplexity(float(2 ** (by_rank.sum() / shown.sum())), 2**mean)


def _chance(clicks: FloatArray, sessions: SearchSessions) -> FloatArray:
    """The chance of what happened."""
    chance = np.where(sessions.clicked, clicks, 1.0 - clicks)
    return np.clip(chance, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
