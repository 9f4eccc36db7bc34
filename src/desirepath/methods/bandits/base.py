"""What a policy is: sums of what people did, a belief about each feature, and draws from it.

From a click to a weight::

    ListOutcome ── Policy.list_sums ──► Sums of a list ── sums.add ──► Sums of a day and context
                                                                              │
    weights ◄── weights_of ── Posterior.sample ◄── Policy.posterior ◄── Evidence (days weighted,
                                                                        contexts pooled)

A caller does not care which policy it is. Everything left of a day is integers (:mod:`.sums`), so
that what was learned can be taken away exactly; everything after it is done when weights are asked
for, so that forgetting, pooling and priors can be changed without learning again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct

from desirepath.methods.bandits.evidence import Evidence
from desirepath.methods.bandits.sums import REWARD_UNIT, Sums
from desirepath.methods.levels import FloatArray, IntArray, Levels

__all__ = ["REWARD_UNIT", "ListOutcome", "Policy", "Posterior"]


class ListOutcome(Struct, frozen=True, kw_only=True, eq=False):
    """A list that was shown, and what people did with it.

    Features are counted by their ordinals, which a retriever never gives to another feature.

    Parameters
    ----------
    levels : shape (n_documents, n_features)
        Normalised scores of the shown documents, in the order in which they were shown.
    rewards : shape (n_documents,)
        In ``REWARD_UNIT``; 0 for what was left alone.
    first_position
        Position of the first document; 0 on the first page.
    places : shape (n_documents,)
        Place of each in the list that it was shown in, rising, where others stood between them of
        which no scores are known. None: no others did.
    credited : shape (n_documents,)
        Ordinal of the feature that an interaction with the document named; -1 where none did.
        None: nowhere.
    """

    levels: Levels
    rewards: IntArray
    first_position: int = 0
    places: tuple[int, ...] | None = None
    credited: IntArray | None = None


class Posterior(Protocol):
    """What is believed of each feature's effect on what people do."""

    @property
    def mean(self) -> FloatArray:
        """Expected effects, shape (F,). Below 0: the feature misleads."""
        ...

    @property
    def variances(self) -> FloatArray:
        """Variance of each effect when it is drawn with an exploration of 1, shape (F,)."""
        ...

    @property
    def parameters(self) -> FloatArray:
        """All numbers that describe it, for :meth:`Policy.read_posterior`; one-dimensional."""
        ...

    def sample(self, exploration: float, rng: np.random.Generator) -> FloatArray:
        """Draw effects, shape (F,).

        Parameters
        ----------
        exploration
            Factor on the variance, at least 0; with 0 the draw is the mean.
        """
        ...

    def samples(self, exploration: float, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw effects n times as :meth:`sample` does, though not the same ones; shape (n, F)."""
        ...


class Policy(Protocol):
    """Learns from lists and draws effects. Frozen; its fields are its priors.

    Sums are what :mod:`desirepath.methods.bandits.sums` says; which number means what is the
    policy's own affair.
    """

    def list_sums(self, outcome: ListOutcome) -> Sums:
        """What a list teaches that somebody interacted with.

        Raises
        ------
        LearningOverflow
            The rewards are too large.
        """
        ...

    def lone_sums(self, feature: int, reward: int) -> Sums:
        """What an interaction teaches whose list is not known.

        Parameters
        ----------
        feature
            Ordinal of the feature that it named.
        reward
            In ``REWARD_UNIT``.
        """
        ...

    def posterior(self, evidence: Evidence, features: Sequence[int]) -> Posterior:
        """What to believe after some evidence.

        Parameters
        ----------
        features : length F
            Ordinals of the features to weight, in the order of the answer; at least one. Those that
            the evidence knows nothing of have their prior.
        """
        ...

    def read_posterior(self, parameters: FloatArray) -> Posterior:
        """The posterior that had these :attr:`Posterior.parameters`."""
        ...
