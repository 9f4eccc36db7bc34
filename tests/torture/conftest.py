"""Fixtures and skips of the long fault tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from desirepath.engine.tasks import kinds
from tests.torture.durable_postgres import DurablePostgres
from tests.torture.harness import REPOSITORY, environment
from tests.torture.nursery import Nursery
from tests.torture.task_instants import KIND_TO_HANDLER

__all__ = ["durable_postgres", "nursery", "postgres", "quick_kinds", "sqlite"]

_LIBFAKETIME = "libfaketime.so.1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_root: mounts file systems (root on Linux)")
    config.addinivalue_line("markers", "needs_faketime: steps the clock (Debian: faketime)")
    config.addinivalue_line("markers", "needs_own_postgres: stops the server or reads its files")


def find_libfaketime() -> Path | None:
    """Where Debian puts the library, whatever the machine."""
    return next(iter(Path("/usr/lib").glob(f"*/faketime/{_LIBFAKETIME}")), None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, and say why, what cannot run here."""
    if item.get_closest_marker("needs_root") and (os.geteuid() != 0 or not shutil.which("mount")):
        pytest.skip("needs root, to mount a small file system")
    if item.get_closest_marker("needs_faketime") and find_libfaketime() is None:
        pytest.skip("not installed: faketime")
    if item.get_closest_marker("needs_own_postgres") and DurablePostgres.is_named():
        pytest.skip("needs a PostgreSQL of its own, not the one in DESIREPATH_TEST_POSTGRES")


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Open the process that starts servers quickly, for all tests."""
    with Nursery.opened(REPOSITORY, environment()) as opened:
        yield opened


@pytest.fixture(scope="session")
def durable_postgres() -> Iterator[DurablePostgres]:
    """Start one PostgreSQL that syncs, for all tests."""
    with DurablePostgres.started() as server:
        yield server


@pytest.fixture
def postgres(durable_postgres: DurablePostgres) -> Iterator[str]:
    """Make a migrated database on a PostgreSQL that syncs."""
    with durable_postgres.database() as url:
        yield url


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[str]:
    """Name an SQLite file that is not there yet; with all beside it, it goes after the test."""
    yield f"sqlite:///{tmp_path}/desirepath.db"
    shutil.rmtree(tmp_path)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Give the database whose fixture the test names: ``sqlite`` or ``postgres``."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def quick_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow tasks of the kinds that are there for tests."""
    for kind, handler in KIND_TO_HANDLER.items():
        monkeypatch.setitem(kinds.KIND_TO_HANDLER, kind, handler)
