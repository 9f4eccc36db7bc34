"""How good a click-through model is, beside rates that need no learning."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from desirepath.engine.training.list_models import ListModelReport
from desirepath.methods.ranking.calibration import ReliabilityBin
from desirepath.methods.ranking.click_measures import ClickMeasures
from desirepath.methods.ranking.comparing import MeanEstimate

__all__ = ["CtrMeasured", "CtrReport"]

_WORDS = {"base_rate": "all alike", "position": "position", "item_ctr": "document's CTR"}


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

    @property
    def words(self) -> str:
        """What foretells, as people call it."""
        return _WORDS.get(self.model, self.model)


class CtrReport(ListModelReport, frozen=True, kw_only=True):
    """How a click-through model was trained, and how often it is right.

    Lists without a click count. The loss by which features are important is of the mean log
    likelihood.

    Parameters
    ----------
    click_rate
        In the part of the log that was asked for.
    slope, shift
        Of the calibration; 1 and 0 change nothing.
    measured
        The model first, then the same without calibration, then the rates.
    reliability, reliability_uncalibrated
        What was foretold and what came, on the later lists; and what the trees alone foretold,
        which is empty in reports of models that were trained before it was kept.
    """

    click_rate: float
    n_test_impressions: int
    test_click_rate: float
    slope: float
    shift: float
    measured: tuple[CtrMeasured, ...]
    reliability: tuple[ReliabilityBin, ...]
    reliability_uncalibrated: tuple[ReliabilityBin, ...] = ()

    @property
    def verdict(self) -> str:
        """What the measure says, in words."""
        if self.lost_to:
            lost = ", ".join(self.lost_to)
            return f"No better than the rates by {lost}, as far as these lists tell."
        return "Better than every rate that needs no learning, by log loss."

    @property
    def ahead_of(self) -> Iterator[tuple[str, MeanEstimate | None]]:
        """The rates."""
        return ((one.model, one.behind) for one in self.measured[2:])
