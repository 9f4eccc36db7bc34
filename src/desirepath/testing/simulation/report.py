"""How well shoppers were served, block by block, beside what does not learn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from desirepath.methods.levels import FloatArray
from desirepath.testing.simulation.running import Served

__all__ = ["Block", "Estimate", "blocks_of", "mean_of"]

_DRAWS = 2_000


class Estimate(Struct, frozen=True, kw_only=True):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


class Block(Struct, frozen=True, kw_only=True):
    """Searches in a row: nDCG@10 of what was shown, and of what else could have been.

    Parameters
    ----------
    first, last
        Numbers of searches, from 1.
    over_rrf, over_uniform
        What learned weights gained, search by search.
    gap_closed
        Share of what the oracle has over RRF; None where it has nothing.
    """

    first: int
    last: int
    learned: Estimate
    rrf: float
    uniform: float
    oracle: float
    over_rrf: Estimate
    over_uniform: Estimate
    gap_closed: float | None
    click_rate: float


def blocks_of(served: Sequence[Served], n_blocks: int) -> list[Block]:
    """Cut a run into blocks of about the same size, none of them empty."""
    cuts = np.linspace(0, len(served), min(n_blocks, len(served)) + 1).round().astype(int).tolist()
    return [_block(served[start:end], start) for start, end in itertools.pairwise(cuts)]


def _block(served: Sequence[Served], before: int) -> Block:
    learned, rrf, equal, oracle = (
        _values(served, value)
        for value in (
            lambda one: one.learned,
            lambda one: one.rrf,
            lambda one: one.uniform,
            lambda one: one.oracle,
        )
    )
    gap = float((oracle - rrf).mean())
    return Block(
        first=before + 1,
        last=before + len(served),
        learned=mean_of(learned),
        rrf=float(rrf.mean()),
        uniform=float(equal.mean()),
        oracle=float(oracle.mean()),
        over_rrf=mean_of(learned - rrf),
        over_uniform=mean_of(learned - equal),
        gap_closed=float((learned - rrf).mean()) / gap if gap > 0 else None,
        click_rate=float(np.mean([one.clicks > 0 for one in served])),
    )


def _values(served: Sequence[Served], value: Callable[[Served], float]) -> FloatArray:
    return np.array([value(one) for one in served])


def mean_of(values: FloatArray) -> Estimate:
    """The mean with the middle 95 % of the means of searches drawn with replacement (seed 0).

    References
    ----------
    Efron (1979), Bootstrap Methods: Another Look at the Jackknife. The percentile interval.

    Examples
    --------
    >>> mean_of(np.array([0.5, 0.5]))
    Estimate(mean=0.5, low=0.5, high=0.5)
    """
    rng = np.random.default_rng(0)
    drawn = rng.choice(values, (_DRAWS, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(mean=float(values.mean()), low=float(low), high=float(high))
