"""P1: ``kill -9`` under load, 200 times on each database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.torture.killing import survive_kills
from tests.torture.nursery import Nursery

pytestmark = [pytest.mark.torture, pytest.mark.timeout(900)]


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_no_acknowledged_interaction_is_lost_or_doubled_by_200_kills(
    database: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    figure(asyncio.run(survive_kills(database, rng, nursery.launch, n_kills=200)))
