"""Shared counters at one moment, as a model keeps them: arrays sorted by 64-bit keys."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.methods.array_files import pack_arrays, unpack_arrays

__all__ = ["NEVER", "CounterSnapshot"]

NEVER = np.iinfo(np.int64).min
"""In place of a moment: it has not happened."""


class CounterSnapshot(Struct, frozen=True, kw_only=True, eq=False):
    """What was shown and clicked before ``origin``, fading: D documents, P (query, document) pairs.

    Parameters
    ----------
    origin
        Microseconds since 1970. All that was recorded before it is counted, each exposure and each
        click as 2^((its moment − origin) / half-life).
    keys : shape (D,), uint64, rising
    exposed, clicks : shape (D,), float64
    first_at, last_click : shape (D,), int64
        Moments, or :data:`NEVER`.
    pair_keys : shape (P,), uint64, rising
    pair_exposed, pair_clicks : shape (P,), float64
    """

    origin: int
    keys: NDArray[np.uint64]
    exposed: NDArray[np.float64]
    clicks: NDArray[np.float64]
    first_at: NDArray[np.int64]
    last_click: NDArray[np.int64]
    pair_keys: NDArray[np.uint64]
    pair_exposed: NDArray[np.float64]
    pair_clicks: NDArray[np.float64]

    @property
    def exposed_all(self) -> float:
        """Of all documents."""
        return float(self.exposed.sum())

    @property
    def clicks_all(self) -> float:
        """On all documents."""
        return float(self.clicks.sum())

    def to_bytes(self) -> bytes:
        """As NumPy's compressed file of arrays."""
        return pack_arrays(
            {name: np.asarray(getattr(self, name)) for name in self.__struct_fields__}
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> CounterSnapshot:
        """What :meth:`to_bytes` wrote."""
        arrays = unpack_arrays(data)
        found = {name: arrays[name] for name in cls.__struct_fields__}
        return cls(**{**found, "origin": int(found["origin"])})
