"""An engine over an empty SQLite database, and the clock that it goes by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from desirepath.engine.analysis_rules import AnalysisRules
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.storage.open import open_storage
from desirepath.testing.clock import ClockedStorage, TestingClock


@pytest.fixture
def clock() -> TestingClock:
    return TestingClock()


@pytest.fixture
def engine(clock: TestingClock, tmp_path: Path) -> Iterator[Engine]:
    storage = ClockedStorage(open_storage(f"sqlite:///{tmp_path}/log.db", clock), clock)
    rules = AnalysisRules(folder=tmp_path / "copies")
    with closing(Engine(storage, clock, RecordingRules(), analysis=rules)) as engine:
        ensure_defaults(engine)
        yield engine
