"""P28: the clock is stepped while a server records."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.clocks import Clock, survive_clock_steps
from tests.torture.conftest import find_libfaketime

pytestmark = [pytest.mark.torture, pytest.mark.needs_faketime, pytest.mark.timeout(300)]


def test_clock_steps_lose_and_double_nothing(
    sqlite: str, tmp_path: Path, rng: random.Random, figure: Callable[[str], None]
) -> None:
    library = find_libfaketime()
    assert library is not None
    clock = Clock(tmp_path / "offset", library)
    figure(asyncio.run(survive_clock_steps(sqlite, clock, rng, seconds_each=2)))
