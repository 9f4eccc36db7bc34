"""A plugin that prints what was measured when the tests are over, passed or not.

A figure travels in its test's report, so that those of other processes arrive too.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable

import pytest

_FIGURE = "figure"


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a figure now, where output is shown, and again at the end."""

    def say(text: str) -> None:
        request.node.user_properties.append((_FIGURE, text))
        print(text)

    return say


@pytest.fixture
def rng(figure: Callable[[str], None]) -> random.Random:
    """Give the generator that decides everything in a test; DESIREPATH_SEED replays a run."""
    seed = int(os.environ.get("DESIREPATH_SEED") or secrets.randbits(32))
    figure(f"seed {seed}")
    return random.Random(seed)


class Figures:
    """Collects the figures of all tests."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            name = report.nodeid.rpartition("::")[2]
            figures = [text for kind, text in report.user_properties if kind == _FIGURE]
            self._lines += [f"{name}: {text}" for text in figures]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._lines:
            terminalreporter.section("measured")
        for line in self._lines:
            terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Figures(), "measured-figures")
