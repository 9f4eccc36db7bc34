"""What all trainings have in common: how they go about their work, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypedDict, TypeVar

import msgspec
from msgspec import Struct

from desirepath.domain.artifact import Artifact
from desirepath.domain.plain_json import without_nan
from desirepath.engine.analysing.copying import CopyProgress
from desirepath.engine.models import StoreModel

__all__ = ["Report", "Stepped", "Trained", "TrainingOptions", "plain_report"]


Stepped = Callable[[int, int], None]
"""Told after each step how many are done, of how many at most."""


class TrainingOptions(TypedDict, total=False):
    """How a training goes about its work, whatever it learns.

    Parameters
    ----------
    on, progress
        See :func:`~desirepath.engine.analysing.asking.open_log`.
    is_stored
        False: measure only.
    store
        How the model is stored, within a task say.
    stepped
        Told how far learning is, once the log was read.
    """

    on: str
    progress: CopyProgress | None
    is_stored: bool
    store: StoreModel
    stepped: Stepped | None


class Report(Protocol):
    """How a model was trained and how good it is, a struct."""

    @property
    def verdict(self) -> str:
        """What the measure says, in words."""
        ...

    @property
    def beats_baselines(self) -> bool | None:
        """Whether it is better than what needs no learning; None: there is none, or too little."""
        ...


R_co = TypeVar("R_co", bound=Report, covariant=True)


class Trained(Struct, Generic[R_co], frozen=True, kw_only=True, eq=False):
    """What came of training; ``artifact`` is None where it was only measured."""

    report: R_co
    artifact: Artifact | None


def plain_report(report: Report) -> dict[str, Any]:
    """A report as a model's manifest has it: what it comes to first, then its figures."""
    return {
        "verdict": report.verdict,
        "beats_baselines": report.beats_baselines,
        **without_nan(msgspec.to_builtins(report)),
    }
