"""What people decided about a retriever's learning, beside its definition."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

__all__ = ["FusionControls", "ShippedWeightSet", "read_controls", "write_controls"]


class ShippedWeightSet(Struct, frozen=True, kw_only=True):
    """Weights that passed a gate.

    Parameters
    ----------
    weight_set_id
        Of the model that they are.
    weights
        By feature URI; they sum to 1.
    evaluation_id, baseline_evaluation_id
        What decided.
    shipped_at
        Microseconds since 1970.
    """

    weight_set_id: str
    weights: Mapping[str, float]
    evaluation_id: str
    baseline_evaluation_id: str
    shipped_at: int


class FusionControls(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Decisions that hold until they are taken back, across restarts and changes of the retriever.

    Parameters
    ----------
    enabled
        Learned weights are served, or not, whatever the retriever's fusion says; None: as it says.
    rollout_pct
        Share of requests that get them; None: as the learning_config says.
    frozen
        Nothing new is learned; what was learned goes on being served.
    weights
        Fixed by hand, by feature URI.
    left_out
        Days that do not count, first and last: what a rollback took out.
    shipped
        What a gate let through last, and nobody rolled back.
    shipped_before
        What rolling back goes to, the last one first of all; none: to what is learned.
    """

    enabled: bool | None = None
    rollout_pct: float | None = None
    frozen: bool = False
    weights: Mapping[str, float] | None = None
    left_out: tuple[int, int] | None = None
    shipped: ShippedWeightSet | None = None
    shipped_before: tuple[ShippedWeightSet, ...] = ()


_decode = msgspec.json.Decoder(FusionControls).decode


def read_controls(text: str | None) -> FusionControls:
    """As they were written; none were decided: the defaults."""
    return FusionControls() if text is None else _decode(text)


def write_controls(controls: FusionControls) -> str:
    """As they are stored."""
    return msgspec.json.encode(controls).decode()
