"""A plugin that prints what was measured when the tests are over, passed or not."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable

import pytest

_NAME = "measured-figures"


class Figures:
    """Lines of (test, figure)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.lines:
            terminalreporter.section("measured")
        for name, text in self.lines:
            terminalreporter.line(f"{name}: {text}")


def register(config: pytest.Config) -> None:
    """Add the plugin once, whichever folder's conftest asks first."""
    if config.pluginmanager.get_plugin(_NAME) is None:
        config.pluginmanager.register(Figures(), _NAME)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a figure now, where output is shown, and again at the end."""
    figures = request.config.pluginmanager.get_plugin(_NAME)
    assert isinstance(figures, Figures)

    def say(text: str) -> None:
        figures.lines.append((request.node.name, text))
        print(text)

    return say


@pytest.fixture
def rng(figure: Callable[[str], None]) -> random.Random:
    """Give the generator that decides everything in a test; DESIREPATH_SEED replays a run."""
    seed = int(os.environ.get("DESIREPATH_SEED") or secrets.randbits(32))
    figure(f"seed {seed}")
    return random.Random(seed)
