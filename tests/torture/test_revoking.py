"""A revoked key is refused by every process within a second."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.torture.harness import ports_of, serving_many
from tests.torture.nursery import Nursery
from tests.torture.revoking import revoke_under_use

pytestmark = [pytest.mark.torture, pytest.mark.timeout(300)]


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_a_revoked_key_is_refused_everywhere_within_a_second(
    database: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    flags = ("--failed-logins-per-minute", "0")
    with serving_many(4, database, *flags, launch=nursery.launch) as servers:
        for _ in range(5):
            figure(asyncio.run(revoke_under_use(database, ports_of(servers), rng)))
