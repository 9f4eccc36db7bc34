"""Where and how the log is analysed."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

__all__ = ["AnalysisRules"]


class AnalysisRules(Struct, frozen=True, kw_only=True):
    """Where copies of the log are kept, and what an analysis may take.

    Parameters
    ----------
    folder
        Of the copies; None: a temporary one, which goes with the engine.
    memory_bytes
        Of the engine that answers; what does not fit is kept on disk meanwhile.
    threads
        0: one a core.
    """

    folder: Path | None = None
    memory_bytes: int = 2 << 30
    threads: int = 0
