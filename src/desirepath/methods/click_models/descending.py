"""People who read a list from the top, and click what attracts them, until they are satisfied.

They look at every result until they stop, and they stop only after a click. Where a list begins
below rank 1 or leaves ranks out, what is missing does not count. What differs between the models is
the chance to stop; it and attractiveness are given for each impression.
"""

from __future__ import annotations

import numpy as np

from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.levels import FloatArray

__all__ = ["conditional_probabilities", "marginal_probabilities", "simulate"]


def marginal_probabilities(
    sessions: SearchSessions, attractiveness: FloatArray, satisfaction: FloatArray
) -> FloatArray:
    """Chance of a click on each impression before any is known, shape (n_impressions,)."""
    probabilities = np.zeros(sessions.n_impressions)
    examined = np.ones(sessions.n_sessions)
    for going, rows in sessions.by_depth():
        probabilities[rows] = examined[going] * attractiveness[rows]
        examined[going] *= 1.0 - attractiveness[rows] * satisfaction[rows]
    return probabilities


def conditional_probabilities(
    sessions: SearchSessions, attractiveness: FloatArray, satisfaction: FloatArray
) -> FloatArray:
    """Chance of a click on each impression given the clicks above it, shape (n_impressions,)."""
    probabilities = np.zeros(sessions.n_impressions)
    examined = np.ones(sessions.n_sessions)
    for going, rows in sessions.by_depth():
        click = probabilities[rows] = examined[going] * attractiveness[rows]
        passed_over = examined[going] * (1.0 - attractiveness[rows])
        is_possible = click < 1.0
        goes_on = np.divide(passed_over, 1.0 - click, out=np.zeros(len(rows)), where=is_possible)
        examined[going] = np.where(sessions.clicked[rows], 1.0 - satisfaction[rows], goes_on)
    return probabilities


def simulate(
    sessions: SearchSessions,
    attractiveness: FloatArray,
    satisfaction: FloatArray,
    rng: np.random.Generator,
) -> SearchSessions:
    """Show the same lists to such people."""
    is_attracted = rng.random(sessions.n_impressions) < attractiveness
    stops = is_attracted & (rng.random(sessions.n_impressions) < satisfaction)
    clicked = np.zeros(sessions.n_impressions, bool)
    reading = np.ones(sessions.n_sessions, bool)
    for going, rows in sessions.by_depth():
        clicked[rows] = reading[going] & is_attracted[rows]
        reading[going] &= ~stops[rows]
    return sessions.with_clicks(clicked)
