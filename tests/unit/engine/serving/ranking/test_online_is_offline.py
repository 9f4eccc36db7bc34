"""What a ranker sees when it serves is what the log says later that it saw."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from desirepath.engine.analysis_rules import AnalysisRules
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.storage_fixtures import Database
from tests.unit.engine.serving.ranking.replaying import Replay, compare


@pytest.fixture
def replay(database: Database, clock: TestingClock, tmp_path: Path) -> Iterator[Replay]:
    rules = AnalysisRules(folder=tmp_path / "copies")

    def open_engine() -> Engine:
        storage = ClockedStorage(database.open(clock), clock)
        return Engine(storage, clock, RecordingRules(), analysis=rules)

    with closing(Replay(open_engine, clock, random.Random(5))) as replay:
        yield replay


def test_features_are_the_same_in_service_and_in_the_log(
    replay: Replay, figure: Callable[[str], None]
) -> None:
    replay.run(80)  # no ranker is there yet
    assert replay.n_judged == 0
    assert replay.n_skipped > 0
    replay.train(seed=1)
    replay.n_skipped = 0
    replay.run(100)
    replay.restart()
    replay.run(100)
    replay.train(seed=2)
    replay.run(60)
    replay.roll_back()
    replay.run(60)
    assert replay.n_skipped == 0
    compared = compare(replay)
    figure(
        f"{compared.n_executions} executions, {compared.n_values:,} numbers, of these "
        f"{compared.n_exact:,} the same to the bit"
    )
    assert compared.different == {}
    assert compared.n_executions > 150
    assert compared.n_exact > 0.999 * compared.n_values
