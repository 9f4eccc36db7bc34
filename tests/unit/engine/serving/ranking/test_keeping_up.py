"""One thread reads the log for all rankers of a process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.engine.serving.ranking.shared_counts import SharedCounts
from desirepath.storage.base import Storage
from desirepath.storage.open import open_storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.rankers import deploy_ranker


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    clock = TestingClock()
    storage = ClockedStorage(open_storage(f"sqlite:///{tmp_path}/log.db", clock), clock)
    with closing(Engine(storage, clock, RecordingRules())) as engine:
        ensure_defaults(engine)
        yield engine


def test_a_ranker_that_cannot_read_the_log_holds_up_no_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.storage.read() as session:
        namespace = session.catalog.namespaces()[0]
    broken, other = (deploy_ranker(engine, namespace, {"rank": -1.0}, name=name) for name in "ab")
    counts = engine.rankers.get(1, "a", None).counts
    was_read = threading.Event()
    keep_up = SharedCounts.keep_up

    def fail_for_one(self: SharedCounts, storage: Storage, stopped: threading.Event) -> None:
        if self is counts:
            raise ZeroDivisionError
        keep_up(self, storage, stopped)
        was_read.set()

    monkeypatch.setattr(SharedCounts, "keep_up", fail_for_one)
    engine.rankers.get(1, "b", None)
    assert was_read.wait(60)
    assert broken.artifact_id in caplog.text
    assert other.artifact_id not in caplog.text
