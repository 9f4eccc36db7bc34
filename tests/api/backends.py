"""The API over both databases in this process, one at a time or both alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from desirepath.storage.open import open_storage
from desirepath.testing.clock import TestingClock
from tests.api.client import Api, Backend
from tests.api.twins import Twins
from tests.storage_fixtures import BACK_ENDS, PostgresServer

__all__ = ["api", "backend", "portal", "postgres_backend", "sqlite_backend", "twins"]

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """Start the event loop that applications run in."""
    with start_blocking_portal() as portal:
        yield portal


def _open(name: str, url: str, portal: BlockingPortal) -> Backend:
    backend = Backend(name, open_storage(url, TestingClock(), migrate=True), portal)
    backend.application()
    return backend


# For each module, since every namespace with documents brings tables of its own: a database with
# thousands of them is slow to work in.


@pytest.fixture(scope="module")
def sqlite_backend(portal: BlockingPortal) -> Iterator[Backend]:
    """Open one SQLite file for the tests of a module; each works in a namespace of its own."""
    # These tests cut no power: a commit need not reach a disk, where there is a folder in memory.
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        url = f"sqlite:///{folder}/desirepath.db"
        with closing(_open("sqlite", url, portal)) as backend:
            yield backend


@pytest.fixture(scope="module")
def postgres_backend(portal: BlockingPortal, postgres_server: PostgresServer) -> Iterator[Backend]:
    """Open one PostgreSQL database likewise."""
    name = f"desirepath_api_{os.getpid()}_{os.urandom(3).hex()}"
    with postgres_server.database(name) as url, closing(_open("postgres", url, portal)) as backend:
        yield backend


@pytest.fixture(params=BACK_ENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Give each back end in turn."""
    backend = request.getfixturevalue(f"{request.param}_backend")
    assert isinstance(backend, Backend)
    return backend


@pytest.fixture
def api(backend: Backend) -> Api:
    """Give the API with default settings in an empty namespace."""
    return backend.api()


@pytest.fixture
def twins(sqlite_backend: Backend, postgres_backend: Backend) -> Twins:
    """Give both databases, to be asked the same and to answer alike."""
    return Twins(sqlite_backend, postgres_backend)
