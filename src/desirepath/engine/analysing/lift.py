"""How many times as high a rate is as a base rate."""

from __future__ import annotations

from msgspec import Struct

from desirepath.engine.reporting import Rate

__all__ = ["Lift", "lift_of", "smoothed"]


class Lift(Struct, frozen=True, kw_only=True):
    """A rate over a base rate; the interval is the rate's, the base is taken as known."""

    base: float
    lift: float
    low: float
    high: float


def lift_of(rate: Rate, base: float) -> Lift:
    """The lift of a rate over a base above 0."""
    return Lift(base=base, lift=rate.rate / base, low=rate.low / base, high=rate.high / base)


def smoothed(count: int, of: int) -> float:
    """A share that is never 0 or 1: as if it had been seen to be and not to be half a time more.

    >>> smoothed(0, 0), smoothed(0, 99)
    (0.5, 0.005)
    """
    return (count + 0.5) / (of + 1)
