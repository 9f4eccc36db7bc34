"""How a trained ranker is stored: trees, layout, and the counters that serving goes on from.

No file holds code: trees are LightGBM's text, counters NumPy arrays, and the layout is JSON.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from desirepath.domain.ranking_features import FeatureLayout
from desirepath.errors import InvalidFile
from desirepath.methods.ranking.counters import CounterSnapshot

__all__ = ["COUNTERS", "LAYOUT", "RANKER", "TREES", "RankerParts", "pack_ranker", "read_parts"]

RANKER = "ranker"
"""The kind of these models."""
TREES, LAYOUT, COUNTERS = "trees.txt", "layout.json", "counters.npz"
_decode_layout = msgspec.json.Decoder(FeatureLayout).decode


class RankerParts(Struct, frozen=True, kw_only=True, eq=False):
    """What makes a ranker.

    Parameters
    ----------
    trees
        As LightGBM writes them.
    layout
        The features that they look at.
    counters
        The shared counters as of the moment it was trained at.
    """

    trees: str
    layout: FeatureLayout
    counters: CounterSnapshot


def pack_ranker(parts: RankerParts) -> dict[str, bytes]:
    """The files of a ranker, by name."""
    return {
        TREES: parts.trees.encode(),
        LAYOUT: msgspec.json.encode(parts.layout, order="deterministic"),
        COUNTERS: parts.counters.to_bytes(),
    }


def read_parts(file: Callable[[str], bytes]) -> RankerParts:
    """What :func:`pack_ranker` wrote.

    Parameters
    ----------
    file
        Gives what is in a file.

    Raises
    ------
    InvalidFile
        The layout, or the counters, are of another version of Desirepath or no such thing.
    """
    trees, layout, counters = file(TREES), file(LAYOUT), file(COUNTERS)
    try:
        parts = RankerParts(
            trees=trees.decode(),
            layout=_decode_layout(layout),
            counters=CounterSnapshot.from_bytes(counters),
        )
        _ = parts.layout.features  # of which every name is read
    except (msgspec.MsgspecError, ValueError, KeyError, OSError) as error:
        raise InvalidFile("The model has a layout that this version cannot read.") from error
    return parts
