"""Ten thousand searches that rankers served, beside what the log says of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from desirepath.engine.analysis_rules import AnalysisRules
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.storage_fixtures import BACK_ENDS, Database
from tests.unit.engine.serving.ranking.replaying import Replay, compare

pytestmark = pytest.mark.torture

SHOWN = 10_000


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_features_are_the_same_in_service_and_in_the_log(
    request: pytest.FixtureRequest,
    back_end: str,
    clock: TestingClock,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    database = Database(request.getfixturevalue(f"{back_end}_url"))
    rules = AnalysisRules(folder=tmp_path / "copies")

    def open_engine() -> Engine:
        storage = ClockedStorage(database.open(clock), clock)
        return Engine(storage, clock, RecordingRules(), analysis=rules)

    with closing(Replay(open_engine, clock, rng)) as replay:
        replay.run(1_000)
        replay.train(seed=1)
        replay.n_skipped = 0
        while replay.n_shown < SHOWN:
            replay.run(1_000)
            match rng.randrange(4):
                case 0:
                    replay.restart()
                case 1:
                    replay.train(seed=replay.n_judged)
        compared = compare(replay)
        figure(
            f"{compared.n_executions:,} executions, {compared.n_values:,} "
            f"numbers, of these {compared.n_exact:,} the same to the bit"
        )
        assert replay.n_skipped == 0
        assert compared.different == {}
        assert compared.n_exact > 0.999_9 * compared.n_values
