"""Curvature in the logarithms of ranks and leaves, solved without a matrix of all of them.

Leaves share no document, so their own block is diagonal and is eliminated first: what is left is
as large as there are ranks, however many leaves there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from desirepath.methods.position_bias.base import FloatArray

__all__ = ["Information", "Solved"]


class Solved(NamedTuple):
    """Rows of the inverse for the ranks, those of rank 1 being 0.

    Parameters
    ----------
    of_rank : shape (K, K)
        What a click too many at each rank (second) does to each rank's logarithm (first).
    of_leaf : shape (L, K)
        The same of a click too many in each leaf.
    """

    of_rank: FloatArray
    of_leaf: FloatArray


class Information(NamedTuple):
    """Of K ranks, the first of which is held fast, and L leaves; L may be 0.

    Parameters
    ----------
    ranks : shape (K, K)
    both : shape (L, K)
    leaves : shape (L,)
        The diagonal. A leaf with 0 says nothing.
    """

    ranks: FloatArray
    both: FloatArray
    leaves: FloatArray

    def solved(self) -> Solved:
        """Invert, and keep the rows of the ranks."""
        left = self.ranks - self.both.T @ self._shares()
        of_rank = np.zeros_like(left)
        of_rank[1:, 1:] = np.linalg.inv(left[1:, 1:])
        return Solved(of_rank=of_rank, of_leaf=-self._shares() @ of_rank)

    def step(self, of_ranks: FloatArray, of_leaves: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Solve for a score: the steps of ranks, shape (K,), and of leaves, shape (L,)."""
        solved = self.solved()
        ranks = solved.of_rank @ of_ranks + of_leaves @ solved.of_leaf
        rest = of_leaves - self.both @ ranks
        return ranks, np.divide(rest, self.leaves, out=np.zeros_like(rest), where=self.leaves > 0.0)

    def _shares(self) -> FloatArray:
        """``both`` over ``leaves``, shape (L, K)."""
        diagonal = self.leaves[:, None]
        return np.divide(self.both, diagonal, out=np.zeros_like(self.both), where=diagonal > 0.0)
