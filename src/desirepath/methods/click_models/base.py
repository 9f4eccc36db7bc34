"""What a click model is: a story of how people come to click, fitted to what they clicked.

    SearchSessions ── ClickModel.fit ──► FittedClickModel ── .relevance ──► judgments
                                              │
                                              └── .simulate, evaluating.perplexity, …

A caller does not care which model it is. Words: a result is *examined* if somebody looks at it,
*attractive* if they then click it, *satisfying* if they then search no further. Ranks count from 1.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from desirepath.methods.click_models.em import Progress
from desirepath.methods.click_models.rates import Rates
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.levels import FloatArray

__all__ = ["ClickModel", "FittedClickModel", "independent_clicks"]


class FittedClickModel(Protocol):
    """A click model with its parameters: learned, or given as the truth of a simulation."""

    @property
    def relevance(self) -> Rates:
        """What the model believes of each (query, document), wherever it stood.

        Each model says which of its parameters that is.
        """
        ...

    def click_probabilities(self, sessions: SearchSessions) -> FloatArray:
        """Marginal: chance of a click on each impression before any is known, (n_impressions,)."""
        ...

    def conditional_probabilities(self, sessions: SearchSessions) -> FloatArray:
        """Chance of a click on each impression given the clicks above it, (n_impressions,)."""
        ...

    def simulate(self, sessions: SearchSessions, rng: np.random.Generator) -> SearchSessions:
        """Show the same lists to people who click as the model says."""
        ...


class ClickModel(Protocol):
    """How a model is learned. Frozen; its fields are its priors and when to stop."""

    def fit(self, sessions: SearchSessions, progress: Progress | None = None) -> FittedClickModel:
        """Learn the parameters.

        The order of sessions does not matter, and a weight of 2 is the session twice.

        Parameters
        ----------
        progress
            Called after each step, by models that take several.

        Raises
        ------
        NotEnoughData
            Nothing was shown, or nothing was clicked.
        """
        ...


def independent_clicks(
    sessions: SearchSessions, probabilities: FloatArray, rng: np.random.Generator
) -> SearchSessions:
    """Draw each click by itself."""
    return sessions.with_clicks(rng.random(sessions.n_impressions) < probabilities)
