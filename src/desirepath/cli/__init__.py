"""The command line."""

from __future__ import annotations

from desirepath.cli.main import main

__all__ = ["main"]
