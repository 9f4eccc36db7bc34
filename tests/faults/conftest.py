"""Fixtures of the quick fault tests: those of the long ones."""

from __future__ import annotations

from tests.torture.conftest import database, nursery, sqlite

__all__ = ["database", "nursery", "sqlite"]
