"""All checks of events on Spark: forty questions, which take it minutes on a busy machine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from desirepath.analysis.engines import AnalysisEngine, Spark
from desirepath.analysis.impressions import impressions
from desirepath.analysis.log import log_of
from desirepath.engine.analysing.event_checks import EventHealth
from desirepath.engine.analysing.event_health import event_health
from desirepath.engine.analysing.part import Part
from tests.unit.analysis.logs import duckdb, write_log
from tests.unit.engine.analysing.robots import crawler
from tests.unit.engine.analysing.traffic import Traffic

pytestmark = [
    pytest.mark.torture,
    pytest.mark.needs_java,
    # What PySpark itself does with pandas, sockets and threads.
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("ignore:fetch_arrow_table"),
]


def health(engine: AnalysisEngine, folder: Path) -> EventHealth:
    interactions, executions, returned = (
        engine.read(folder / name) for name in ("interactions", "executions", "returned")
    )
    shown = impressions(interactions, executions, returned)
    return event_health(Part(log=log_of(interactions, executions, returned, shown), engine=engine))


def test_it_is_equal(tmp_path: Path) -> None:
    """The same faults with the same examples, and the same robot."""
    traffic = Traffic(seed=1).people(200, n_days=5, n_users=40)
    for row in traffic.executions[:50]:
        traffic.impression(row["execution_id"], 0, row["occurred_at"])
    for row in traffic.interactions[:200:7]:
        row["execution_id"] = "never"
    crawler(traffic)
    folder = write_log(tmp_path / "log", **traffic.tables())
    with closing(duckdb(tmp_path)) as here:
        expected = health(here, folder)
    with closing(Spark("local[2]")) as spark:
        assert health(spark, folder) == expected
    assert expected.n_flagged == 1
    assert "unknown_execution" in {check.name for check in expected.failed}
