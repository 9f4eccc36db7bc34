"""What the log says of a candidate."""

from __future__ import annotations

from desirepath.domain.gate import WhatIfSays
from desirepath.engine.engine import Engine
from desirepath.engine.gating.candidates import Candidate
from desirepath.storage.base import Namespace

__all__ = ["ask_log"]


def ask_log(engine: Engine, namespace: Namespace, candidate: Candidate) -> WhatIfSays:
    """What a candidate would have earned."""
    return WhatIfSays(words="The log is not asked yet.")
