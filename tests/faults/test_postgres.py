"""PostgreSQL that ends connections and loses its last words (quick)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import closing

import pytest

from desirepath.domain.artifact import Artifact
from desirepath.domain.clock import SystemClock
from desirepath.errors import StorageUnavailable
from desirepath.storage.open import open_storage
from desirepath.storage.postgres import storage as postgres_storage
from desirepath.testing.storage_contract.artifacts import FILES, a_model
from tests.torture.durable_postgres import DurablePostgres
from tests.torture.nursery import Nursery
from tests.torture.postgres_faults import (
    nothing_is_sent_twice_by_the_server,
    survive_ended_connections,
)


def test_connections_that_are_ended(
    postgres_url: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    postgres = DurablePostgres(postgres_url)
    run = survive_ended_connections(postgres, postgres_url, rng, nursery.launch, 8)
    figure(asyncio.run(run))


def test_an_unknown_commit_is_not_repeated_by_the_server(
    postgres_url: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    run = nothing_is_sent_twice_by_the_server(postgres_url, rng, nursery.launch, 200)
    figure(asyncio.run(run))


@pytest.mark.parametrize("is_asked_again", [True, False])
def test_a_writer_that_stands_still_gives_up_its_locks(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, is_asked_again: bool
) -> None:
    monkeypatch.setattr(postgres_storage, "_IDLE_SECONDS", 0.2)
    with closing(open_storage(postgres_url, SystemClock())) as storage:

        def stand_still() -> None:
            with storage.write() as still:
                still.artifacts.create(a_model(), FILES)
                with storage.write() as other:  # waits until it can
                    stored.append(other.artifacts.create(a_model(), FILES))
                if is_asked_again:
                    still.now()

        stored: list[Artifact] = []
        with pytest.raises(StorageUnavailable):
            stand_still()
        with storage.write() as session:
            assert session.artifacts.artifacts(1, 10) == stored
