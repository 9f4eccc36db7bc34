"""The click models by name, with their default priors."""

from __future__ import annotations

from collections.abc import Mapping

from desirepath.methods.click_models.base import ClickModel
from desirepath.methods.click_models.cascade import Cascade
from desirepath.methods.click_models.ctr import DocumentCTR, GlobalCTR, RankCTR
from desirepath.methods.click_models.pbm import PBM
from desirepath.methods.click_models.sdbn import SDBN

__all__ = ["CLICK_MODELS", "JUDGING_MODELS"]

CLICK_MODELS: Mapping[str, ClickModel] = {
    "gctr": GlobalCTR(),
    "rctr": RankCTR(),
    "dctr": DocumentCTR(),
    "pbm": PBM(),
    "cascade": Cascade(),
    "sdbn": SDBN(),
}

JUDGING_MODELS: Mapping[str, ClickModel] = {
    name: model for name, model in CLICK_MODELS.items() if name not in ("gctr", "rctr")
}
"""Those whose relevance tells documents apart."""
