"""Fixtures of the quick fault tests: those of the long ones."""

from __future__ import annotations

import pytest

from tests.torture import figures
from tests.torture.conftest import database, nursery, sqlite
from tests.torture.figures import figure, rng

__all__ = ["database", "figure", "nursery", "rng", "sqlite"]


def pytest_configure(config: pytest.Config) -> None:
    figures.register(config)
