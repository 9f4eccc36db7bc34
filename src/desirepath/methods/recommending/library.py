"""Whether ``implicit`` is here: it has no wheels everywhere; where it has none, NumPy is slower."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["implicit_module"]


def implicit_module(name: str) -> ModuleType | None:
    """A module of ``implicit``; None where it cannot be imported.

    Its compiled parts may be there and not fit the machine, which is an ImportError too, or an
    OSError.
    """
    try:
        return importlib.import_module(f"implicit.{name}")
    except (ImportError, OSError):
        return None
