"""What people did with documents, search by search, as orders are measured by it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["BoolArray", "Reactions", "mean_by"]

BoolArray = NDArray[np.bool_]


class Reactions(Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """Documents that something was done with. R of them, in S searches of V sessions.

    Parameters
    ----------
    gains : shape (R,)
        What was done with each is worth; above 0.
    purchased : shape (R,)
        Whether it was bought.
    searches : shape (R,)
        The search of each, a code from 0; each has at least one.
    sessions : shape (S,)
        The session of each search, a code from 0; each has at least one.
    """

    gains: FloatArray
    purchased: BoolArray
    searches: IntArray
    sessions: IntArray

    @property
    def n_searches(self) -> int:
        return len(self.sessions)

    @cached_property
    def n_sessions(self) -> int:
        return int(self.sessions.max(initial=-1)) + 1

    @cached_property
    def sessions_of_documents(self) -> IntArray:
        """The session of each document, shape (R,)."""
        return self.sessions[self.searches]

    def by_session(self, values: FloatArray) -> FloatArray:
        """The mean over the searches of each session, shape (V,), of a number each, shape (S,)."""
        return mean_by(self.sessions, values, self.n_sessions)


def mean_by(codes: IntArray, values: NDArray[Any], n: int) -> FloatArray:
    """The mean of the values of each code, shape (n,); each code has at least one.

    >>> mean_by(np.array([0, 0, 1]), np.array([1.0, 3.0, 5.0]), 2).tolist()
    [2.0, 5.0]
    """
    means: FloatArray = np.bincount(codes, values, n) / np.bincount(codes, minlength=n)
    return means
