"""Logged lists in batches, and what ranks their pools anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from desirepath.engine.what_if.logged import LoggedList
from desirepath.methods.fusion.pools import Pools
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.offpolicy.resampling import BoolArray

__all__ = ["Batch", "Reranking"]


class Batch(Struct, frozen=True, kw_only=True, eq=False):
    """Some lists over the same features.

    Parameters
    ----------
    served : shape (n, F)
    drawn : shape (n, D, F)
    """

    lists: Sequence[LoggedList]
    pools: Pools
    served: FloatArray
    drawn: FloatArray

    @property
    def features(self) -> tuple[str, ...]:
        return self.lists[0].features


class Reranking(Protocol):
    """Ranks logged pools anew."""

    @property
    def words(self) -> str:
        """What it is."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """What each list must have scores of."""
        ...

    @property
    def learned_until(self) -> int:
        """Microseconds since 1970: earlier lists may be what it learned from."""
        ...

    def rows(self, batch: Batch, most: int) -> IntArray:
        """The first rows of each pool, shape (n, most), best first."""
        ...

    def is_sure(self, batch: Batch, rows: IntArray) -> BoolArray:
        """Whether nothing outside of a pool can belong before these rows, shape (n, most)."""
        ...
