"""Lists that were shown, and which of their documents were clicked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from desirepath.errors import InvalidInput, NotEnoughData
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["BoolArray", "SearchSessions"]

BoolArray = NDArray[np.bool_]
_Kind = TypeVar("_Kind", bound=np.generic)


class SearchSessions(Struct, frozen=True, kw_only=True, eq=False):
    """Search sessions, one after the other in flat arrays.

    A search session is one execution: the list that was shown, from the top, and its clicks. Lists
    may differ in length, be empty, begin below rank 1 (page two) and leave ranks out.

    Parameters
    ----------
    pairs : shape (n_impressions,)
        Which (query, document) was shown: a code from 0 to ``n_pairs`` − 1.
    ranks : shape (n_impressions,)
        Where it stood, from 1; rising within a session.
    clicked : shape (n_impressions,)
        Whether it was clicked, once or more.
    starts : shape (n_sessions + 1,)
        Session s has the impressions from ``starts[s]`` up to ``starts[s + 1]``.
    n_pairs
        How many pairs have a code. A pair that is never shown has its prior.
    weights : shape (n_sessions,)
        How much each session counts, at least 0: 2 counts as the same session twice. None: 1 each.

    Raises
    ------
    InvalidInput
        The arrays do not fit together.
    """

    pairs: IntArray
    ranks: IntArray
    clicked: BoolArray
    starts: IntArray
    n_pairs: int
    weights: FloatArray | None = None

    def __post_init__(self) -> None:
        starts, n = self.starts, self.n_impressions
        if not len(starts) or starts[0] != 0 or starts[-1] != n or (np.diff(starts) < 0).any():
            raise InvalidInput("starts must rise from 0 to the number of impressions.")
        if len(self.ranks) != n or len(self.clicked) != n:
            raise InvalidInput("pairs, ranks and clicked must have one entry an impression.")
        if n and (self.pairs.min() < 0 or self.pairs.max() >= self.n_pairs):
            raise InvalidInput("pairs must be codes from 0 to n_pairs - 1.")
        rises = np.diff(self.ranks, prepend=0) > 0
        rises[starts[:-1][self.lengths > 0]] = True
        if n and (self.ranks.min() < 1 or not rises.all()):
            raise InvalidInput("ranks must be at least 1, and rise within a session.")
        weights = self.weights
        if weights is not None and (
            len(weights) != self.n_sessions or not (np.isfinite(weights) & (weights >= 0)).all()
        ):
            raise InvalidInput("weights must be one finite number a session, at least 0.")

    @property
    def n_impressions(self) -> int:
        return len(self.pairs)

    @property
    def n_sessions(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> IntArray:
        """Results in each session, shape (n_sessions,)."""
        return np.diff(self.starts)

    @property
    def session_weights(self) -> FloatArray:
        """Shape (n_sessions,)."""
        return np.ones(self.n_sessions) if self.weights is None else self.weights

    @property
    def impression_weights(self) -> FloatArray:
        """How much each impression counts, shape (n_impressions,)."""
        return self.per_impression(self.session_weights)

    def per_impression(self, values: NDArray[_Kind]) -> NDArray[_Kind]:
        """Give each impression the value of its session."""
        return np.repeat(values, self.lengths)

    def clicks_before(self) -> IntArray:
        """How many clicks the session has above each impression, shape (n_impressions,)."""
        so_far = self._clicks_so_far()
        return so_far[:-1] - self.per_impression(so_far[self.starts[:-1]])

    def n_clicks(self) -> IntArray:
        """How many clicks each session has, shape (n_sessions,)."""
        return np.diff(self._clicks_so_far()[self.starts])

    def _clicks_so_far(self) -> IntArray:
        return np.concatenate([[0], np.cumsum(self.clicked)])

    def by_depth(self) -> Iterator[tuple[IntArray, IntArray]]:
        """Go down all lists at once, first results first.

        Yields the sessions that go so deep, and which impression they have there.
        """
        lengths, depth = self.lengths, 0
        going = np.flatnonzero(lengths > 0)
        while len(going):
            yield going, self.starts[going] + depth
            depth += 1
            going = going[lengths[going] > depth]

    def with_clicks(self, clicked: BoolArray) -> SearchSessions:
        """Show the same lists with other clicks."""
        return replace(self, clicked=clicked)

    def take(self, chosen: IntArray) -> SearchSessions:
        """Pick sessions by their numbers, in that order; one may be picked twice."""
        lengths = self.lengths[chosen]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], lengths)
        return SearchSessions(
            pairs=self.pairs[rows],
            ranks=self.ranks[rows],
            clicked=self.clicked[rows],
            starts=starts,
            n_pairs=self.n_pairs,
            weights=None if self.weights is None else self.weights[chosen],
        )

    def check_shown(self) -> None:
        """Refuse sessions that say nothing.

        Raises
        ------
        NotEnoughData
            Nothing was shown in sessions that count.
        """
        if not (self.impression_weights > 0).any():
            raise NotEnoughData("documents shown", needed=1, found=0)

    def check_enough(self) -> None:
        """Refuse what no model can be learned from.

        Raises
        ------
        NotEnoughData
            Nothing was shown or nothing was clicked, in sessions that count.
        """
        self.check_shown()
        if not self.clicked[self.impression_weights > 0].any():
            raise NotEnoughData("clicks", needed=1, found=0)
