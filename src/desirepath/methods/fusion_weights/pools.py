"""Lists of candidates with what each is worth: what fusion weights are trained on."""

from __future__ import annotations

from msgspec import Struct

from desirepath.methods.levels import FloatArray, IntArray, Levels
from desirepath.methods.ranking.matrix import BoolArray

__all__ = ["Pools"]


class Pools(Struct, frozen=True, kw_only=True, eq=False):
    """Lists one after the other; the rows of a list stand together, in the order of their ids.

    Parameters
    ----------
    levels : shape (n_rows, n_features)
        Normalised scores of each candidate.
    gains : shape (n_rows,)
        What it is worth to rank it first; at least 0.
    groups : shape (n_lists,)
        How many candidates each list has, at least 1.
    queries : shape (n_lists,)
        Number of the query that each list is of: lists of one query are never told apart.
    """

    levels: Levels
    gains: FloatArray
    groups: IntArray
    queries: IntArray

    @property
    def n_lists(self) -> int:
        return len(self.groups)

    @property
    def n_features(self) -> int:
        return int(self.levels.shape[1])

    def part(self, is_kept: BoolArray) -> Pools:
        """Some of the lists; ``is_kept`` has shape (n_lists,)."""
        rows = is_kept.repeat(self.groups)
        return Pools(
            levels=self.levels[rows],
            gains=self.gains[rows],
            groups=self.groups[is_kept],
            queries=self.queries[is_kept],
        )
