"""Figures of an answer: each with its interval, what it was before, and by how much it changed."""

from __future__ import annotations

import math

from msgspec import Struct

from desirepath.engine.reporting import Rate, wilson_rate
from desirepath.methods.intervals import difference_of_counts, difference_of_means, newcombe

__all__ = ["Amount", "Average", "Change", "Mean", "Share", "Sums", "amount", "average", "share"]

_Z = 1.959963984540054  # two-sided 95%


class Change(Struct, frozen=True, kw_only=True):
    """This period minus the one before, with its 95% interval."""

    difference: float
    low: float
    high: float


class Share(Struct, frozen=True, kw_only=True):
    """A share with its Wilson interval; the interval of its change is Newcombe's."""

    count: int
    of: int
    rate: float
    low: float
    high: float
    before: Rate | None = None
    change: Change | None = None


class Amount(Struct, frozen=True, kw_only=True):
    """A count; the interval of its change is that of two Poisson counts."""

    count: int
    before: int | None = None
    change: Change | None = None


class Average(Struct, frozen=True, kw_only=True):
    """A mean of ``n`` values with its interval by the normal law; none of a single value."""

    mean: float
    n: int
    low: float | None
    high: float | None


class Mean(Average, frozen=True, kw_only=True):
    """The same, and what it was before."""

    before: Average | None = None
    change: Change | None = None


class Sums(Struct, frozen=True, kw_only=True):
    """What a mean is worked out from."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float | None:
        """Of the mean; None of a single value."""
        if self.n < 2:
            return None
        spread = max(self.squares - self.total * self.total / self.n, 0.0)
        return spread / (self.n - 1) / self.n


def share(count: int, of: int, before: tuple[int, int] | None = None) -> Share | None:
    """A share, and what it was before: count, and of how many. None of nothing."""
    if not of:
        return None
    now = wilson_rate(count, of)
    then = wilson_rate(*before) if before is not None and before[1] else None
    change = None
    if then is not None:
        low, high = newcombe(count, of, then.count, then.of)
        change = Change(difference=now.rate - then.rate, low=float(low), high=float(high))
    return Share(
        count=count,
        of=of,
        rate=now.rate,
        low=now.low,
        high=now.high,
        before=then,
        change=change,
    )


def amount(count: int, before: int | None = None) -> Amount:
    """A count, and what it was before."""
    if before is None:
        return Amount(count=count)
    low, high = difference_of_counts(count, before)
    change = Change(difference=count - before, low=low, high=high)
    return Amount(count=count, before=before, change=change)


def average(sums: Sums, before: Sums | None = None) -> Mean | None:
    """A mean, and what it was before. None of nothing."""
    if not sums.n:
        return None
    now = _average(sums)
    then = _average(before) if before is not None and before.n else None
    change = None
    if before is not None and sums.variance is not None and before.variance is not None:
        ends = difference_of_means(sums.mean, sums.variance, before.mean, before.variance)
        change = Change(difference=sums.mean - before.mean, low=ends[0], high=ends[1])
    return Mean(mean=now.mean, n=now.n, low=now.low, high=now.high, before=then, change=change)


def _average(sums: Sums) -> Average:
    variance = sums.variance
    spread = None if variance is None else _Z * math.sqrt(variance)
    return Average(
        mean=sums.mean,
        n=sums.n,
        low=None if spread is None else sums.mean - spread,
        high=None if spread is None else sums.mean + spread,
    )
