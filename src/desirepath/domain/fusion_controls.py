"""What people decided about a retriever's learning, beside its definition."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

__all__ = ["FusionControls", "read_controls", "write_controls"]


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
    """

    enabled: bool | None = None
    rollout_pct: float | None = None
    frozen: bool = False
    weights: Mapping[str, float] | None = None
    left_out: tuple[int, int] | None = None


_decode = msgspec.json.Decoder(FusionControls).decode


def read_controls(text: str | None) -> FusionControls:
    """As they were written; none were decided: the defaults."""
    return FusionControls() if text is None else _decode(text)


def write_controls(controls: FusionControls) -> str:
    """As they are stored."""
    return msgspec.json.encode(controls).decode()
