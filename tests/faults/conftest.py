"""Fixtures of the quick fault tests: those of the long ones."""

from __future__ import annotations

from tests.torture.conftest import database, nursery, quick_kinds, sqlite

__all__ = ["database", "nursery", "quick_kinds", "sqlite"]
