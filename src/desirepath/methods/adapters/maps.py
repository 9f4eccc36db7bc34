"""The maps that an adapter may be, of which the data choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from desirepath.methods.adapters.linear import RIDGES, ClickedVectors, fit_ridge
from desirepath.methods.adapters.rotation import fit_rotation
from desirepath.methods.levels import FloatArray

__all__ = ["CANDIDATES", "MapChoice", "MapShape"]


class MapShape(StrEnum):
    """What kind of map."""

    ROTATION = "rotation"
    LINEAR = "linear"


_FITS: Mapping[MapShape, Callable[[ClickedVectors, float], FloatArray]] = {
    MapShape.ROTATION: fit_rotation,
    MapShape.LINEAR: fit_ridge,
}


class MapChoice(Struct, frozen=True, kw_only=True):
    """A kind of map, and how strongly it is drawn to the identity."""

    shape: MapShape
    ridge: float

    def fit(self, clicked: ClickedVectors) -> FloatArray:
        """The map of shape (d, d).

        Raises
        ------
        NotEnoughData
            Nothing was clicked.
        """
        return _FITS[self.shape](clicked, self.ridge)


CANDIDATES = tuple(
    MapChoice(shape=shape, ridge=ridge)
    for ridge in sorted(RIDGES, reverse=True)
    for shape in MapShape
)
"""Those that change the least come first."""
