"""Sums as bytes: small enough to store many, and quick enough to read some for every search."""

from __future__ import annotations

import numpy as np

from desirepath.methods.bandits.sums import Sums

__all__ = ["pack", "unpack"]

_BYTES = 8


def pack(sums: Sums) -> bytes:
    """Write sums: a byte that says how many each number takes, then the numbers.

    Numbers are zigzag-encoded (0, -1, 1, -2, …), so that small ones of either sign are short. The
    same sums are always the same bytes: zeros at the end are left out.

    Examples
    --------
    >>> len(pack(np.array([3, 0, 0, 70_000, 0, 0])))
    13
    """
    used = np.flatnonzero(sums)
    values = sums[: used[-1] + 1] if used.size else sums[:1]
    folded = ((values << 1) ^ (values >> 63)).astype("<i8").view(np.uint8).reshape(-1, _BYTES)
    taken = np.flatnonzero(folded.any(axis=0))
    width = int(taken[-1]) + 1 if taken.size else 1
    return bytes([width]) + folded[:, :width].tobytes()


def unpack(packed: bytes) -> Sums:
    """Read what :func:`pack` wrote."""
    width = packed[0]
    numbers = np.frombuffer(packed, np.uint8, offset=1).reshape(-1, width)
    folded = np.zeros((len(numbers), _BYTES), np.uint8)
    folded[:, :width] = numbers
    values = folded.view("<u8")[:, 0]
    unfolded: Sums = (values >> np.uint64(1)).view(np.int64) ^ -(values & np.uint64(1)).view(
        np.int64
    )
    return unfolded
