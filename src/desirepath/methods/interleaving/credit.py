"""What a session says of two teams: one number, however much was clicked in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["MOST", "session_credits"]

MOST = 3.0
"""A session counts for three clicks at most, for either side: one person who buys everything does
not decide. In simulations this tells a winner by a fifth fewer sessions than the share of a
session's credit does, which calls one click as sure as four."""


def session_credits(
    sessions: IntArray, teams: ArrayLike, rewards: ArrayLike, n_sessions: int
) -> FloatArray:
    """By how much the challenger is ahead in each session, in [-MOST, MOST].

    What its documents earned less what those of the live list did. It is one number for all that
    was done in a session, since clicks of one person depend on each other. A reward below 0 is
    credit for the other side.

    Parameters
    ----------
    sessions : shape (n,)
        Of each document that something was done with, its session's number from 0. A session is
        what shared its coins.
    teams : shape (n,)
        :class:`.team_draft.Team` of each document.
    rewards : shape (n,)
        Finite; that of a click is 1.
    n_sessions

    Returns
    -------
    shape (n_sessions,)
        NaN for a session that gave neither team anything: it has no opinion.

    References
    ----------
    Chapelle, Joachims, Radlinski & Yue (2012), Large-Scale Validation and Analysis of Interleaved
    Search Evaluation. Differs: by how much, in place of a win, a loss or a tie.

    Examples
    --------
    >>> session_credits(np.array([0, 0, 0, 1]), [1, 1, -1, 0], [1.0, 1.0, 1.0, 1.0], 3)
    array([ 1., nan, nan])
    """
    signed = np.asarray(teams, np.float64) * np.asarray(rewards, np.float64)
    ahead = np.bincount(sessions, signed, minlength=n_sessions)
    some = np.bincount(sessions, signed != 0.0, minlength=n_sessions) > 0
    return np.where(some, ahead.clip(-MOST, MOST), np.nan)
