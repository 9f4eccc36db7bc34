"""Sums as bytes: small enough to store many, and quick enough to read some for every search."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from desirepath.methods.bandits.sums import Sums

__all__ = ["pack", "unpack"]

_BYTES = 8
_PLAIN = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<u8"}
_ONE = np.uint64(1)


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


@lru_cache(maxsize=8_192)
def unpack(packed: bytes) -> Sums:
    """Read what :func:`pack` wrote; the result is read only, for it is kept a while."""
    width = packed[0]
    if width in _PLAIN:
        folded = np.frombuffer(packed, _PLAIN[width], offset=1).astype(np.uint64)
    else:
        numbers = np.frombuffer(packed, np.uint8, offset=1).reshape(-1, width)
        padded = np.zeros((len(numbers), _BYTES), np.uint8)
        padded[:, :width] = numbers
        folded = padded.view("<u8")[:, 0]
    halves, signs = (folded >> _ONE).view(np.int64), (folded & _ONE).view(np.int64)
    unfolded: Sums = halves ^ -signs
    unfolded.flags.writeable = False
    return unfolded
