"""Slow clients beside others (quick)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from tests.torture.harness import assert_quiet, serving
from tests.torture.nursery import Nursery
from tests.torture.slow_clients import endure_slow_clients


def test_slow_clients_are_ended_in_time(
    sqlite: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    with serving(sqlite, "--request-seconds", "1", launch=nursery.launch) as server:
        run = endure_slow_clients(server.port, rng, n_clients=60, seconds=3, request_seconds=1)
        _, line = asyncio.run(run)
        assert_quiet(server)
    figure(line)
