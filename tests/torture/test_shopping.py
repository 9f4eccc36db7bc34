"""Shoppers over four processes that are killed in turn, while all is learned again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.torture.nursery import Nursery
from tests.torture.shopping import shop_while_servers_die

pytestmark = [pytest.mark.torture, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("database", "n_servers"), [("sqlite", 1), ("postgres", 4)], indirect=["database"]
)
def test_all_processes_learn_what_the_log_says(
    database: str,
    n_servers: int,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    run = shop_while_servers_die(
        database, rng, nursery.launch, n_servers=n_servers, n_shoppers=12, n_searches=60, n_kills=30
    )
    figure(asyncio.run(run))
