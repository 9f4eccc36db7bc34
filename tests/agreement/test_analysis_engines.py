"""DuckDB and Spark give the same answers to the same expressions over the same files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ibis.expr.types import Table

from desirepath.analysis import click_lists, embedding_pairs, event_health
from desirepath.analysis.engines import AnalysisEngine, Spark
from desirepath.analysis.impressions import impressions, is_clicked
from desirepath.analysis.log import Log, log_of
from desirepath.domain.acts import CLICKED
from desirepath.domain.scope import Scope
from tests.unit.analysis.logs import duckdb, random_log, write_log

pytestmark = [
    pytest.mark.needs_java,
    # What PySpark itself does with pandas, sockets and threads.
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("ignore:fetch_arrow_table"),
]


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    with closing(Spark("local[2]")) as spark:
        yield spark


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = random_log(7, n_searches=60, n_events=600)
    for number, row in enumerate(log["executions"]):
        row["metadata"] = '{"device":"phone","page":{"columns":3}}' if number % 3 else None
        row["configuration"] = "new" if number % 2 else None
    return write_log(tmp_path_factory.mktemp("log"), **log)


def open_files(engine: AnalysisEngine, folder: Path) -> Log:
    tables = tables_of(engine, folder)
    return log_of(*tables, impressions(*tables))


def tables_of(engine: AnalysisEngine, folder: Path) -> tuple[Table, Table, Table]:
    interactions = engine.read(folder / "interactions")
    return interactions, engine.read(folder / "executions"), engine.read(folder / "returned")


@pytest.fixture(scope="module")
def spark_log(spark: Spark, folder: Path) -> Iterator[Log]:
    """Open the log as a question would: impressions are worked out once."""
    tables = tables_of(spark, folder)
    with spark.kept(impressions(*tables)) as shown:
        yield log_of(*tables, shown)


def rows(engine: AnalysisEngine, table: Any) -> list[str]:
    return sorted(repr(_plain(row)) for row in engine.arrow(table).to_pylist())


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Sums of floats may differ in their last digits; maps have no order."""
    return {
        name: (
            f"{value:.9g}"
            if isinstance(value, float) and math.isfinite(value)
            else sorted(value)
            if isinstance(value, list)
            else value
        )
        for name, value in sorted(row.items())
    }


def positions(log: Log) -> Any:
    counted = log.counted
    return counted.group_by("retriever_id", "position", "basis").agg(
        n=counted.count(), clicks=is_clicked(counted).sum()
    )


def wrong(log: Log) -> Any:
    events = event_health.events(log)
    return events.aggregate(
        **{
            name: events.count(where=condition)
            for name, (_, condition) in event_health.wrong_events(events).items()
        }
    )


def lists(log: Log) -> Any:
    return click_lists.listed(log.counted, 4)


def pairs(log: Log) -> Any:
    return click_lists.pairs(lists(log), ["text://title"])


QUESTIONS: dict[str, Callable[[Log], Any]] = {
    "interactions": lambda log: log.interactions,
    "executions": lambda log: log.executions,
    "returned": lambda log: log.returned,
    "impressions": lambda log: log.impressions,
    "counted": lambda log: log.counted,
    "positions": positions,
    "phones": lambda log: log.within(Scope(metadata={"device": "phone"})).impressions,
    "columns": lambda log: log.within(Scope(metadata={"page.columns": "3"})).interactions,
    "a_part": lambda log: (
        log.within(
            Scope(retriever_id="r1", configuration="new", since=10**9, before=10**10)
        ).impressions
    ),
    "wrong_events": wrong,
    "listed_cells": lambda log: embedding_pairs.listed_cells(log.counted, 500.0),
    "skipped_above": lambda log: embedding_pairs.skipped_above(log.counted, None),
    "wordings": lambda log: embedding_pairs.wordings(log.counted),
    "last_inputs": lambda log: embedding_pairs.last_inputs(
        log.executions.mutate(query_snapshot=log.executions["query"])
    ),
    "repeated_views": lambda log: event_health.repeated_views(event_health.events(log))[1],
    "unseen_clicks": lambda log: event_health.unseen_clicks(log)[1],
    "types": lambda log: event_health.by_type(event_health.events(log), 18 * 10**9, 10**9, 9),
    "pairs": pairs,
    "lists": lambda log: click_lists.rows_of_lists(lists(log), pairs(log), CLICKED),
    "lost": lambda log: click_lists.losses(log.impressions, log.counted, 4),
    "features": lambda log: click_lists.feature_names(lists(log)),
    "choices": lambda log: click_lists.choices(log.interactions, CLICKED),
    "inputs": lambda log: click_lists.query_inputs(
        log.interactions.mutate(query_snapshot=log.interactions["query"]), log.executions
    ),
    "score": lambda log: log.returned.mutate(title=log.returned.scores["text://title"]).select(
        "execution_id", "title"
    ),
}


QUICK = ("interactions", "impressions", "positions", "columns", "a_part", "score", "lists")
"""Each takes Spark seconds: the others are for the long tests."""


@pytest.mark.parametrize("question", QUICK)
def test_equal_answers(
    spark_log: Log, spark: Spark, folder: Path, tmp_path: Path, question: str
) -> None:
    ask = QUESTIONS[question]
    with closing(duckdb(tmp_path)) as here:
        expected = rows(here, ask(open_files(here, folder)))
    assert rows(spark, ask(spark_log)) == expected
    assert expected
