"""Whole questions, not only expressions, have the same answers on Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ibis import _

from desirepath.analysis.engines import AnalysisEngine, Spark
from desirepath.analysis.impressions import impressions
from desirepath.analysis.log import log_of
from desirepath.engine.analysing.comparing import Compared
from desirepath.engine.analysing.flagging import find_flagged
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.position_bias import position_bias
from desirepath.engine.analysing.position_rates import position_rates
from desirepath.engine.analysing.refinements import find_refinements
from desirepath.engine.analysing.sessions import list_sessions
from desirepath.engine.analysing.troubled import find_troubled
from desirepath.engine.analysing.zero_results import find_zero_results
from desirepath.engine.training.proposing import lists_to_measure
from desirepath.engine.training.validating import validate_log
from tests.agreement.test_analysis_engines import open_files
from tests.unit.analysis.logs import duckdb, random_log, write_log
from tests.unit.analysis.test_ranking_features import (
    close_to,
    found_features,
    log_with_times,
    numbers,
    without_people_seen,
)
from tests.unit.engine.analysing.robots import crawler
from tests.unit.engine.analysing.traffic import Traffic

pytestmark = [
    pytest.mark.torture,
    pytest.mark.needs_java,
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("ignore:fetch_arrow_table"),
]

_WINDOW = 3600 * 1_000_000


def _lists_to_measure(part: Part) -> list[str]:
    moments = part.log.executions.select("execution_id", moment=_.occurred_at)
    counted = part.log.counted.filter(_.is_known).select("execution_id", "acts")
    rows = part.rows(lists_to_measure(part, counted.inner_join(moments, "execution_id")))
    return sorted(row["execution_id"] for row in rows)


QUESTIONS: dict[str, Callable[[Part], Any]] = {
    "zero_results": lambda part: find_zero_results(part, _WINDOW),
    "refinements": lambda part: find_refinements(part, _WINDOW, min_identities=2),
    "troubled": lambda part: find_troubled(part, min_searches=1),
    "sessions": lambda part: list_sessions(part, _WINDOW),
    "positions": lambda part: position_rates(Compared(part=part)),
    "position_bias": position_bias,
    "what_the_log_allows": validate_log,
    "lists_to_measure": _lists_to_measure,
}


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    with closing(Spark("local[2]")) as spark:
        yield spark


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("log"), **random_log(7, n_searches=60, n_events=400))


def answer(engine: AnalysisEngine, folder: Path, question: str) -> str:
    interactions = engine.read(folder / "interactions")
    executions = engine.read(folder / "executions")
    returned = engine.read(folder / "returned")
    with engine.kept(impressions(interactions, executions, returned)) as shown:
        log = log_of(interactions, executions, returned, shown)
        return msgspec.json.encode(QUESTIONS[question](Part(log=log, engine=engine))).decode()


@pytest.mark.parametrize("question", QUESTIONS)
def test_equal_answers(spark: Spark, folder: Path, tmp_path: Path, question: str) -> None:
    with closing(duckdb(tmp_path)) as here:
        expected = answer(here, folder, question)
    assert answer(spark, folder, question) == expected


def test_the_same_robots(spark: Spark, tmp_path: Path) -> None:
    traffic = Traffic(seed=1).people(300, n_days=5, n_users=40)
    crawler(traffic)
    folder = write_log(tmp_path / "log", **traffic.tables())
    with closing(duckdb(tmp_path)) as here:
        expected = find_flagged(open_files(here, folder), here)
    assert find_flagged(open_files(spark, folder), spark) == expected
    assert [one.identity for one in expected.identities] == ["robot"]


def test_the_same_features_of_rankers(spark: Spark, tmp_path: Path) -> None:
    log = without_people_seen(log_with_times(1))
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    with closing(duckdb(tmp_path)) as here:
        expected = found_features(here, tmp_path / "here", log)
    found = found_features(spark, tmp_path / "there", log)
    assert found.keys() == expected.keys()
    for key, features in found.items():
        assert numbers(features) == close_to(expected[key])
