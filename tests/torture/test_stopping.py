"""P20: SIGTERM under load, fifty times."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.torture.harness import launch_process, serving
from tests.torture.nursery import Nursery
from tests.torture.stopping import EXIT_SECONDS, stop_under_load, stop_while_a_body_trickles

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]


@pytest.mark.parametrize("drain_seconds", [0.6, 0.0])
def test_fifty_stops_under_load(
    drain_seconds: float,
    sqlite: str,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    run = stop_under_load(sqlite, rng, nursery.launch, n_times=25, drain_seconds=drain_seconds)
    figure(asyncio.run(run))


def test_stops_of_several_workers(
    sqlite: str, rng: random.Random, figure: Callable[[str], None]
) -> None:
    def launch(arguments, out, err, variables):  # type: ignore[no-untyped-def]
        return launch_process([*arguments, "--workers", "2"], out, err, variables)

    figure(asyncio.run(stop_under_load(sqlite, rng, launch, n_times=3, drain_seconds=0.6)))


def test_a_body_that_never_ends_does_not_keep_the_server(
    sqlite: str, figure: Callable[[str], None]
) -> None:
    with serving(sqlite) as server:
        seconds = asyncio.run(stop_while_a_body_trickles(server))
    figure(f"ended {seconds:.2f} s after SIGTERM")
    assert seconds <= EXIT_SECONDS
