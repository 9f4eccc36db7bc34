"""Sums as bytes, each number in as few as it needs: most are 0 or small."""

from __future__ import annotations

import struct

import numpy as np

from desirepath.methods.bandits.sums import Sums

__all__ = ["pack", "unpack"]

_LENGTH = struct.Struct("<I")
_KINDS = ("", "<i2", "<i4", "<i8")
"""How a number is written, by its code; code 0 is the number 0 and takes no room."""
_CODES_PER_BYTE = np.array([0, 2, 4, 6], np.uint8)


def pack(sums: Sums) -> bytes:
    """Write sums: their length, two bits of code for each number, the numbers code by code.

    The same sums are always the same bytes: zeros at the end are left out.

    Examples
    --------
    >>> len(pack(np.array([3, 0, 0, 70_000, 0, 0])))
    11
    """
    used = np.flatnonzero(sums)
    values = sums[: used[-1] + 1] if used.size else sums[:1]
    codes = (values != 0).astype(np.uint8)
    codes += (values < -(2**15)) | (values >= 2**15)
    codes += (values < -(2**31)) | (values >= 2**31)
    padded = np.zeros(-(-len(codes) // 4) * 4, np.uint8)
    padded[: len(codes)] = codes
    packed_codes = (padded.reshape(-1, 4) << _CODES_PER_BYTE).sum(axis=1, dtype=np.uint8)
    numbers = [values[codes == code].astype(_KINDS[code]).tobytes() for code in (1, 2, 3)]
    return b"".join([_LENGTH.pack(len(values)), packed_codes.tobytes(), *numbers])


def unpack(packed: bytes) -> Sums:
    """Read what :func:`pack` wrote."""
    (length,) = _LENGTH.unpack_from(packed)
    n_code_bytes = -(-length // 4)
    packed_codes = np.frombuffer(packed, np.uint8, n_code_bytes, _LENGTH.size)
    codes = ((packed_codes[:, np.newaxis] >> _CODES_PER_BYTE) & 3).ravel()[:length]
    values = np.zeros(length, np.int64)
    offset = _LENGTH.size + n_code_bytes
    for code in (1, 2, 3):
        places = np.flatnonzero(codes == code)
        kind = np.dtype(_KINDS[code])
        values[places] = np.frombuffer(packed, kind, len(places), offset)
        offset += len(places) * kind.itemsize
    return values
