"""What policies add up: vectors of integers.

Integers, because their sums do not depend on the order in which they are added: what was learned
live and what is learned again from the log are the same to the bit, and what was added can be taken
away exactly.

A policy lays its numbers out so that the first one counts lists, and what belongs to a feature
comes after all that belongs to earlier features or to none. So a vector from before a feature
existed is the beginning of one from after, and the missing rest is zeros. Zeros at the end mean
nothing.
"""

from __future__ import annotations

import numpy as np

from desirepath.errors import LearningOverflow
from desirepath.methods.levels import IntArray

__all__ = ["LARGEST", "Sums", "add", "check_fits", "n_lists", "nothing", "scaled_down", "subtract"]

Sums = IntArray
"""One-dimensional; at least one number, none beyond ± :data:`LARGEST`."""

LARGEST = 2**62
"""Two such numbers add up within 64 bits, or wrap around to what is visibly no sum of theirs."""


def nothing() -> Sums:
    """Nothing learned yet."""
    return np.zeros(1, np.int64)


def n_lists(sums: Sums) -> int:
    """How many lists were added up."""
    return int(sums[0])


def add(left: Sums, right: Sums) -> Sums:
    """Both together.

    Raises
    ------
    LearningOverflow
        A sum is beyond ``LARGEST``.

    Examples
    --------
    >>> before_a_feature, after_it = np.array([1, 7]), np.array([1, 2, 5])
    >>> add(before_a_feature, after_it).tolist()
    [2, 9, 5]
    """
    return _combined(left, right, 1)


def subtract(left: Sums, right: Sums) -> Sums:
    """The left without the right.

    Raises
    ------
    LearningOverflow
        A difference is beyond ``LARGEST``.
    """
    return _combined(left, right, -1)


def scaled_down(sums: Sums, most: int) -> Sums:
    """The sums of n lists as if there were at most ``most``: times ``most / n``, rounded down.

    Examples
    --------
    >>> scaled_down(np.array([50, 1_000, -7]), 20).tolist()
    [20, 400, -3]
    >>> scaled_down(np.array([10, 1_000, -7]), 20).tolist()
    [10, 1000, -7]
    """
    n = n_lists(sums)
    if n <= most:
        return sums
    whole, rest = np.divmod(sums, n)  # or the product would leave 64 bits on the way
    scaled: Sums = whole * most + rest * most // n
    return scaled


def check_fits(numbers: IntArray, times: int = 1) -> None:
    """Refuse numbers whose sum, each times ``times``, could be beyond ``LARGEST``.

    Raises
    ------
    LearningOverflow
    """
    largest = max(int(numbers.max(initial=0)), -int(numbers.min(initial=0)))
    if largest * times * len(numbers) > LARGEST:
        raise LearningOverflow()


def _combined(left: Sums, right: Sums, sign: int) -> Sums:
    total = np.zeros(max(len(left), len(right)), np.int64)
    total[: len(left)] = left
    total[: len(right)] += sign * right
    if total.max() > LARGEST or total.min() < -LARGEST:
        raise LearningOverflow()
    return total
