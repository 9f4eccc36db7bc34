"""What a session says of two teams: one number, however much was clicked in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["session_credits"]


def session_credits(
    sessions: IntArray, teams: ArrayLike, rewards: ArrayLike, n_sessions: int
) -> FloatArray:
    """By how much of a session's credit the challenger is ahead, in [-1, 1].

    ``(challenger − live) / (|challenger| + |live|)``, each the sum of what its documents earned,
    the bars around each document's own. So a session counts for one at most: ten clicks of one
    person are no ten opinions. A reward below 0 is credit for the other side.

    Parameters
    ----------
    sessions : shape (n,)
        Of each document that something was done with, its session's number from 0. A session is
        what shared its coins.
    teams : shape (n,)
        :class:`.team_draft.Team` of each document.
    rewards : shape (n,)
        Finite.
    n_sessions

    Returns
    -------
    shape (n_sessions,)
        NaN for a session that gave neither team anything: it has no opinion.

    References
    ----------
    Chapelle, Joachims, Radlinski & Yue (2012), Large-Scale Validation and Analysis of Interleaved
    Search Evaluation. Differs: the share of credit in place of a win, a loss or a tie.

    Examples
    --------
    >>> session_credits(np.array([0, 0, 0, 1]), [1, 1, -1, 0], [1.0, 1.0, 1.0, 1.0], 3).round(4)
    array([0.3333,    nan,    nan])
    """
    signed = np.asarray(teams, np.float64) * np.asarray(rewards, np.float64)
    ahead = np.bincount(sessions, signed, minlength=n_sessions)
    at_all = np.bincount(sessions, np.abs(signed), minlength=n_sessions)
    shares: FloatArray = np.divide(ahead, at_all, out=np.full(n_sessions, np.nan), where=at_all > 0)
    return shares.clip(-1.0, 1.0)  # sums of floats may miss by a bit
