"""How a trained ranker is stored: trees, layout, and the counters that serving goes on from.

A click-through model is stored alike, with its calibration. No file holds code: trees are
LightGBM's text, counters NumPy arrays, and the rest is JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zipfile import BadZipFile

import msgspec
from msgspec import Struct

from desirepath.domain.ranking_features import FeatureKind, FeatureLayout
from desirepath.errors import InvalidFile
from desirepath.methods.array_files import pack_arrays, unpack_arrays
from desirepath.methods.ranking.calibration import Calibration
from desirepath.methods.ranking.counters import CounterSnapshot
from desirepath.methods.recommending.likeness import Likeness

__all__ = [
    "CALIBRATION",
    "COUNTERS",
    "CTR_MODEL",
    "LAYOUT",
    "RANKER",
    "RANKING_KINDS",
    "TREES",
    "RankerParts",
    "pack_ranker",
    "read_parts",
]

RANKER, CTR_MODEL = "ranker", "ctr_model"
RANKING_KINDS = (RANKER, CTR_MODEL)
"""The kinds of models that can order a list."""
TREES, LAYOUT, COUNTERS = "trees.txt", "layout.json", "counters.npz"
CALIBRATION = "calibration.json"
_decode_layout = msgspec.json.Decoder(FeatureLayout).decode
_decode_calibration = msgspec.json.Decoder(Calibration).decode


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
    calibration
        Of a click-through model: from what the trees say to the chance of a click. None: a ranker.
    likeness
        By argument of ``recommender`` in the layout: what it says, so that the ranker goes on
        without it.
    """

    trees: str
    layout: FeatureLayout
    counters: CounterSnapshot
    calibration: Calibration | None = None
    likeness: Mapping[str, Likeness] = {}


def pack_ranker(parts: RankerParts) -> dict[str, bytes]:
    """The files of a ranker, by name."""
    files = {
        TREES: parts.trees.encode(),
        LAYOUT: msgspec.json.encode(parts.layout, order="deterministic"),
        COUNTERS: parts.counters.to_bytes(),
    }
    if parts.calibration is not None:
        files[CALIBRATION] = msgspec.json.encode(parts.calibration)
    for argument, name in _likeness_files(parts.layout).items():
        files[name] = pack_arrays(parts.likeness[argument].arrays())
    return files


def _likeness_files(layout: FeatureLayout) -> dict[str, str]:
    """By argument of ``recommender``."""
    arguments = layout.arguments(FeatureKind.RECOMMENDER)
    return {argument: f"likeness_{number}.npz" for number, argument in enumerate(arguments)}


def read_parts(file: Callable[[str], bytes], kind: str = RANKER) -> RankerParts:
    """What :func:`pack_ranker` wrote.

    Parameters
    ----------
    file
        Gives what is in a file.
    kind
        One of :data:`RANKING_KINDS`.

    Raises
    ------
    InvalidFile
        A file is of another version of Desirepath or no such thing.
    """
    trees, layout, counters = file(TREES), file(LAYOUT), file(COUNTERS)
    calibration = file(CALIBRATION) if kind == CTR_MODEL else None
    try:
        known = _decode_layout(layout)
        recommenders = known.arguments(FeatureKind.RECOMMENDER)  # every name is read
        if known.learned_before.keys() != set(recommenders):
            raise ValueError("a moment for each recommender")
        parts = RankerParts(
            trees=trees.decode(),
            layout=known,
            counters=CounterSnapshot.from_bytes(counters),
            calibration=None if calibration is None else _decode_calibration(calibration),
            likeness={
                argument: Likeness.load(unpack_arrays(file(name)))
                for argument, name in _likeness_files(known).items()
            },
        )
    except (msgspec.MsgspecError, ValueError, KeyError, OSError, BadZipFile) as error:
        raise InvalidFile("The model has a layout that this version cannot read.") from error
    return parts
