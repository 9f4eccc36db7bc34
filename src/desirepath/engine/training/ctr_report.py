"""How good a click-through model is, beside rates that need no learning."""

from __future__ import annotations

from msgspec import Struct

from desirepath.methods.ranking.calibration import ReliabilityBin
from desirepath.methods.ranking.click_measures import ClickMeasures
from desirepath.methods.ranking.comparing import MeanEstimate
from desirepath.methods.ranking.importance import Importance

__all__ = ["CtrMeasured", "CtrReport"]


class CtrMeasured(Struct, frozen=True, kw_only=True):
    """What one way to foretell clicks is worth on the lists that were not learned from.

    Parameters
    ----------
    behind
        How much larger its log loss is than the model's, list by list; None: it is the model.
    """

    model: str
    measures: ClickMeasures
    behind: MeanEstimate | None = None


class CtrReport(Struct, frozen=True, kw_only=True):
    """How a click-through model was trained, and how often it is right.

    Parameters
    ----------
    n_lists, n_impressions, click_rate
        In the part of the log that was asked for.
    n_train_lists, n_test_lists
        The earlier ones and the later ones, those without a click too.
    test_from
        When the lists begin that were not learned from.
    slope, shift
        Of the calibration; 1 and 0 change nothing.
    measured
        The model first, then the same without calibration, then the rates.
    reliability
        What was foretold and what came, on the later lists.
    importances
        The most important feature first; the loss is of the mean log likelihood.
    """

    n_lists: int
    n_impressions: int
    click_rate: float
    n_train_lists: int
    n_test_lists: int
    n_test_impressions: int
    test_click_rate: float
    test_from: str
    n_trees: int
    slope: float
    shift: float
    propensities: tuple[float, ...]
    seed: int
    measured: tuple[CtrMeasured, ...]
    reliability: tuple[ReliabilityBin, ...]
    importances: tuple[Importance, ...]
    n_flagged: int = 0
    flagged_share: float = 0.0

    @property
    def verdict(self) -> str:
        """What the measure says, in words."""
        lost = [
            one.model
            for one in self.measured[2:]
            if one.behind is not None and not one.behind.is_above_zero
        ]
        if lost:
            return f"No better than the rates by {', '.join(lost)}, as far as these lists tell."
        return "Better than every rate that needs no learning, by log loss."
