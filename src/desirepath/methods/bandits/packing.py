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
    used = sums.nonzero()[0]
    values = sums[: used[-1] + 1] if used.size else sums[:1]
    folded = ((values << 1) ^ (values >> 63)).view(np.uint64)
    width = max((int(np.maximum.reduce(folded)).bit_length() + 7) // 8, 1)
    by_byte = folded.astype("<u8", copy=False).view(np.uint8).reshape(-1, _BYTES)
    return bytes((width,)) + by_byte[:, :width].tobytes()


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
