"""P18, P19: six hundred slow clients, and bodies without end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.torture.harness import assert_quiet, serving
from tests.torture.slow_clients import endure_slow_clients, send_too_much

pytestmark = [pytest.mark.torture, pytest.mark.timeout(300)]

N_CLIENTS = 600
PROMISED_RATIO = 2.0
ASSERTED_RATIO = 5.0  # the machine is shared, and the clients run on it too


def test_slow_clients_hold_nobody_up(
    sqlite: str, rng: random.Random, figure: Callable[[str], None]
) -> None:
    with serving(sqlite, "--request-seconds", "10") as server:
        run = endure_slow_clients(
            server.port, rng, n_clients=N_CLIENTS, seconds=40, request_seconds=10
        )
        ratio, line = asyncio.run(run)
        assert_quiet(server)
    figure(f"{line}; promised: {PROMISED_RATIO:g} times")
    assert ratio <= ASSERTED_RATIO


@pytest.mark.parametrize("n_at_once", [1, 20])
def test_a_body_without_end_is_refused_early(
    n_at_once: int, sqlite: str, figure: Callable[[str], None]
) -> None:
    with serving(sqlite) as server:
        mebibytes = 1024 if n_at_once == 1 else 64
        run = send_too_much(server.port, server.pid, n_at_once=n_at_once, mebibytes=mebibytes)
        figure(asyncio.run(run))
        assert_quiet(server)
