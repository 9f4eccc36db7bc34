"""What policies add up: vectors of integers.

Integers, because their sums do not depend on the order in which they are added: what was learned
live and what is learned again from the log are the same to the bit, and what was added can be taken
away exactly.

A policy lays its numbers out so that the first one counts lists, the second says how much was done
with them (:func:`influence_of`), and what belongs to a feature comes after all that belongs to
earlier features or to none. So a vector from before a feature existed is the beginning of one from
after, and the missing rest is zeros. Zeros at the end mean nothing.
"""

from __future__ import annotations

import numpy as np

from desirepath.errors import LearningOverflow
from desirepath.methods.levels import IntArray

__all__ = [
    "INFLUENCE_UNIT",
    "LARGEST",
    "REWARD_UNIT",
    "Sums",
    "add",
    "check_fits",
    "influence_of",
    "n_lists",
    "nothing",
    "scaled_down",
    "subtract",
]

Sums = IntArray
"""One-dimensional; at least one number, none beyond ± :data:`LARGEST`."""

REWARD_UNIT = 1_000_000
"""Rewards are integers over this."""
INFLUENCE_UNIT = 1_000
"""Influence is in integers over this."""
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
    return right if len(left) == 1 and not left[0] else _combined(left, right, 1)


def subtract(left: Sums, right: Sums) -> Sums:
    """The left without the right.

    Raises
    ------
    LearningOverflow
        A difference is beyond ``LARGEST``.
    """
    return _combined(left, right, -1)


def influence_of(rewards: IntArray) -> int:
    """How much a list can move what is believed: what its rewards amount to, and at least one.

    Of either sign, for a loss moves weights as far as a gain; in ``INFLUENCE_UNIT``.

    Examples
    --------
    >>> influence_of(np.array([0, 0, 1_000_000])), influence_of(np.array([5_000_000, -2_000_000]))
    (1000, 7000)
    """
    return max(INFLUENCE_UNIT, int(np.add.reduce(np.abs(rewards))) * INFLUENCE_UNIT // REWARD_UNIT)


def scaled_down(sums: Sums, most: int) -> Sums:
    """Sums as if their influence were ``most`` at most: times ``most / influence``, rounded down.

    Only the number of lists is rounded up: something was learned.

    Examples
    --------
    >>> scaled_down(np.array([50, 5_000, 1_000, -7]), 2_000).tolist()
    [20, 2000, 400, -3]
    >>> scaled_down(np.array([10, 1_000, 1_000, -7]), 2_000).tolist()
    [10, 1000, 1000, -7]
    """
    influence = int(sums[1]) if len(sums) > 1 else 0
    if influence <= most:
        return sums
    whole, rest = np.divmod(sums, influence)  # or the product would leave 64 bits on the way
    scaled: Sums = whole * most + rest * most // influence
    scaled[0] = -(-n_lists(sums) * most // influence)
    return scaled


def check_fits(numbers: IntArray, times: int = 1) -> None:
    """Refuse numbers whose sum, each times ``times``, could be beyond ``LARGEST``.

    Raises
    ------
    LearningOverflow
    """
    if len(numbers) and _largest(numbers) * times * len(numbers) > LARGEST:
        raise LearningOverflow()


def _largest(numbers: IntArray) -> int:
    """The largest of their sizes."""
    return max(int(np.maximum.reduce(numbers)), -int(np.minimum.reduce(numbers)))


def _combined(left: Sums, right: Sums, sign: int) -> Sums:
    if len(right) == 1 and not right[0]:
        return left
    if len(left) == len(right):  # nearly always
        total: Sums = left + right if sign > 0 else left - right
    else:
        total = np.zeros(max(len(left), len(right)), np.int64)
        total[: len(left)] = left
        total[: len(right)] += sign * right
    if _largest(total) > LARGEST:
        raise LearningOverflow()
    return total
