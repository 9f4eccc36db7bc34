"""The fusions by the names they have on the wire."""

from __future__ import annotations

from collections.abc import Mapping

from desirepath.methods.fusion.base import Fusion
from desirepath.methods.fusion.dbsf import dbsf
from desirepath.methods.fusion.learned import learned
from desirepath.methods.fusion.max import largest
from desirepath.methods.fusion.rrf import rrf
from desirepath.methods.fusion.weighted import weighted

__all__ = ["FUSIONS"]

FUSIONS: Mapping[str, Fusion] = {
    "rrf": rrf,
    "dbsf": dbsf,
    "weighted": weighted,
    "max": largest,
    "learned": learned,
}
