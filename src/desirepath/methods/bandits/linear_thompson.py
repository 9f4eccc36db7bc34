"""Linear Thompson sampling over whole lists: which effects explain what people chose.

A two-way ridge regression of rewards on list-centred scores and positions. It needs no
propensities, sees that two features say the same, and its statistics are sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.bandits.base import REWARD_UNIT, ListOutcome
from desirepath.methods.bandits.evidence import Evidence
from desirepath.methods.bandits.sums import Sums, check_fits, influence_of
from desirepath.methods.levels import SCALE, FloatArray, IntArray, Levels

__all__ = ["COUNT_UNIT", "N_POSITIONS", "SCORE_UNIT", "EffectPosterior", "LinearThompson"]

N_POSITIONS = 10
"""Positions with a column of their own; deeper ones share the last."""
SCORE_UNIT = 4_096
"""List-centred scores are integers over this."""
COUNT_UNIT = 4_096
"""What is counted is so many a piece, or the count of one would be lost when sums are scaled."""
POSITION_RIDGE = 0.01
"""Hardly any: the columns only have to be solvable where a position was never shown."""


class EffectPosterior(Struct, frozen=True, kw_only=True, eq=False):
    """A normal belief about effects.

    Parameters
    ----------
    mean : shape (F,)
        By how much the expected reward rises from a list's worst document on a feature to its best.
    factor : shape (F, F)
        Upper triangular; ``factor @ factor.T`` is the covariance with an exploration of 1.
    """

    mean: FloatArray
    factor: FloatArray

    @property
    def variances(self) -> FloatArray:
        variances: FloatArray = np.square(self.factor).sum(axis=1)
        return variances

    @property
    def parameters(self) -> FloatArray:
        return np.concatenate([self.mean, self.factor[_upper(len(self.mean))]])

    def sample(self, exploration: float, rng: np.random.Generator) -> FloatArray:
        noise = self.factor @ rng.standard_normal(len(self.mean))
        return self.mean + math.sqrt(exploration) * noise

    def samples(self, exploration: float, n: int, rng: np.random.Generator) -> FloatArray:
        noise = rng.standard_normal((n, len(self.mean))) @ self.factor.T
        return self.mean + math.sqrt(exploration) * noise


class LinearThompson(Struct, frozen=True, kw_only=True):
    """The default policy.

    With ``z = [s - mean of the list's s ; one-hot position]`` and reward y of a shown document, the
    sums are those of ``z zᵀ`` and ``y z``. The position columns take up how far people look,
    whatever that curve is; centring takes up how good the results of a query are on the whole; and
    solving for all features at once credits none for what another explains.

    Parameters
    ----------
    ridge
        How many units of evidence the prior on each effect is worth.
    prior_effect
        Sum of the prior effects of all features, in equal shares: so the first weights are equal.
    sampling_variance
        Variance of draws over that of the regression, with an exploration of 1.
    most_lone
        Interactions without a known list count for so many units of evidence on a feature at most.

    References
    ----------
    Agrawal & Goyal (2013), Thompson Sampling for Contextual Bandits with Linear Payoffs: prior,
    posterior and draw. Differs: a row is a shown document, and the position columns are fitted but
    not drawn.

    Examples
    --------
    >>> policy = LinearThompson()
    >>> better_first = np.array([[65535, 0], [0, 65535]], dtype=np.uint16)
    >>> one_click = ListOutcome(levels=better_first, rewards=np.array([1_000_000, 0]))
    >>> believed = policy.posterior(300.0 * policy.list_sums(one_click), [0, 1])
    >>> bool(believed.mean[0] > believed.mean[1])
    True
    """

    ridge: float = 100.0
    prior_effect: float = 0.3
    sampling_variance: float = 0.1
    most_lone: float = 30.0

    def list_sums(self, outcome: ListOutcome) -> Sums:
        """Lists without documents teach nothing."""
        rewards = outcome.rewards
        check_fits(rewards, SCORE_UNIT)
        levels = outcome.levels
        places = range(len(rewards)) if outcome.places is None else outcome.places
        shown = _shown(levels.tobytes(), levels.shape, outcome.first_position, places)
        sums = shown.sums.copy()
        if len(rewards):
            sums[1] = influence_of(rewards)
            sums[_REWARD_BY_POSITION] = rewards @ shown.at_position
            sums[shown.reward] = rewards @ shown.centred
        return sums

    def lone_sums(self, feature: int, reward: int) -> Sums:
        """It is no list, so that none is counted."""
        rewards = np.array([reward], np.int64)
        check_fits(rewards)
        layout = _layout(feature + 1)
        sums = np.zeros(layout.size, np.int64)
        sums[1] = influence_of(rewards)
        sums[layout.n_lone[feature]] = COUNT_UNIT
        sums[layout.lone_reward[feature]] = reward
        return sums

    def posterior(self, evidence: Evidence, features: Sequence[int]) -> EffectPosterior:
        """Solve the ridge regression; of its solution keep the features' part.

        A feature's prior is ``ridge`` units that say ``prior_effect / F``, and up to ``most_lone``
        that say ``prior_effect`` times the mean reward of the lone interactions that named it,
        that mean cut off at ± 1.
        """
        layout = _layout_of(tuple(features))
        sums = evidence
        if len(evidence) < layout.size:
            sums = np.zeros(layout.size)
            sums[: len(evidence)] = evidence
        by_position = sums[layout.by_position] / SCORE_UNIT
        reward_by_position = sums[_REWARD_BY_POSITION] / REWARD_UNIT

        # A document has one position, so the position block is diagonal and is solved for first.
        solved = by_position / (sums[_SHOWN_AT] / COUNT_UNIT + POSITION_RIDGE)
        precision = sums[layout.scores] / SCORE_UNIT**2
        precision -= solved @ by_position.T
        response = sums[layout.reward] / (REWARD_UNIT * SCORE_UNIT)
        response -= solved @ reward_by_position

        n_lone = sums[layout.n_lone] / COUNT_UNIT
        lone_reward = sums[layout.lone_reward] / REWARD_UNIT
        lone = np.minimum(n_lone, self.most_lone)
        lone_mean = np.minimum(np.maximum(lone_reward / np.maximum(n_lone, 1e-9), -1.0), 1.0)
        precision.flat[:: len(features) + 1] += self.ridge + lone  # the diagonal
        response += self.prior_effect * (self.ridge / len(features) + lone * lone_mean)

        inverse_root = np.linalg.inv(np.linalg.cholesky(precision))
        return EffectPosterior(
            mean=inverse_root.T @ (inverse_root @ response),
            factor=math.sqrt(self.sampling_variance) * inverse_root.T,
        )

    def read_posterior(self, parameters: FloatArray) -> EffectPosterior:
        n_features = (math.isqrt(8 * len(parameters) + 9) - 3) // 2
        factor = np.zeros((n_features, n_features))
        factor[_upper(n_features)] = parameters[n_features:]
        return EffectPosterior(mean=parameters[:n_features].copy(), factor=factor)


_SHOWN_AT = slice(2, 2 + N_POSITIONS)
"""Documents shown at each position, in ``COUNT_UNIT``."""
_REWARD_BY_POSITION = slice(2 + N_POSITIONS, 2 + 2 * N_POSITIONS)
"""Reward at each position, in ``REWARD_UNIT``."""
_HEAD = 2 + 2 * N_POSITIONS


class _Layout(NamedTuple):
    """Where in a vector of sums what belongs to features is.

    Feature by feature: its scores with those of the features up to it, in ``SCORE_UNIT``²; its
    scores by position, in ``SCORE_UNIT``; reward times score, in ``REWARD_UNIT · SCORE_UNIT``; the
    number of lone interactions in ``COUNT_UNIT``, and their reward in ``REWARD_UNIT``.
    """

    size: int
    scores: NDArray[np.intp]
    by_position: NDArray[np.intp]
    reward: NDArray[np.intp]
    n_lone: NDArray[np.intp]
    lone_reward: NDArray[np.intp]


@lru_cache(maxsize=64)
def _upper(n_features: int) -> tuple[NDArray[np.intp], ...]:
    """Where the upper triangle of a matrix is."""
    return np.triu_indices(n_features)


@lru_cache(maxsize=64)
def _layout(n_features: int) -> _Layout:
    ordinals = np.arange(n_features)
    starts = _HEAD + ordinals * (ordinals + 1) // 2 + ordinals * (N_POSITIONS + 3)
    later, earlier = np.maximum.outer(ordinals, ordinals), np.minimum.outer(ordinals, ordinals)
    own = starts + ordinals + 1
    return _Layout(
        size=_HEAD + n_features * (n_features + 1) // 2 + n_features * (N_POSITIONS + 3),
        scores=starts[later] + earlier,
        by_position=own[:, np.newaxis] + np.arange(N_POSITIONS),
        reward=own + N_POSITIONS,
        n_lone=own + N_POSITIONS + 1,
        lone_reward=own + N_POSITIONS + 2,
    )


@lru_cache(maxsize=64)
def _layout_of(features: tuple[int, ...]) -> _Layout:
    """Where what belongs to some features is, in their order."""
    whole, chosen = _layout(max(features) + 1), list(features)
    return _Layout(
        size=whole.size,
        scores=whole.scores[np.ix_(chosen, chosen)],
        by_position=whole.by_position[chosen],
        reward=whole.reward[chosen],
        n_lone=whole.n_lone[chosen],
        lone_reward=whole.lone_reward[chosen],
    )


class _Shown(NamedTuple):
    """What a list teaches by what it showed alone; most lists are asked for again and again.

    Parameters
    ----------
    sums
        All but those of rewards.
    centred : shape (n_documents, n_features)
        See :func:`_centred`.
    at_position : shape (n_documents, N_POSITIONS)
        1 in the column of a document's position.
    reward : shape (n_features,)
        Where reward times score belongs.
    """

    sums: Sums
    centred: IntArray
    at_position: IntArray
    reward: NDArray[np.intp]


@lru_cache(maxsize=4096)
def _shown(
    levels: bytes, shape: tuple[int, int], first_position: int, places: Sequence[int]
) -> _Shown:
    n_documents, n_features = shape
    layout = _layout(n_features)
    sums = np.zeros(layout.size, np.int64)
    at_position = _at_position(places, first_position)
    centred = np.zeros((0, n_features), np.int64)
    if n_documents:
        centred = _centred(np.frombuffer(levels, np.uint16).reshape(shape))
        sums[0] = 1
        sums[_SHOWN_AT] = at_position.sum(axis=0) * COUNT_UNIT
        sums[layout.scores] = centred.T @ centred
        sums[layout.by_position] = centred.T @ at_position
    return _Shown(sums, centred, at_position, layout.reward)


@lru_cache(maxsize=256)
def _at_position(places: Sequence[int], first_position: int) -> IntArray:
    positions = np.minimum(first_position + np.array(places, np.int64), N_POSITIONS - 1)
    found: IntArray = (positions[:, np.newaxis] == np.arange(N_POSITIONS)).astype(np.int64)
    return found


def _centred(levels: Levels) -> IntArray:
    """Scores less their mean over the list, in ``SCORE_UNIT``, by integers alone.

    Rounded to the nearest, halves up: floor((2a + b) / 2b) of a/b.
    """
    whole = levels.astype(np.int64)
    n = len(whole)
    above = SCORE_UNIT * (n * whole - whole.sum(axis=0))
    below = SCALE * n
    rounded: IntArray = (2 * above + below) // (2 * below)
    return rounded
